"""Conversations that models at Bedrock lead: boto3 inside a real server, the fake Bedrock before it, the fake Twilio after.

The contact always hears something true, and nothing twice, whatever happens to the models.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from frontdesk.model import NOBODY
from frontdesk.testing.fake_bedrock import Answer, Call, FakeBedrock, Fault
from frontdesk.testing.fake_bedrock.server import REGION

from .conftest import Front, Phone, until
from .contacts import SETTLE
from .models import BIG, BOOKING, HANOI, LISTED, SMALL, TIMES, book, free_times, offer, repeat_result, results

MakeFront = Callable[..., Front]
Business = Callable[..., dict[str, Any]]
Deeds = Callable[[], list[str]]

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"
NO_MODEL = "sẽ trả lời anh/chị sớm nhất có thể"
"""What this tenant says when no model answers has this in it."""
TEN_MINUTES = 600.0


@pytest.fixture
async def bedrock(aws_keys: None) -> AsyncIterator[FakeBedrock]:
    async with FakeBedrock() as running:
        yield running
        assert running.refused == [], "a request that AWS would refuse"


@pytest.fixture
def business(tmp_path: Path, bedrock: FakeBedrock) -> Business:
    """`business("lotus-school", *more)`: a tenant of the example whose models are at Bedrock, *more* plugins behind them."""

    def make(id: str, *more: str) -> dict[str, Any]:
        tenant: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))["tenants"][id]
        tenant.pop("opening_hours", None)
        models = {"models": [BIG, SMALL], "region": REGION, "endpoint": bedrock.url}
        booking = {"booking": {"journal": str(tmp_path / "journal.jsonl")}}
        return {**tenant, "settle": SETTLE, "plugins": [{"bedrock_llm": models}, *more, booking]}

    return make


@pytest.fixture
def deeds(tmp_path: Path) -> Deeds:
    """What the booking plugin did to the world, in order."""

    def read() -> list[str]:
        path = tmp_path / "journal.jsonl"
        return [json.loads(line)["did"] for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    return read


async def test_a_model_books_in_vietnamese(
    front: MakeFront, business: Business, bedrock: FakeBedrock, deeds: Deeds
) -> None:
    bedrock.script = [
        "Dạ em chào chị, em là Sen ạ.",
        free_times(HANOI),
        offer("Dạ ngày mai còn"),
        *BOOKING,
        Answer(calls=(Call("my_bookings"),)),
        lambda asked: "Dạ chị có lịch " + LISTED.findall(results(asked)[0])[0][1] + " ạ.",
        "Dạ không có gì ạ.",
    ]
    async with front(business("lotus-school"), times=TIMES) as desk:
        await desk.start()
        lan = desk.phone("+84901234567")
        assert "em là Sen" in await lan.asks("Chào em ạ")
        offered = await lan.asks("ngày mai cho chị học thử được không em")
        assert re.search("09:00.+10:30.+15:00", offered)
        assert deeds() == [], "asking for times books nothing"
        assert re.search("Em đã đặt lịch 10:30 .+ cho Lan ạ", await lan.asks("10:30 nhé, chị tên Lan"))
        assert deeds() == ["booked"]
        assert "chị có lịch 10:30" in await lan.asks("chị hẹn hôm nào ấy nhỉ?")
        assert "không có gì" in await lan.asks("cảm ơn em")
        assert deeds() == ["booked"]
        await said_once(desk, lan, 5)
    assert bedrock.script == []
    whole = json.dumps(bedrock.requests[-1], ensure_ascii=False)
    assert "ngày mai cho chị học thử" in whole and "Em đã đặt lịch" in whole, "the model reads what was said before"


async def test_a_model_books_in_english(
    front: MakeFront, business: Business, bedrock: FakeBedrock, deeds: Deeds
) -> None:
    zone = "Europe/London"
    bedrock.script = [
        "Hello, this is Grace at Riverside Dental.",
        free_times(zone),
        book(2, "Tom Baker"),
        repeat_result,
        Answer(
            text="Of course, a colleague will answer you here.", calls=(Call("call_a_person", {"reason": "asked"}),)
        ),
    ]
    async with front(business("riverside-dental"), times=TIMES) as desk:
        await desk.start()
        tom = desk.phone("+447700900123", "Tom Baker")
        assert "Grace" in await tom.asks("Hi there")
        assert re.search("You are booked for .+ at 15:00, Tom Baker", await tom.asks("Book me in tomorrow at 3 pm"))
        assert deeds() == ["booked"]
        assert "colleague" in await tom.asks("I'd rather talk to a person now")
        assert (await tom.conversation()).owner == NOBODY
        await said_once(desk, tom, 3)


async def test_throttled_for_long_the_contact_is_told_so_once_and_answered_afterwards(
    front: MakeFront, business: Business, bedrock: FakeBedrock
) -> None:
    bedrock.faults.add(Fault(error="ThrottlingException", times=0))
    async with front(business("lotus-school"), times=TIMES) as desk:
        await desk.start()
        lan = desk.phone("+84901234567")
        assert NO_MODEL in await lan.asks("Học phí bao nhiêu em?")
        await lan.says("Em ơi?")
        await desk.quiet()
        assert len(lan.received()) == 1, "the holding words are said once"
        assert (await lan.conversation()).owner == NOBODY
        bedrock.faults.clear()
        bedrock.script = ["Dạ học phí là 7.900.000đ ạ."]
        await replay(desk)
        assert await lan.hears() == "Dạ học phí là 7.900.000đ ạ."
        await said_once(desk, lan, 2)


async def test_throttled_for_long_the_offline_model_answers_what_it_knows(
    front: MakeFront, business: Business, bedrock: FakeBedrock, deeds: Deeds
) -> None:
    bedrock.faults.add(Fault(error="ThrottlingException", times=0))
    async with front(business("lotus-school", "rehearsal_llm"), times=TIMES) as desk:
        await desk.start()
        lan = desk.phone("+84901234567")
        assert "7.900.000đ" in await lan.asks("khóa ielts giá bao nhiêu tiền vậy em")
        bedrock.faults.clear()
        bedrock.script = list(BOOKING)
        assert "Em đã đặt lịch 10:30" in await lan.asks("đặt cho chị 10:30 ngày mai, chị tên Lan")
        assert deeds() == ["booked"]
        await said_once(desk, lan, 2)


@pytest.mark.parametrize(
    "fault",
    [Fault(kind="hang", seconds=60, model=BIG), Fault(kind="trickle", seconds=60, model=BIG)],
    ids=["nothing", "by the byte"],
)
async def test_a_model_that_is_slow_to_the_limit_is_left_for_the_next(
    front: MakeFront, business: Business, bedrock: FakeBedrock, fault: Fault
) -> None:
    bedrock.faults.add(fault)
    bedrock.otherwise = "Dạ em nghe ạ."
    async with front(business("lotus-school"), times=TIMES) as desk:
        await desk.start()
        lan = desk.phone("+84901234567")
        assert await lan.asks("Em ơi") == "Dạ em nghe ạ."
        await said_once(desk, lan, 1)
    assert bedrock.requests[-1]["modelId"] == SMALL


async def test_models_that_are_all_slow_to_the_limit_are_not_waited_for_longer(
    front: MakeFront, business: Business, bedrock: FakeBedrock
) -> None:
    bedrock.faults.add(Fault(kind="hang", seconds=120, times=0))
    async with front(business("lotus-school"), times=TIMES) as desk:
        await desk.start()
        lan = desk.phone("+84901234567")
        began = time.monotonic()
        assert NO_MODEL in await lan.asks("Học phí bao nhiêu em?")
        assert time.monotonic() - began < TIMES["turn_deadline"]
        assert len(lan.received()) == 1


async def test_an_answer_that_is_cut_off_on_its_way_is_asked_for_again(
    front: MakeFront, business: Business, bedrock: FakeBedrock, deeds: Deeds
) -> None:
    cut = Fault(kind="cut")
    bedrock.faults.add(cut)
    lines = [free_times(HANOI), book(0, "Lan"), repeat_result]
    # The first line was thought out, and got lost: a model answers it again.
    bedrock.script = [lines[0], *lines]
    async with front(business("lotus-school"), times=TIMES) as desk:
        await desk.start()
        lan = desk.phone("+84901234567")
        assert "Em đã đặt lịch 09:00" in await lan.asks("đặt cho chị 9 giờ sáng mai, chị tên Lan")
        assert deeds() == ["booked"]
        await said_once(desk, lan, 1)
    assert bedrock.faults.met == [cut]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(error="ThrottlingException", times=0),
        Fault(error="AccessDeniedException", times=0),
        Fault(kind="cut", times=0),
        Fault(kind="drop", times=0),
    ],
    ids=["throttled", "denied", "cut off", "dropped"],
)
async def test_models_that_die_after_a_deed_leave_the_deeds_own_words(
    front: MakeFront, business: Business, bedrock: FakeBedrock, deeds: Deeds, fault: Fault
) -> None:
    def book_and_die(asked: dict[str, Any]) -> Answer:
        bedrock.faults.add(fault)
        return book(1, "Lan")(asked)

    bedrock.script = [free_times(HANOI), book_and_die]
    bedrock.otherwise = "Dạ em chưa rõ ạ."
    async with front(business("lotus-school"), times=TIMES) as desk:
        await desk.start()
        lan = desk.phone("+84901234567")
        heard = await lan.asks("đặt cho chị 10:30 ngày mai, chị tên Lan")
        assert re.fullmatch("Em đã đặt lịch 10:30 .+ cho Lan ạ.", heard)
        assert deeds() == ["booked"]
        await said_once(desk, lan, 1)


async def test_a_server_killed_while_the_model_thinks_after_a_deed_goes_on_with_what_was_done(
    front: MakeFront, business: Business, bedrock: FakeBedrock, deeds: Deeds
) -> None:
    bedrock.script = [free_times(HANOI), book(1, "Lan")]
    bedrock.otherwise = repeat_result

    async with front(business("lotus-school"), times=TIMES) as desk:
        await desk.start()
        lan = desk.phone("+84901234567")
        lan_says = "đặt cho chị 10:30 ngày mai, chị tên Lan"
        bedrock.script.append(Answer(text="Em đã đặt ạ.", seconds=60))
        await lan.says(lan_says)

        async def thinking() -> bool:
            return len(bedrock.requests) == 3

        await until("the model thinks about what was done", thinking)
        await desk.kill()
        await desk.start()
        assert re.fullmatch("Em đã đặt lịch 10:30 .+ cho Lan ạ.", await lan.hears())
        assert deeds() == ["booked"]
        await said_once(desk, lan, 1)


@pytest.mark.slow
@pytest.mark.timeout(TEN_MINUTES + 120)
async def test_ten_minutes_of_throttling_leave_nobody_without_a_true_word(
    front: MakeFront, business: Business, bedrock: FakeBedrock, deeds: Deeds
) -> None:
    """The offline model answers all that time, every minute another contact; then Bedrock books again."""
    bedrock.faults.add(Fault(error="ThrottlingException", times=0))
    ends = time.monotonic() + TEN_MINUTES
    async with front(business("lotus-school", "rehearsal_llm"), times=TIMES) as desk:
        await desk.start()
        phones = []
        while time.monotonic() < ends:
            phones.append(desk.phone(f"+8490{len(phones):07d}"))
            assert "7.900.000đ" in await phones[-1].asks("khóa ielts giá bao nhiêu tiền vậy em")
            await asyncio.sleep(min(55.0, max(0.0, ends - time.monotonic())))
        bedrock.faults.clear()
        bedrock.script = list(BOOKING)
        assert "Em đã đặt lịch 10:30" in await phones[0].asks("đặt cho chị 10:30 ngày mai, chị tên Lan")
        assert deeds() == ["booked"]
        await said_once(desk, phones[0], 2)
        assert [len(phone.received()) for phone in phones[1:]] == [1] * (len(phones) - 1)


async def replay(desk: Front) -> None:
    """What an operator types once the models are back."""
    command = (sys.executable, "-m", "frontdesk", "parked", "replay", "--all", "--file", str(desk.file))
    environment = {**os.environ, **desk.environment}
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=desk.folder)
    assert await process.wait() == 0


async def said_once(desk: Front, phone: Phone, times: int) -> None:
    """The phone got so many messages, and every one it wrote is answered."""
    await desk.quiet()
    assert desk.twilio.violations == []
    assert len(phone.received()) == times
    inbound = [message for message in await phone.messages() if message.direction == "inbound"]
    assert [message.state for message in inbound] == ["answered"] * len(inbound)
