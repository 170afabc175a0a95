"""What users of such systems suffer from, and cannot here: pains with what goes out, and with who may be written to.

Each test is named after its pain; docs/explanation/pains.md has the list. The other half is test_pains.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from frontdesk.testing.fake_twilio import CallbackPlan, Fault

from .conftest import Phone, until
from .town import Town, school

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = 3
ANSWER = "Dạ em nghe ạ."
ASK = "Học phí lớp thiếu nhi bao nhiêu em?"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    businesses = {"school": school(), "sandbox": school(channel={"messages_per_second": RATE})}
    async with Town.open(tmp_path_factory.mktemp("town"), businesses) as town:
        yield town


@pytest_asyncio.fixture(loop_scope="module")
async def town(whole: Town) -> AsyncIterator[Town]:
    whole.new_day()
    yield whole
    whole.is_right()


async def known(town: Town, tenant: str = "school") -> Phone:
    """Somebody who has written, and was answered."""
    phone = town.phone(tenant)
    assert await phone.asks("Chào em") == ANSWER
    return phone


async def row(town: Town, phone: Phone) -> str:
    """What operators see of a conversation in their list."""
    return (await town.run("conversations", "list", phone.conversation_id, "--tenant", phone.tenant)).splitlines()[-1]


async def held(town: Town, phone: Phone) -> bool:
    """Wait until the last message waits for the contact to write."""

    async def waits() -> bool:
        return (await phone.conversation()).awaits_contact

    return bool(await until("something is held", waits))


async def test_pain_5_free_words_are_held_with_the_reason_and_go_when_the_contact_writes(town: Town) -> None:
    lan, mai = await asyncio.gather(known(town), known(town))
    assert "closes in 23 h" in await row(town, lan)
    await asyncio.gather(town.hours_pass(lan), town.hours_pass(mai))
    await town.write_first(mai, "reminder", "Mai chị có buổi học thử nhé.")
    act = ("--tenant", "school", "--as", "Hoa")
    await town.run("conversations", "take", lan.conversation_id, *act)
    await town.run("conversations", "say", lan.conversation_id, "Chị qua trung tâm hôm nào cũng được ạ.", *act)
    await asyncio.gather(held(town, lan), held(town, mai))
    seen = await row(town, lan)
    assert "closed" in seen and "held until the contact writes" in seen
    assert (await town.outbound(lan))[-1].error.startswith(
        "held until the contact writes: the service window is closed"
    )
    assert len(lan.received()) == len(mai.received()) == 1, "Twilio was not even asked"
    await asyncio.gather(lan.says("em ơi, còn lớp không"), mai.says("em ơi, còn lớp không"))
    assert await lan.hears() == "Chị qua trung tâm hôm nào cũng được ạ."
    assert await mai.hears() == "Mai chị có buổi học thử nhé."
    assert await mai.hears() == ANSWER, "and then the answer"


async def test_pain_5_a_template_goes_in_place_of_free_words_that_may_not(town: Town) -> None:
    sid = town.twilio.contents.template(town.twilio.account_sid, "Chào {{1}}, mai có buổi học lúc {{2}}.")
    inside, outside, template = await asyncio.gather(*(known(town) for _ in range(3)))
    await asyncio.gather(town.hours_pass(outside), town.hours_pass(template))
    variables = {"1": "chị Lan", "2": "9 giờ"}
    for phone in (inside, outside):
        await town.write_first(phone, "visit", "Mai học lúc 9 giờ chị nhé.", fallback=sid, variables=variables)
    await town.write_first(template, "visit", "Nhắc lịch", template=sid, variables=variables)
    assert await inside.hears() == "Mai học lúc 9 giờ chị nhé."
    for phone in (outside, template):
        await phone.hears()
        sent = phone.received()[-1]
        assert (sent.content_sid, sent.body) == (sid, "") and '"chị Lan"' in sent.content_variables


async def test_pain_5_a_template_that_whatsapp_would_not_take_is_refused_with_the_reason(town: Town) -> None:
    account = town.twilio.account_sid
    rejected = town.twilio.contents.template(account, "Mua ngay!", status="rejected", rejection_reason="spam")
    two = town.twilio.contents.template(account, "Chào {{1}}, mai lúc {{2}}.")
    lan, mai = await asyncio.gather(known(town), known(town))
    await asyncio.gather(town.hours_pass(lan), town.hours_pass(mai))
    await town.write_first(lan, "offer", template=rejected)
    await town.write_first(mai, "visit", template=two, variables={"1": "chị Mai"})
    failed = await asyncio.gather(town.becomes(lan, -1, "failed"), town.becomes(mai, -1, "failed"))
    assert "rejected" in failed[0].error and "{{2}}" in failed[1].error, failed
    for phone, message in zip((lan, mai), failed, strict=True):
        assert len(phone.received()) == 1
        told = await town.hears("message_failed", conversation=phone.conversation_id)
        assert told["error"] == message.error


@pytest.mark.slow
async def test_pain_6_a_failure_told_later_is_shown_and_explained_and_said_again_only_if_that_may_help(
    town: Town,
) -> None:
    """To operators, who are alerted, and to the model."""
    lan, for_now = town.phone(), town.phone()
    town.twilio.callbacks.add(
        CallbackPlan(statuses=("sent", "undelivered"), error_code=63024, to=lan.address),
        CallbackPlan(statuses=("failed",), error_code=63010, to=for_now.address),
    )
    await asyncio.gather(lan.says(ASK), for_now.says(ASK))
    failed = await town.becomes(lan, 0, "failed")
    assert failed.error.startswith("63024: ")
    assert "63024" in await row(town, lan)
    listed = ("parked", "list", "--tenant", "school", "--language")
    vietnamese, english = await town.run(*listed, "vi"), await town.run(*listed, "en")
    assert failed.id in vietnamese and "WhatsApp" in vietnamese and vietnamese != english
    await town.hears("message_failed", conversation=lan.conversation_id)
    await lan.says("Alo em?")
    await town.becomes(lan, 1, "delivered")
    (block,) = town.bedrock.requests[-1]["messages"][-1]["content"][-1:]
    assert '[what was written to them before this did not reach them: "Dạ em nghe ạ."]' in block["text"]
    told = await town.hears("alert", conversation=lan.conversation_id)
    assert "63024" in told["title"] + told["text"]
    await town.run("parked", "dismiss", failed.id, "--tenant", "school")
    assert failed.id not in await town.run("parked", "list", "--tenant", "school")
    assert (await town.becomes(for_now, 1, "delivered")).again_of, (
        "WhatsApp had failed inside: once more, after a pause"
    )
    assert [message.body for message in for_now.received()] == [ANSWER, ANSWER]
    assert len(lan.received()) == 2, "the answer that nobody could deliver, and the next one"


async def test_pain_6_what_twilio_tells_late_twice_and_out_of_order_ends_at_the_truth(town: Town) -> None:
    lan = town.phone()
    plan = CallbackPlan(statuses=("sent", "delivered", "read"), told=(2, 0, 1), copies=2, to=lan.address)
    town.twilio.callbacks.add(plan)
    await lan.asks(ASK)
    await town.twilio.idle()
    await town.answered(lan, ANSWER)
    assert (await town.becomes(lan, 0, "read")).provider_id == lan.received()[0].sid


@pytest.mark.slow
async def test_pain_7_a_refused_part_is_retried_at_its_place_and_nothing_is_said_twice(town: Town) -> None:
    lan, mai = town.phone(), town.phone()
    parts = [f"{name}: " + "lớp học vui vẻ và thân thiện, " * 50 for name in ("Phần một", "Phần hai", "Phần ba")]
    town.twilio.faults.add(Fault(kind="error", status=429, code=20429, to=lan.address, body="Phần hai", times=2))
    town.bedrock.script = ["\n\n".join(parts)]
    await lan.says("kể chị nghe về trung tâm đi em")
    assert (await lan.hears()).startswith("Phần một")

    async def refused() -> bool:
        return bool(town.twilio.faults.met)

    await until("the second part was refused", refused)
    assert await mai.asks(ASK) == ANSWER, "nobody else waits for it"
    assert (await lan.hears()).startswith("Phần hai")
    assert (await lan.hears()).startswith("Phần ba")
    await town.answered(lan, *(message.body for message in lan.received()))
    assert [message.body[:8].rstrip(":") for message in lan.received()] == ["Phần một", "Phần hai", "Phần ba"]
    first, second, third = _attempts(town, lan, "Phần hai")
    assert (second - first).total_seconds() >= 1 and (third - second).total_seconds() >= 2, "the pauses grow"
    assert len(_attempts(town, lan, "Phần một")) == 1, "from the part that failed on, not from the beginning"
    assert town.logged("sender_slowed"), "and the sender sends less for a while"


def _attempts(town: Town, phone: Phone, body: str) -> list[Any]:
    """When Twilio was asked to send it."""
    asked = [event for event in town.twilio.world.events if event["event"] == "attempt"]
    return [
        datetime.fromisoformat(event["at"])
        for event in asked
        if event["fields"]["To"] == phone.address and body in event["fields"].get("Body", "")
    ]


async def test_pain_7_a_sender_keeps_its_rate_whoever_is_answered(town: Town) -> None:
    phones = [town.phone("sandbox") for _ in range(2 * RATE + 1)]
    town.twilio.state.rate = RATE
    try:
        await asyncio.gather(*(phone.says(ASK) for phone in phones))
        assert [await phone.hears() for phone in phones] == [ANSWER] * len(phones)
    finally:
        town.twilio.state.rate = 0


async def test_pain_14_stop_ends_everything_but_answers_and_start_brings_it_back(town: Town) -> None:
    lan, tom = town.phone(), town.phone()
    await asyncio.gather(lan.asks("Chào em"), tom.asks("Could you stop by my office tomorrow?"))
    asked = len(town.bedrock.requests)
    assert "sẽ không nhắn tin cho anh/chị nữa" in await lan.asks("Dừng!")
    await town.write_first(lan, "after stop", "Khuyến mãi 20% chị ơi.")
    await town.becomes(lan, -1, "withdrawn")
    await lan.says("STOP")
    await town.answered(lan, *(message.body for message in lan.received()))
    assert len(lan.received()) == 2 and len(town.bedrock.requests) == asked, "told once, and no model was asked"
    assert await lan.asks("dừng xe ở đâu được em?") == ANSWER, "a word in a sentence is a word"
    await town.write_first(lan, "later", "Khuyến mãi 30% chị ơi.")
    withdrawn = await town.becomes(lan, -1, "withdrawn")
    assert withdrawn.error.startswith("opted out")
    ledger = await town.run("consents", "--tenant", "school", "--csv")
    assert [line.split(",")[6] for line in ledger.splitlines() if lan.conversation_id in line].count("stop") == 2
    assert tom.conversation_id not in ledger
    assert "lại nhận được tin nhắn" in await lan.asks("START")
    await town.write_first(lan, "welcome", "Mai chị có buổi học nhé.")
    assert await lan.hears() == "Mai chị có buổi học nhé."


async def test_pain_14_what_the_provider_says_in_their_name_is_kept_until_they_write(town: Town) -> None:
    at_once, later = await asyncio.gather(known(town), known(town))
    town.twilio.faults.add(Fault(kind="error", status=400, code=21610, to=at_once.address))
    town.twilio.callbacks.add(CallbackPlan(statuses=("failed",), error_code=63033, to=later.address))
    for phone in (at_once, later):
        await town.write_first(phone, "first", "Mai chị có buổi học nhé.")
        await town.becomes(phone, -1, "failed")
        await town.write_first(phone, "second", "Chị nhớ mang sách nhé.")
        assert (await town.becomes(phone, -1, "withdrawn")).text == "Chị nhớ mang sách nhé."
    assert [line.count("refused") for line in (await town.run("consents")).splitlines() if "refused" in line] == [1, 1]
    for phone in (at_once, later):
        await phone.says("em ơi chị đổi ý")

        async def heard_again(phone: Phone = phone) -> bool:
            return phone.received()[-1].body == ANSWER and len(phone.received()) > 1

        await until("who writes is answered", heard_again)
