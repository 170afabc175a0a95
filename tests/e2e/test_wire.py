"""On MongoDB's wire protocol instead of SQLite: a crash run, and three server processes on one store.

The queue between the three loses, repeats and delays wakes, so whatever is right here does not depend on them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from frontdesk.store.collections import CONVERSATIONS, MESSAGES
from frontdesk.testing.http_queue import StandIn
from frontdesk.testing.wire_store import WireStore

from .conftest import Front, until
from .contacts import MESSAGE_ID, TENANT
from .crash_run import crash_run
from .load import ALL_WELL, Load

pytestmark = pytest.mark.wire

POINTS = ("inbox.message_written", "store.between_writes", "turn.committed", "deed.ran", "outbox.sent")
MakeFront = Callable[..., Front]


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_crash_between_two_writes_that_are_no_transaction_loses_nothing(
    tmp_path: Path, wire: WireStore
) -> None:
    report = await crash_run(8, tmp_path, store=wire.url("frontdesk"), points=POINTS)
    print(report)
    assert (report.lost, report.twice, report.out_of_order) == ([], [], []), report
    assert report.not_reached == [], report
    assert (report.violations, report.left_due, report.possible_duplicates) == ([], 0, []), report


@pytest.fixture
async def three(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any], wire: WireStore
) -> AsyncIterator[list[Front]]:
    """Three servers that were not started, on one store and one queue that cannot be relied on."""
    async with StandIn(lose=0.3, repeat=0.3, delay=0.5, seed=1) as queue, AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                front(parrot, name=name, store=wire.url("frontdesk"), queue=queue.url, times=quick)
            )
            for name in ("one", "two", "three")
        ]


async def test_three_processes_answer_every_message_once_and_in_order(three: list[Front]) -> None:
    await asyncio.gather(*(desk.start() for desk in three))
    load = Load(three, contacts=12, messages=4, copies=0.3)
    await load.run()
    await three[0].quiet(30)
    assert load.wrong() == ALL_WELL
    assert load.taken > 48, "some came twice"
    assert all(desk.logged("turn_ended") for desk in three), "each had its part"
    assert three[0].twilio.violations == []


@pytest.mark.parametrize("point", ["turn.thought", pytest.param("outbox.intended", marks=pytest.mark.slow)])
async def test_one_is_killed_and_one_frozen_past_its_lease_and_the_third_goes_on(
    three: list[Front], quick: dict[str, Any], point: str
) -> None:
    one, two, three_ = three
    await asyncio.gather(one.start(), two.start(FRONTDESK_FREEZE_AT=point), three_.start())
    load = Load(three, contacts=10, messages=6, copies=0.3, halves=True)
    writing = asyncio.gather(load.run())

    async def under_way() -> bool:
        return load.taken >= 15

    await until("a quarter is taken", under_way)
    await one.kill()
    load.go_on.set()

    async def frozen() -> bool:
        return two.frozen

    await until(f"it froze at {point}", frozen, 60)
    await asyncio.sleep(quick["conversation_lease"] + 2 * quick["send_timeout"])
    two.thaw()
    await one.start()
    await writing
    await three_.quiet(30)

    wrong, flagged = load.wrong(), await _possible_duplicates(three_)
    assert wrong["lost"] == []
    assert wrong["out_of_order"] == []
    assert set(wrong["twice"]) <= flagged, "what nobody can rule out is named"
    assert len(wrong["twice"]) <= 1, "one process froze, at one message"
    assert await three_.held() == []
    assert three_.twilio.violations == []


async def _possible_duplicates(desk: Front) -> set[str]:
    """The messages whose answer is flagged as perhaps sent twice."""
    async with desk.store() as store:
        repository = store.for_tenant(TENANT)
        found: set[str] = set()
        for conversation in await repository.find(CONVERSATIONS, {}, limit=1000):
            messages = await repository.find(MESSAGES, {"conversation": conversation.id}, order_by="at", limit=1000)
            found |= {id for m in messages if m.possible_duplicate for id in MESSAGE_ID.findall(m.text)}
        return found
