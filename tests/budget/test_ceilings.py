"""A ceiling over several processes: an estimate held, the actual booked, and never more than the limit."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from frontdesk.budget.ceilings import CeilingShare
from frontdesk.budget.limits import Ceiling, NotBefore, Reservation
from frontdesk.model import Budget
from frontdesk.store import StoreUnavailable
from frontdesk.store.sqlite import SqliteRepository

from .conftest import TENANT, Processes


def today(processes: Processes, amount: int) -> Ceiling:
    now = processes.clock.now()
    return Ceiling(amount, now, now + timedelta(days=1))


async def taken(process, ceiling: Ceiling, amount: int) -> Reservation:
    answer = await process.reserve(TENANT, "model", ceiling, amount)
    assert isinstance(answer, Reservation), answer
    return answer


def booked(budget: Budget) -> int:
    return budget.booked + sum(share.booked for share in budget.shares.values())


async def test_the_actual_is_booked_and_the_rest_of_the_estimate_comes_back(processes: Processes) -> None:
    one, ceiling = processes.start(), today(processes, 100)
    for actual in (10, 0, 25, 40):
        one.settle(await taken(one, ceiling, 60), actual)
    assert isinstance(await one.reserve(TENANT, "model", ceiling, 26), NotBefore)
    one.settle(await taken(one, ceiling, 25), 25)
    await one.close()
    (budget,) = await processes.documents("model")
    assert (booked(budget), budget.limit) == (100, 100)
    assert [share.amount for share in budget.shares.values()] == [0]


async def test_many_small_amounts_cost_one_write_for_many(processes: Processes) -> None:
    one, ceiling = processes.start(), today(processes, 1_000_000)
    for _ in range(1000):
        one.settle(await taken(one, ceiling, 10), 7)
    assert processes.calls(one) == 2, "read once, one share"


async def test_the_end_of_the_limit_is_the_end_of_its_period(processes: Processes) -> None:
    one, ceiling = processes.start(), today(processes, 10)
    one.settle(await taken(one, ceiling, 10), 10)
    calls = processes.calls(one)
    answers = [await one.reserve(TENANT, "model", ceiling, 1) for _ in range(50)]
    assert set(answers) == {NotBefore(ceiling.ends)}
    assert processes.calls(one) == calls + 1, "who was refused costs nothing more"
    tomorrow = Ceiling(10, ceiling.ends, ceiling.ends + timedelta(days=1))
    await taken(one, tomorrow, 10)


async def test_what_others_hold_may_come_back(processes: Processes) -> None:
    one, two = processes.start(), processes.start()
    ceiling = today(processes, 100)
    reservation = await taken(one, ceiling, 90)
    refused = await two.reserve(TENANT, "model", ceiling, 50)
    assert isinstance(refused, NotBefore) and refused.at < ceiling.ends
    one.settle(reservation, 5)
    for _ in range(2):
        await one.tend()
        processes.clock.advance(30)
    await taken(two, ceiling, 50)


async def test_who_dies_takes_at_most_its_share_along(processes: Processes) -> None:
    one, two = processes.start(), processes.start()
    ceiling = today(processes, 1000)
    one.settle(await taken(one, ceiling, 10), 10)
    (before,) = await processes.documents("model")
    share = before.shares["process-1"].amount
    assert share <= 1000 // 4
    processes.kill(one)
    processes.clock.advance(200)
    two.settle(await taken(two, ceiling, 1000 - share), 0)
    (after,) = await processes.documents("model")
    assert after.booked == share


async def test_a_settlement_after_the_lease_counts_only_what_is_more_than_was_held(processes: Processes) -> None:
    one, two = processes.start(), processes.start()
    ceiling = today(processes, 1000)
    frozen = await taken(one, ceiling, 10)
    processes.clock.advance(200)
    await two.reserve(TENANT, "model", ceiling, 1)
    (budget,) = await processes.documents("model")
    lost = budget.booked
    await taken(one, ceiling, 1)
    one.settle(frozen, 12)
    await one.tend()
    (budget,) = await processes.documents("model")
    assert budget.booked == lost and budget.shares["process-1"].booked == 2


async def test_what_was_settled_for_more_than_the_share_is_booked_though_the_share_was_lost_before_it_was_told(
    processes: Processes,
) -> None:
    one, two = processes.start(), processes.start()
    ceiling = today(processes, 1000)
    frozen = await taken(one, ceiling, 10)
    (budget,) = await processes.documents("model")
    share = budget.shares["process-1"].amount
    one.settle(frozen, share + 50)
    processes.clock.advance(200)
    await two.reserve(TENANT, "model", ceiling, 1)
    await one.tend()
    (budget,) = await processes.documents("model")
    assert (budget.booked, budget.shares["process-1"].booked) == (share, 50)


async def test_a_decision_changes_nothing_and_may_be_asked_for_again(processes: Processes) -> None:
    one, two = processes.start(), processes.start()
    ceiling = today(processes, 1000)
    frozen = await taken(one, ceiling, 10)
    (share,) = one._shares.values()
    assert isinstance(share, CeilingShare)
    (ours,) = await processes.documents("model")
    processes.clock.advance(200)
    await two.reserve(TENANT, "model", ceiling, 1)
    (lost,) = await processes.documents("model")
    for known in (ours, lost):
        before = dict(vars(share))
        assert share._divided(known, 5) == share._divided(known, 5)
        assert dict(vars(share)) == before
    share._learn(lost)
    learned = dict(vars(share))
    share._learn(lost)
    assert dict(vars(share)) == learned
    one.settle(frozen, 12)
    again = await taken(one, ceiling, 1)
    assert again.lease == frozen.lease + 1
    (budget,) = await processes.documents("model")
    assert budget.shares["process-1"].booked == 2


async def test_a_lost_share_is_lost_once_though_the_store_is_away_when_that_is_seen(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = processes.start(), processes.start()
    ceiling = today(processes, 1000)
    frozen = await taken(one, ceiling, 10)
    processes.clock.advance(200)
    await two.reserve(TENANT, "model", ceiling, 1)
    (share,) = one._shares.values()
    update, ways = share._ledger._repository.update, iter([None, StoreUnavailable("away")])

    async def updating(*arguments: Any, **changes: Any) -> Any:
        # The first meets what the other wrote; the second, which has seen it, is not taken.
        if (failure := next(ways, None)) is not None:
            raise failure
        return await update(*arguments, **changes)

    monkeypatch.setattr(share._ledger._repository, "update", updating, raising=False)
    with pytest.raises(StoreUnavailable):
        await one.reserve(TENANT, "model", ceiling, 1)
    one.settle(frozen, 12)
    await taken(one, ceiling, 1)
    (budget,) = await processes.documents("model")
    assert budget.shares["process-1"].booked == 2


async def test_what_is_only_reserved_is_asked_for_again_and_what_came_to_less_at_once(processes: Processes) -> None:
    one, ceiling = processes.start(), today(processes, 100)
    held = await taken(one, ceiling, 90)
    refused = await one.reserve(TENANT, "model", ceiling, 20)
    assert isinstance(refused, NotBefore) and refused.at < ceiling.ends
    one.settle(held, 30)
    assert isinstance(await one.reserve(TENANT, "model", ceiling, 70), Reservation)


async def test_more_than_was_reserved_is_booked_too(processes: Processes) -> None:
    one, ceiling = processes.start(), today(processes, 100)
    one.settle(await taken(one, ceiling, 10), 130)
    assert await one.reserve(TENANT, "model", ceiling, 1) == NotBefore(ceiling.ends)
    await one.close()
    (budget,) = await processes.documents("model")
    assert booked(budget) == 130


async def test_a_share_that_was_forgotten_keeps_what_it_booked(processes: Processes) -> None:
    one, ceiling = processes.start(), today(processes, 100)
    one.settle(await taken(one, ceiling, 10), 10)
    for _ in range(2):
        await one.tend()
    assert not one._shares
    assert isinstance(await one.reserve(TENANT, "model", ceiling, 91), NotBefore)


async def test_what_is_reserved_while_an_idle_share_is_given_back_counts(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, ceiling = processes.start(), today(processes, 100)
    one.settle(await taken(one, ceiling, 10), 10)
    began, go_on, update = asyncio.Event(), asyncio.Event(), SqliteRepository.update

    async def slow(*arguments: Any, **changes: Any) -> Any:
        began.set()
        await go_on.wait()
        return await update(*arguments, **changes)

    monkeypatch.setattr(SqliteRepository, "update", slow)
    async with asyncio.TaskGroup() as group:
        group.create_task(one.tend())
        await began.wait()
        reserving = group.create_task(taken(one, ceiling, 80))
        await asyncio.sleep(0)
        go_on.set()
    assert isinstance(await one.reserve(TENANT, "model", ceiling, 11), NotBefore)
    one.settle(reserving.result(), 80)
    await one.close()
    (budget,) = await processes.documents("model")
    assert booked(budget) == 90


async def test_what_was_never_settled_counts_as_spent_after_its_day_and_is_not_written_for_ever(
    processes: Processes,
) -> None:
    one, ceiling = processes.start(), today(processes, 100)
    over_midnight, forgotten = await taken(one, ceiling, 10), await taken(one, ceiling, 20)
    processes.clock.advance(86400 + 60)
    await one.tend()
    one.settle(over_midnight, 3)
    await one.tend()
    (budget,) = await processes.documents("model")
    assert booked(budget) == 3
    processes.clock.advance(180)
    await one.tend()
    await one.tend()
    calls = processes.calls(one)
    await one.tend()
    assert (processes.calls(one) - calls, len(one._shares)) == (0, 0)
    (budget,) = await processes.documents("model")
    assert booked(budget) == 3 + forgotten.amount


async def test_less_than_nothing_is_an_error(processes: Processes) -> None:
    one, ceiling = processes.start(), today(processes, 100)
    reservation = await taken(one, ceiling, 10)
    with pytest.raises(ValueError, match="write 0 or more"):
        one.settle(reservation, -1)
    with pytest.raises(ValueError, match="one or more"):
        await one.reserve(TENANT, "model", ceiling, 0)
