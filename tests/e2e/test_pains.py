"""What users of such systems suffer from, and cannot here: pains with what comes in, and with who answers it.

Each test is named after its pain; docs/explanation/pains.md has the list. The other half is test_pains_out.py.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from frontdesk.clock import SystemClock
from frontdesk.model import BOT, NOBODY
from frontdesk.store.collections import CONTACTS
from frontdesk.testing.fake_bedrock import Answer, Call, Fault
from frontdesk.testing.fake_twilio import Fault as TwilioFault
from frontdesk.testing.fake_twilio import InboundSpec

from .conftest import Phone, until
from .contacts import PICTURE
from .models import BIG, BOOKING, HANOI, SMALL, book, free_times
from .town import HOLDING, OF_A_POOL, PATIENT, Town, school

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUB_ACCOUNT = "AC" + "5" * 32
SERVICE = "MG" + "0" * 32
BETWEEN = 0.3
"""Seconds that somebody takes to write the next part of a thought: less than they have (PATIENT)."""
ONE_BY_ONE = {**PATIENT, "quiet_seconds": 0}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def closed_until_the_day_after_tomorrow() -> dict[str, Any]:
    day = SystemClock().now() + timedelta(days=2)
    return {DAYS[day.weekday()]: "00:00-24:00"}


BUSINESSES: dict[str, dict[str, Any]] = {
    "school": school(channel={"messaging_service_sid": SERVICE}),
    "patient": school(settle=PATIENT),
    "eager": school(settle=ONE_BY_ONE),
    "backed": school(more=["rehearsal_llm"]),
    "watching": school(channel={"signature": "log"}),
    "open": school(channel={"signature": "off"}),
    "branch": school(channel={"account_sid": SUB_ACCOUNT, "auth_token": {"env": "BRANCH_TOKEN"}}),
    "brief": school(return_to_bot_after="5 s"),
    "night": school(opening_hours=closed_until_the_day_after_tomorrow()),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    patch = pytest.MonkeyPatch()
    patch.setenv("BRANCH_TOKEN", "the branch's own token")
    async with Town.open(tmp_path_factory.mktemp("town"), BUSINESSES) as town:
        town.twilio.add_account(SUB_ACCOUNT, "the branch's own token")
        yield town
    patch.undo()


@pytest_asyncio.fixture(loop_scope="module")
async def town(whole: Town) -> AsyncIterator[Town]:
    whole.new_day()
    yield whole
    whole.is_right()


async def asked_once(town: Town, times: int = 1) -> None:
    """Wait until the models have been asked so often."""

    async def so_often() -> bool:
        return len(town.bedrock.requests) >= times

    await until(f"a model is asked {times} times", so_often)


async def typing_shown(town: Town) -> None:
    """Wait until the contact is shown that somebody is writing."""

    async def dots() -> bool:
        return bool(town.twilio.typing)

    await until("dots are shown", dots)


async def test_pain_1_quick_messages_get_one_reply_and_tools_run_once(town: Town) -> None:
    look, *rest = BOOKING
    town.bedrock.script = [replace(look, seconds=1.0), *rest]
    lan = town.phone("patient")
    thought = ("em ơi", "cho chị đặt lịch học thử sáng mai", "10:30 nhé, chị tên Lan")
    for text in thought:
        await lan.says(text)
        await asyncio.sleep(BETWEEN)
    heard = await lan.hears()
    assert re.fullmatch("Em đã đặt lịch 10:30 .+ cho Lan ạ.", heard)
    await town.answered(lan, heard)
    assert town.deeds(lan) == ["booked"]
    assert len(town.bedrock.requests) == len(BOOKING), "one turn"
    assert all(text in str(town.bedrock.requests[0]["messages"][-1]) for text in thought)
    await typing_shown(town)


async def test_pain_1_an_album_is_answered_as_one(town: Town) -> None:
    town.bedrock.otherwise = lambda asked: f"Dạ em thấy {_pictures(asked)} ảnh ạ."
    lan = town.phone("patient")
    for caption in ("bảng điểm của bé", ""):
        await lan.says(caption, kind="image", content=PICTURE, content_type="image/png")
        await asyncio.sleep(BETWEEN)
    assert await lan.hears() == "Dạ em thấy 2 ảnh ạ."
    await town.answered(lan, "Dạ em thấy 2 ảnh ạ.")


def _pictures(asked: dict[str, Any]) -> int:
    return sum("image" in block for block in asked["messages"][-1]["content"])


async def test_pain_1_a_newer_message_supersedes_the_draft(town: Town) -> None:
    town.bedrock.script = [
        Answer(text="Dạ lớp IELTS 7.900.000đ ạ.", seconds=1.5),
        "Dạ lớp thiếu nhi 4.800.000đ ạ.",
    ]
    lan = town.phone("patient")
    await lan.says("học phí lớp IELTS bao nhiêu em?")
    await asked_once(town)
    await lan.says("à chị nhầm, lớp thiếu nhi cơ")
    assert await lan.hears() == "Dạ lớp thiếu nhi 4.800.000đ ạ."
    await town.answered(lan, "Dạ lớp thiếu nhi 4.800.000đ ạ.")
    (turn,) = await town.turns(lan)
    assert turn.superseded == 1


async def test_pain_1_a_tool_of_a_superseded_draft_never_runs(town: Town) -> None:
    too_late: Any = lambda asked: Answer(calls=book(0, "Lan")(asked).calls, seconds=1.5)  # noqa: E731
    town.bedrock.script = [free_times(HANOI), too_late, "Dạ vậy em chưa đặt lịch ạ."]
    lan = town.phone("patient")
    await lan.says("đặt cho chị 9 giờ sáng mai, chị tên Lan")
    await asked_once(town, 2)
    await lan.says("thôi khoan, đừng đặt vội em ơi")
    assert await lan.hears() == "Dạ vậy em chưa đặt lịch ạ."
    assert town.deeds(lan) == []


async def test_pain_1_a_business_that_wants_no_wait_has_none(town: Town) -> None:
    tom, lan = town.phone("eager", name="Tom Baker"), town.phone("patient")
    await asyncio.gather(tom.asks("by the way"), lan.asks("tiện thể,"))
    assert "waiting is switched off" in await town.run("conversations", "why", tom.conversation_id, "--tenant", "eager")
    assert "waited longer" in await town.run("conversations", "why", lan.conversation_id, "--tenant", "patient")


async def test_pain_2_what_was_taken_is_answered_after_a_crash_once_and_together(town: Town) -> None:
    town.bedrock.otherwise = "Dạ 7.900.000đ ạ."
    lan = town.phone("patient")
    await lan.says("em ơi")
    await lan.says("khóa IELTS bao nhiêu tiền")
    await town.kill()
    assert [message.state for message in await lan.messages()] == ["received", "received"], "on disk before the 204"
    assert lan.received() == []
    await town.start()
    assert await lan.hears() == "Dạ 7.900.000đ ạ."
    await town.answered(lan, "Dạ 7.900.000đ ạ.")


async def test_pain_2_what_comes_while_an_answer_goes_out_is_answered_too(town: Town) -> None:
    town.bedrock.otherwise = lambda asked: f"Dạ: {asked['messages'][-1]['content'][-1]['text'].splitlines()[-1]}"
    lan = town.phone("eager")
    town.twilio.faults.add(TwilioFault(kind="delay", seconds=0.7, to=lan.address))
    await lan.says("trung tâm có chỗ gửi xe máy không em")

    async def on_its_way() -> bool:
        return len(town.twilio.faults.met) == 1

    await until("the first answer is on its way", on_its_way)
    await lan.says("còn ô tô thì sao em")
    assert "xe máy" in await lan.hears()
    assert "ô tô" in await lan.hears()
    await town.answered(lan, *(message.body for message in lan.received()))


async def test_pain_2_what_no_webhook_brought_is_asked_for(town: Town) -> None:
    lan = town.phone()
    form = dict(
        town.twilio.compose(InboundSpec(body="Chủ nhật có học không em?", from_=lan.address, to=lan.to, name="Lan"))
    )
    lost = town.twilio.state.messages[form["MessageSid"]]
    lost.created_at -= timedelta(minutes=5)
    lost.sent_at = lost.visible_at = lost.created_at
    assert "1 messages of contacts that no webhook had brought" in await town.run("catch-up", "school", "--hours", "1")
    assert await lan.hears() == "Dạ em nghe ạ."
    assert "0 messages of contacts" in await town.run("catch-up", "school", "--hours", "1")
    await town.twilio.post(town.hook_of("school"), list(form.items()))
    await town.answered(lan, "Dạ em nghe ạ.")
    assert "came late" in town.asked()


async def test_pain_2_what_nobody_could_answer_is_listed_counted_and_told_until_it_is_answered(town: Town) -> None:
    town.bedrock.faults.add(Fault(error="ModelErrorException", times=0))
    lan = town.phone()
    assert HOLDING in await lan.asks("Có được trả góp không em?")
    assert (await lan.conversation()).owner == NOBODY
    assert lan.conversation_id in await town.run("parked", "--tenant", "school")

    async def counted() -> bool:
        return 'frontdesk_parked{tenant="school",what="turn"} 1.0' in await town.metrics()

    await until("it is counted", counted)
    await town.hears("alert", conversation=lan.conversation_id)
    town.bedrock.faults.clear()
    town.bedrock.otherwise = "Dạ học phí được chia làm hai đợt ạ."
    await town.run("parked", "replay", "--all", "--tenant", "school")
    assert await lan.hears() == "Dạ học phí được chia làm hai đợt ạ."
    assert "Nothing is parked." in await town.run("parked", "--tenant", "school")
    await town.answered(lan, *(message.body for message in lan.received()))


async def test_pain_3_the_same_webhook_again_and_at_once_is_one_message(town: Town) -> None:
    lan = town.phone()
    form = town.twilio.compose(InboundSpec(body="Trung tâm ở đâu ạ?", from_=lan.address, to=lan.to, name="Lan"))
    hook = town.hook_of("school")
    answers = await asyncio.gather(*(town.twilio.post(hook, form) for _ in range(5)))
    assert {answer.status for answer in answers} == {204}
    assert await lan.hears() == "Dạ em nghe ạ."
    assert (await town.twilio.post(hook, form)).status == 204, "Twilio tries again what it was answered too late"
    await town.answered(lan, "Dạ em nghe ạ.")
    assert len(await lan.messages()) == 2 and len(town.bedrock.requests) == 1


async def test_pain_3_two_processes_that_get_the_same_webhook_at_once_answer_it_once(town: Town) -> None:
    town.bedrock.script = list(BOOKING)
    async with Town(town.folder, town.twilio, town.bedrock, BUSINESSES, name="second") as second:
        await second.start()
        lan = town.phone()
        spec = InboundSpec(body="đặt cho chị 10:30 ngày mai, chị tên Lan", from_=lan.address, to=lan.to, name="Lan")
        form = town.twilio.compose(spec)
        hooks = [served.hook_of("school") for served in (town, second)] * 3
        answers = await asyncio.gather(*(town.twilio.post(hook, form) for hook in hooks))
        assert {answer.status for answer in answers} == {204}
        heard = await lan.hears()
        await town.answered(lan, heard)
        assert town.deeds(lan) == ["booked"] and len(await lan.messages()) == 2
    assert len(town.bedrock.requests) == len(BOOKING)


async def test_pain_4_a_genuine_webhook_passes_whatever_stands_before_the_server(town: Town) -> None:
    lan = town.phone()
    spec = InboundSpec(body="Chào em", from_=lan.address, to=lan.to, extra={"Label": "", "Đặc biệt": "chị Lan & em"})
    form = [*town.twilio.compose(spec), ("Tag", "b"), ("Tag", "a"), ("Tag", "b")]
    address = f"{town.hook_of('school')}?from=twilio&empty="
    world = town.twilio.world
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": world.signature(address, form, town.twilio.account_sid),
        "Host": "internal-balancer:8080",
        "X-Forwarded-Host": "somebody.example",
        "X-Forwarded-Proto": "https",
    }
    assert (await world.raw_post(address, urlencode(form).encode(), headers)).status == 204
    assert await lan.hears() == "Dạ em nghe ạ."


@pytest.mark.parametrize(("tenant", "status"), [("school", 403), ("watching", 204), ("open", 204)])
async def test_pain_4_a_wrong_signature_does_what_the_business_wants(town: Town, tenant: str, status: int) -> None:
    mai = town.phone(tenant, name="Mai")
    form = town.twilio.compose(InboundSpec(body="Chào em", from_=mai.address, to=mai.to, name="Mai"))
    elsewhere = f"{town.url}/another/address"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": town.twilio.world.signature(elsewhere, form, town.twilio.account_sid),
    }
    answer = await town.twilio.world.raw_post(town.hook_of(tenant), urlencode(form).encode(), headers)
    assert answer.status == status
    if status == 204:
        assert await mai.hears() == "Dạ em nghe ạ."
    else:
        assert await mai.messages() == []
    would = f'event="signature_would_refuse",plugin="twilio_whatsapp",tenant="{tenant}"'
    assert (would in await town.metrics()) == (tenant == "watching"), "what `enforce` would refuse is counted"


async def test_pain_4_a_sub_account_signs_with_its_own_token(town: Town) -> None:
    minh = town.phone("branch", name="Minh")
    spec = InboundSpec(body="Chào em", from_=minh.address, to=minh.to, name="Minh")
    form = town.twilio.compose(spec, SUB_ACCOUNT)
    shared = f"{town.url}/webhooks/twilio_whatsapp"
    forged = town.twilio.world.signature(shared, form, town.twilio.account_sid)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": forged}
    body = urlencode(form).encode()
    assert (await town.twilio.world.raw_post(shared, body, headers)).status == 403, "signed by the parent account"
    assert (await town.twilio.post(shared, form, account_sid=SUB_ACCOUNT)).status == 204
    assert await minh.hears() == "Dạ em nghe ạ."


async def test_pain_4_a_messaging_service_alone_routes_nothing_and_its_pool_is_not_refused(town: Town) -> None:
    mai = town.phone("eager", name="Mai")
    of_another = {"MessagingServiceSid": SERVICE}
    spec = InboundSpec(body="Chào em", from_=mai.address, to=mai.to, extra=of_another)
    assert (await town.twilio.deliver(f"{town.url}/webhooks/twilio_whatsapp", spec)).status == 204
    assert await mai.hears() == "Dạ em nghe ạ.", "by its number, not by the school's service"
    lan = Phone(town, "whatsapp:+84908887777", "Lan", "school", OF_A_POOL)
    await lan.says("Chào em", extra=of_another)
    assert await lan.hears() == "Dạ em nghe ạ.", "a number of the pool that nobody has listed"


async def test_pain_4_the_doctor_proves_the_signature_by_a_request_to_itself(town: Town) -> None:
    said = await town.run("doctor", "watching")
    assert "a signed request" in said, said


async def test_pain_8_the_webhook_does_not_wait_for_the_model_and_the_contact_hears_of_the_next(town: Town) -> None:
    town.bedrock.faults.add(Fault(kind="hang", seconds=30, model=BIG))
    lan = town.phone()
    await lan.says("Em ơi, lớp tối mấy giờ?")
    assert town.bedrock.answered == 0, "Twilio had its 204 before any model answered"
    await typing_shown(town)
    assert lan.received() == [], "while the model is still asked"
    assert await lan.hears() == "Dạ em nghe ạ."
    assert town.bedrock.requests[-1]["modelId"] == SMALL
    await town.answered(lan, "Dạ em nghe ạ.")


async def test_pain_8_when_no_model_answers_the_offline_model_does_and_else_a_person_is_named(town: Town) -> None:
    town.bedrock.faults.add(Fault(error="ServiceUnavailableException", times=0))
    mai, tom = town.phone("backed", name="Mai"), town.phone("eager", name="Tom")
    offline, person = await asyncio.gather(
        mai.asks("khóa ielts giá bao nhiêu tiền vậy em"), tom.asks("How much is the IELTS course?")
    )
    assert "7.900.000đ" in offline
    assert "come back to you" in person, "in the language that they write in"
    await tom.says("Hello?")
    await town.quiet()
    assert [message.body for message in tom.received()] == [person], "and it is said once"


async def test_pain_9_a_hand_off_sticks_and_promises_no_silence_for_ever(town: Town) -> None:
    called = Answer(text="Dạ em mời thầy cô vào trả lời chị ạ.", calls=(Call("call_a_person", {"reason": "học phí"}),))
    town.bedrock.script = [called]
    lan = town.phone()
    assert "mời thầy cô" in await lan.asks("cho chị gặp người thật")
    for text in ("có ai không em", "alo"):
        await lan.says(text)
    await town.quiet()
    assert len(lan.received()) == 1 and (await lan.conversation()).owner == NOBODY
    assert (await town.hears("handoff", conversation=lan.conversation_id))["reason"] == "học phí"
    await town.run("conversations", "take", lan.conversation_id, "--tenant", "school", "--as", "Hoa")
    await town.run(
        "conversations", "say", lan.conversation_id, "Chị", "cần", "gì", "ạ?", "--tenant", "school", "--as", "Hoa"
    )
    assert await lan.hears() == "Chị cần gì ạ?"
    await lan.says("chị hỏi học phí thôi")
    await town.quiet()
    assert len(lan.received()) == 2, "the bot keeps out of it"
    town.bedrock.script = ["Dạ học phí IELTS là 7.900.000đ ạ."]
    await town.run("conversations", "release", lan.conversation_id, "--tenant", "school", "--as", "Hoa")
    assert await lan.hears() == "Dạ học phí IELTS là 7.900.000đ ạ.", "what nobody has answered is answered"
    assert "Chị cần gì ạ?" in town.asked(), "the bot reads what was said while it was away"
    assert (await lan.conversation()).owner == BOT


async def test_pain_9_the_bot_comes_back_after_a_silence_that_counts_from_the_persons_last_word(town: Town) -> None:
    lan = town.phone("brief")
    await lan.asks("Chào em")
    act = (lan.conversation_id, "--tenant", "brief", "--as", "Hoa")
    await town.run("conversations", "take", *act)
    await town.run("conversations", "say", lan.conversation_id, "Chị đợi em chút", *act[1:])
    assert await lan.hears() == "Chị đợi em chút"
    spoke = (await lan.conversation()).last_human_at
    town.bedrock.script = ["Dạ em đây ạ."]
    await lan.says("em ơi chị vẫn đợi")
    assert await lan.hears() == "Dạ em đây ạ."
    back = await lan.conversation()
    assert back.owner == BOT and spoke is not None and back.owner_since is not None
    assert back.owner_since - spoke >= timedelta(seconds=5)


async def test_pain_9_outside_the_opening_hours_the_contact_is_told_when_somebody_will_be_there(town: Town) -> None:
    called = Answer(text="Dạ em chuyển cho thầy cô ạ.", calls=(Call("call_a_person", {"reason": "hỏi riêng"}),))
    town.bedrock.script = [called]
    lan = town.phone("night")
    await lan.says("cho chị gặp thầy cô")
    assert await lan.hears() == "Dạ em chuyển cho thầy cô ạ."
    assert "00:00" in await lan.hears(), "when it opens"


async def test_pain_15_a_contact_without_a_number_is_answered_and_booked_for(town: Town) -> None:
    user = "VN.13491208655302741918"
    town.bedrock.script = list(BOOKING)
    an = town.phone(user=user, name="An")
    await an.says("đặt cho em 9 giờ ngày mốt, em tên Lan", bsuid=an.address)
    heard = await an.hears()
    assert "Em đã đặt lịch" in heard
    await town.answered(an, heard)
    assert town.deeds(an) == ["booked"]
    async with town.store() as store:
        contact = await store.for_tenant("school").get(CONTACTS, an.conversation_id)
    assert contact is not None and contact.phone == ""
    assert an.conversation_id in await town.run("conversations", "list", an.conversation_id)


async def test_pain_15_who_shows_number_and_user_id_is_one_contact(town: Town) -> None:
    number, user = "+84903334444", "VN.2348720394857"
    hidden, shown = town.phone(user=user, name="Bình"), town.phone(number=number, name="Bình")
    await hidden.says("em là Bình, em học lớp IELTS", bsuid=hidden.address)
    await hidden.hears()
    await shown.says("hôm nay em nghỉ ạ")
    await shown.hears()
    await shown.says("thầy cô cho em hỏi", bsuid=hidden.address)
    await shown.hears()

    async def merged() -> bool:
        return bool((await hidden.conversation()).merged_into or (await shown.conversation()).merged_into)

    await until("they are one", merged)
    await shown.says("lớp em học ở đâu?", bsuid=hidden.address)
    await shown.hears()
    assert "em học lớp IELTS" in town.asked() and "hôm nay em nghỉ" in town.asked(), "one conversation"
    rows = [line for line in (await town.run("conversations", "--tenant", "school")).splitlines() if "Bình" in line]
    assert len(rows) == 1


async def test_pain_15_a_number_with_and_without_the_ninth_digit_is_one_contact(town: Town) -> None:
    old, new = town.phone(number="+556199998888", name="Ana"), town.phone(number="+5561999998888", name="Ana")
    await old.asks("Oi, tudo bem?")
    await new.asks("Vocês abrem no domingo?")
    assert "tudo bem" in town.asked()
    rows = [line for line in (await town.run("conversations", "--tenant", "school")).splitlines() if "Ana" in line]
    assert len(rows) == 1
