"""Twilio at its worst: it refuses, is slow, takes a message and loses the answer, tells what became of it before it answers.

The contact hears it once, whatever happens, or operators are told why not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from frontdesk.testing.fake_twilio import CallbackPlan, Fault

from .conftest import Phone, until
from .contacts import QUICK
from .town import Town, school

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER = "Dạ em nghe ạ."
ASK = "Học phí lớp thiếu nhi bao nhiêu em?"
NEVER = 60.0
"""Seconds that nobody waits."""
SLOW = QUICK["send_timeout"] / 2


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with Town.open(tmp_path_factory.mktemp("town"), {"school": school(), "refused": school()}) as town:
        yield town


@pytest_asyncio.fixture(loop_scope="module")
async def town(whole: Town) -> AsyncIterator[Town]:
    whole.new_day()
    yield whole
    whole.is_right()


async def hears_once(town: Town, phone: Phone, *states: str) -> None:
    """They write, and hear the answer, once; what is known of it is told of the one that Twilio has."""
    await phone.says(ASK)
    message = await town.becomes(phone, 0, *states)
    await town.answered(phone, ANSWER)
    assert message.provider_id == phone.received()[0].sid
    assert not message.possible_duplicate


TAKEN = [
    Fault(kind="delay", seconds=SLOW),
    Fault(kind="drop_after"),
    Fault(kind="hang_after", seconds=NEVER),
    Fault(kind="error_after", status=503, code=20503),
    Fault(kind="error_after", status=502, html=True),
]
NOT_TAKEN = [
    Fault(kind="drop_before"),
    Fault(kind="hang_before", seconds=NEVER),
    Fault(kind="error", status=500, code=20500),
    Fault(kind="error", status=429, code=20429),
]


async def test_slow_or_with_its_answer_lost_twilio_is_given_each_message_once(town: Town) -> None:
    """All at once: nobody waits for somebody else's trouble. Its list lags, so the first look finds nothing."""
    town.twilio.state.list_lag = 2 * QUICK["send_timeout"]
    everybody = [town.phone() for _ in (*TAKEN, *TAKEN, *NOT_TAKEN)]
    for phone, fault in zip(everybody, (*TAKEN, *TAKEN, *NOT_TAKEN), strict=True):
        town.twilio.faults.add(replace(fault, to=phone.address))
    untold = everybody[: len(TAKEN)]
    town.twilio.callbacks.add(*(CallbackPlan(told=(), to=phone.address) for phone in untold))
    try:
        await asyncio.gather(
            *(hears_once(town, phone, "accepted") for phone in untold),
            *(hears_once(town, phone, "delivered") for phone in everybody[len(TAKEN) :]),
        )
    finally:
        town.twilio.state.list_lag = 0
    assert len(town.twilio.faults.met) == len(everybody)
    tries = [len([each for each in town.twilio.attempts if each["To"] == phone.address]) for phone in everybody]
    assert tries == [1] * 2 * len(TAKEN) + [2] * len(NOT_TAKEN), "what it has taken is not sent again"


async def test_a_callback_that_comes_before_the_send_has_returned_is_not_lost(town: Town) -> None:
    """Also when that answer never comes: then the callback alone says that Twilio has it."""
    returned, lost, failed = (town.phone() for _ in range(3))
    for phone in (returned, lost):
        town.twilio.callbacks.add(CallbackPlan(before_answer=True, to=phone.address))
    town.twilio.callbacks.add(
        CallbackPlan(statuses=("sent", "undelivered"), error_code=63021, before_answer=True, to=failed.address)
    )
    town.twilio.faults.add(Fault(kind="drop_after", to=lost.address), Fault(kind="error", operation="list", times=0))
    await failed.says(ASK)
    await asyncio.gather(hears_once(town, returned, "delivered"), hears_once(town, lost, "delivered"))
    assert (await town.becomes(failed, 0, "failed")).error.startswith("63021: ")
    assert len(failed.received()) == 1


async def test_what_twilio_refuses_for_good_is_shown_and_the_next_words_go(town: Town) -> None:
    lan = town.phone()
    town.twilio.faults.add(Fault(kind="error", status=400, code=21408, to=lan.address))
    await lan.says(ASK)
    failed = await town.becomes(lan, 0, "failed")
    assert failed.error.startswith("21408: ") and lan.received() == []
    assert failed.id in await town.run("parked", "list", "--tenant", "school")
    await town.hears("message_failed", conversation=lan.conversation_id)
    assert await lan.asks("alo em ơi") == ANSWER
    assert "did not reach them" in town.asked()


async def test_what_a_person_must_mend_waits_in_its_place_and_operators_see_why(town: Town) -> None:
    lan = town.phone("refused")
    town.twilio.faults.add(Fault(kind="error", status=401, code=20003, to=lan.address, times=0))
    await lan.says(ASK)

    async def tried() -> bool:
        waiting = await town.outbound(lan)
        return bool(waiting) and waiting[0].error.startswith("20003: ") and waiting[0].state == "queued"

    await until("it is back in its place, with the reason", tried)
    assert lan.received() == []
    assert [each["channel"] for each in town.logged("channel_needs_attention")] == ["twilio_whatsapp"]
    assert "20003: Twilio rejects the credentials" in await town.run("conversations", "list", lan.conversation_id)
