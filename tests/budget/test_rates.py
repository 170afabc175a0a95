"""A rate over several processes: everybody an equal part, paced, and no call of the store for a message."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from frontdesk.budget import service
from frontdesk.budget.limits import NotBefore, Rate, Reservation
from frontdesk.store.sqlite import SqliteRepository
from frontdesk.testing.clock import MovableClock

from .conftest import TENANT, Processes

FIVE = Rate(5)


async def many(processes: Processes, process, rate: Rate, seconds: float, step: float = 0.01) -> list[float]:
    """When somebody who asks again and again got a place."""
    got = []
    began = processes.clock.monotonic()
    while processes.clock.monotonic() < began + seconds:
        if isinstance(await process.reserve(TENANT, "send", rate), Reservation):
            got.append(processes.clock.monotonic() - began)
        processes.clock.advance(step)
    return got


async def test_one_process_alone_has_the_whole_rate_evenly(processes: Processes) -> None:
    got = await many(processes, processes.start(), FIVE, 10)
    assert 46 <= len(got) <= 50
    pauses = [later - earlier for earlier, later in zip(got, got[1:], strict=False)]
    assert min(pauses) > 0.14, "no burst, but for a twentieth of a second"


async def test_the_store_is_asked_for_a_share_and_not_for_a_message(processes: Processes) -> None:
    one = processes.start()
    got = await many(processes, one, Rate(40), 34, step=0.01)
    assert len(got) > 1000
    assert processes.calls(one) == 1 + 4, "read once, written every 11 s"


async def test_of_several_each_asks_the_store_twice_for_a_share(processes: Processes) -> None:
    alive = [processes.start() for _ in range(3)]

    async def a_while() -> list[int]:
        before = [processes.calls(process) for process in alive]
        for _ in range(220):
            for process in alive:
                await process.reserve(TENANT, "send", Rate(40))
            processes.clock.advance(0.1)
        return [processes.calls(process) - calls for process, calls in zip(alive, before, strict=True)]

    await a_while()
    assert await a_while() == [2 * 2] * 3, "read and written every 11 s, and never in vain"


async def test_several_have_equal_parts_that_add_up(processes: Processes) -> None:
    alive = [processes.start() for _ in range(3)]
    got = {process: 0 for process in alive}
    for _ in range(400):
        for process in alive:
            got[process] += isinstance(await process.reserve(TENANT, "send", Rate(8)), Reservation)
        processes.clock.advance(0.05)
    (budget,) = await processes.documents("send")
    assert sorted(share.amount for share in budget.shares.values()) == [2, 3, 3]
    assert all(count >= 28 for count in got.values()) and sum(got.values()) <= 160


async def test_who_comes_later_sends_at_once_and_has_its_part_when_the_others_have_renewed(
    processes: Processes,
) -> None:
    one, eighty = processes.start(), Rate(80)
    await many(processes, one, eighty, 2)
    two = processes.start()
    assert isinstance(await two.reserve(TENANT, "send", eighty), Reservation)
    three = processes.start()
    assert isinstance(await three.reserve(TENANT, "send", eighty), Reservation), "nor does the one after it wait"
    assert await shares(processes) == {"process-1": 70, "process-2": 5, "process-3": 3}
    await processes.end(three)
    for _ in range(140):
        for process in (one, two):
            await process.reserve(TENANT, "send", eighty)
        processes.clock.advance(0.1)
    assert await shares(processes) == {"process-1": 35, "process-2": 35}


async def test_who_follows_a_process_that_died_elsewhere_sends_at_once(processes: Processes) -> None:
    one, eighty = processes.start(), Rate(80)
    await many(processes, one, eighty, 2)
    processes.kill(one)
    two = processes.start()
    assert isinstance(await two.reserve(TENANT, "send", eighty), Reservation)
    await many(processes, two, eighty, 23, step=0.05)
    assert await shares(processes) == {"process-2": 70}


async def shares(processes: Processes) -> dict[str, int]:
    (budget,) = await processes.documents("send")
    return {holder: share.amount for holder, share in budget.shares.items()}


async def test_of_a_small_rate_who_comes_later_gets_its_part_within_seconds(processes: Processes) -> None:
    one = processes.start()
    await many(processes, one, FIVE, 2)
    two = processes.start()
    first = await two.reserve(TENANT, "send", FIVE)
    assert isinstance(first, NotBefore) and first.at <= processes.store.now() + timedelta(seconds=2)
    got = 0
    for _ in range(200):
        await one.reserve(TENANT, "send", FIVE)
        got += isinstance(await two.reserve(TENANT, "send", FIVE), Reservation)
        processes.clock.advance(0.05)
    assert got > 0


async def test_what_a_dead_process_held_is_everybody_elses_after_its_lease(processes: Processes) -> None:
    one, two = processes.start(), processes.start()
    await one.reserve(TENANT, "send", FIVE)
    processes.kill(one)
    await two.reserve(TENANT, "send", FIVE)
    (budget,) = await processes.documents("send")
    assert budget.shares["process-2"].amount == 2
    processes.clock.advance(10)
    await two.reserve(TENANT, "send", FIVE)
    (budget,) = await processes.documents("send")
    assert {holder: share.amount for holder, share in budget.shares.items()} == {"process-2": 5}


async def test_who_follows_a_process_that_ended_in_order_waits_for_no_lease(processes: Processes) -> None:
    one = processes.start()
    for _ in range(2):
        await one.reserve(TENANT, "send", FIVE, patience=1)
        processes.clock.advance(0.3)
    await processes.end(one)
    two = processes.start()
    assert isinstance(await two.reserve(TENANT, "send", FIVE), Reservation), "there is room for three"
    (budget,) = await processes.documents("send")
    assert {holder: share.amount for holder, share in budget.shares.items()} == {"process-1 before": 2, "process-2": 3}
    processes.clock.advance(6)
    await two.reserve(TENANT, "send", FIVE)
    (budget,) = await processes.documents("send")
    assert {holder: share.amount for holder, share in budget.shares.items()} == {"process-2": 5}


async def test_who_follows_a_process_that_is_known_to_be_dead_waits_for_a_period_and_not_for_its_lease(
    processes: Processes,
) -> None:
    one = processes.start()
    await many(processes, one, FIVE, 2)
    processes.kill(one, known=True)
    two = processes.start()
    asked = await two.reserve(TENANT, "send", FIVE)
    assert isinstance(asked, NotBefore)
    assert timedelta(seconds=1) < asked.at - processes.store.now() <= timedelta(seconds=2)
    processes.clock.advance((asked.at - processes.store.now()).total_seconds())
    assert isinstance(await two.reserve(TENANT, "send", FIVE), Reservation)
    (budget,) = await processes.documents("send")
    assert {holder: share.amount for holder, share in budget.shares.items()} == {"process-2": 5}


async def test_a_store_that_hangs_does_not_hold_up_who_ends(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CLOSE_SECONDS", 0.1)
    one = processes.start()
    for sender in range(30):
        await one.reserve(TENANT, f"send/{sender}", FIVE)
    monkeypatch.setattr(SqliteRepository, "update", hangs)
    async with asyncio.timeout(2):
        await processes.end(one)


async def hangs(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


async def test_its_turn_is_waited_for_in_the_order_of_asking(processes: Processes, clock: MovableClock, until) -> None:
    one, order = processes.start(), []

    async def asks(name: int) -> None:
        if isinstance(await one.reserve(TENANT, "send", FIVE, patience=1.0), Reservation):
            order.append((name, round(clock.monotonic(), 2)))

    await until(clock, asyncio.gather(*(asks(name) for name in range(4))))
    assert order == [(0, 0.0), (1, 0.16), (2, 0.37), (3, 0.58)]


async def test_who_would_wait_too_long_is_told_when_one_after_the_other(
    processes: Processes, clock: MovableClock, until
) -> None:
    one = processes.start()
    asked = asyncio.gather(*(one.reserve(TENANT, "send", FIVE, patience=1.0) for _ in range(20)))
    answers = await until(clock, asked)
    later = [answer.at for answer in answers if isinstance(answer, NotBefore)]
    assert len(later) == 14
    assert later == sorted(set(later)), "each has a time of its own"
    assert later[-1] - later[0] > timedelta(seconds=2)


async def test_a_rate_that_was_changed_is_the_next_ones(processes: Processes) -> None:
    one = processes.start()
    await one.reserve(TENANT, "send", FIVE)
    processes.clock.advance(1)
    assert isinstance(await one.reserve(TENANT, "send", Rate(50)), Reservation)
    (budget,) = await processes.documents("send")
    assert budget.limit == 50 and budget.shares["process-1"].amount == 50 - 6


async def test_a_share_that_nobody_uses_is_forgotten(processes: Processes) -> None:
    one = processes.start()
    await one.reserve(TENANT, "send", FIVE)
    await one.tend()
    assert one._shares
    processes.clock.advance(11)
    await one.tend()
    assert not one._shares


@pytest.mark.parametrize(
    ("number", "rate"),
    [(80.0, Rate(80)), (1.9, Rate(1)), (0.5, Rate(1, timedelta(seconds=2))), (10_000.0, Rate(10_000))],
)
def test_a_number_a_second_is_whole_messages_in_a_time(number: float, rate: Rate) -> None:
    assert Rate.per_second(number) == rate


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan")])
def test_no_rate_is_no_rate(wrong: float) -> None:
    with pytest.raises(ValueError, match="a rate is more than nothing"):
        Rate.per_second(wrong)


async def test_a_rate_counts_single_things(processes: Processes) -> None:
    with pytest.raises(ValueError, match="a rate counts one"):
        await processes.start().reserve(TENANT, "send", FIVE, 2)
