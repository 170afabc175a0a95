"""Whatever processes do, in whatever order, however they end: the limit holds over all of them."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.budget import ceilings
from frontdesk.budget.limits import Ceiling, Rate, Reservation
from frontdesk.budget.service import Budgets
from frontdesk.store.sqlite import SqliteStore
from frontdesk.testing.clock import MovableClock

from .conftest import TENANT, Processes

WRONG = st.sampled_from((-0.45, -0.1, 0.0, 0.2, 0.45))
"""By how many seconds a process may be wrong about the store's time (LONGEST_ROUND_TRIP of store/mongo.py)."""
EXAMPLES = 80
ROUNDED = 1e-6
"""Seconds by which sums of the clock's floats may be wrong: a period later can be 3.99999999999999 s later."""
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("start"), WRONG),
        st.tuples(st.just("kill"), st.integers(0, 9)),
        st.tuples(st.just("end"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.sampled_from((0.01, 0.05, 0.3, 0.9, 1.0, 3.0, 7.0, 11.0, 23.0, 100.0, 200.0))),
        st.tuples(st.just("ask"), st.integers(1, 30)),
        st.tuples(st.just("tend"), st.integers(0, 9)),
        st.tuples(st.just("settle"), st.integers(0, 12)),
        st.tuples(st.just("know"), st.sampled_from((None, 1, 2, 5))),
    ),
    min_size=5,
    max_size=40,
)


@contextmanager
def opened() -> Iterator[tuple[asyncio.Runner, SqliteStore, MovableClock]]:
    """One store for all examples of a test: each has a key of its own."""
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as folder:
        clock = MovableClock()
        store = SqliteStore(Path(folder) / "budgets.db", clock)
        runner.run(store.open())
        try:
            yield runner, store, clock
        finally:
            runner.run(store.close())


def chosen(processes: Processes, number: int) -> Budgets:
    if not processes.alive:
        processes.start()
    return processes.alive[number % len(processes.alive)]


def common(processes: Processes, move: str, value: float | int | None) -> None:
    """What happens to processes and time, in both tests."""
    match move, value:
        case "start", float(wrong):
            processes.start(wrong)
        case "kill", int(number):
            processes.kill(chosen(processes, number), known=number % 2 == 0)
        case "wait", float(seconds):
            processes.clock.advance(seconds)
        case "know", known:
            processes.known = None if known is None else int(known)


def test_no_period_anywhere_holds_more_than_the_rate() -> None:
    with opened() as (runner, store, clock):

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.sampled_from((1, 4, 9, 17)), st.sampled_from((0.5, 1.0, 4.0)), MOVES)
        def holds(amount: int, seconds: float, moves: Sequence[tuple[str, float]]) -> None:
            sent = _sent(runner, Processes(store, clock), Rate(amount, timedelta(seconds=seconds)), moves)
            for first, start in enumerate(sent):
                within = bisect_left(sent, start + seconds - ROUNDED) - first
                assert within <= amount, f"{within} within {seconds} s from {start}: {sent}"

        holds()


def _sent(runner: asyncio.Runner, processes: Processes, rate: Rate, moves: Sequence[tuple[str, float]]) -> list[float]:
    """When something was sent."""
    sent: list[float] = []
    key = uuid.uuid4().hex

    async def everybody_asks(times: int) -> None:
        async def one(process: Budgets) -> None:
            if isinstance(await process.reserve(TENANT, key, rate), Reservation):
                sent.append(processes.clock.monotonic())

        chosen(processes, 0)
        await asyncio.gather(*(one(process) for process in processes.alive for _ in range(times)))

    async def everybody_is_busy() -> None:
        for _ in range(6):
            await everybody_asks(2)
            processes.clock.advance(rate.period.total_seconds() / 5)

    for move, value in moves:
        common(processes, move, value)
        if move == "tend":
            runner.run(chosen(processes, int(value)).tend())
        if move == "end":
            runner.run(processes.end(chosen(processes, int(value))))
        runner.run(everybody_is_busy())
    return sent


@dataclass
class Account:
    """What was really spent, and what may still be."""

    spent: int = 0
    open: list[tuple[Budgets, Reservation]] = field(default_factory=list)
    unsure: bool = False
    """Somebody died, or stood still for longer than its lease: what it had left counts as spent."""

    @property
    def at_most(self) -> int:
        return self.spent + sum(reservation.amount for _, reservation in self.open)


def test_what_is_reserved_and_what_was_spent_is_never_more_than_the_ceiling() -> None:
    with opened() as (runner, store, clock):

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.integers(1, 400), MOVES)
        def holds(amount: int, moves: Sequence[tuple[str, int]]) -> None:
            key, processes = uuid.uuid4().hex, Processes(store, clock)
            ceiling = Ceiling(amount, clock.now(), clock.now() + timedelta(days=1))
            account = _account(runner, processes, key, ceiling, moves)
            for process, reservation in account.open:
                process.settle(reservation, 0)
            for process in processes.alive:
                runner.run(process.close())
            budgets = runner.run(processes.documents(key))
            booked = sum(b.booked + sum(share.booked for share in b.shares.values()) for b in budgets)
            assert booked <= amount
            if not account.unsure:
                assert booked == account.spent, "to the last unit"
                assert not any(share.amount for b in budgets for share in b.shares.values()), "all is given back"
            assert account.spent <= booked + sum(share.amount for b in budgets for share in b.shares.values())

        holds()


def _account(
    runner: asyncio.Runner, processes: Processes, key: str, ceiling: Ceiling, moves: Sequence[tuple[str, int]]
) -> Account:
    account, clock = Account(), processes.clock
    began = clock.monotonic()

    async def everybody_asks(estimate: int) -> None:
        async def one(process: Budgets) -> None:
            answer = await process.reserve(TENANT, key, ceiling, estimate)
            if isinstance(answer, Reservation):
                account.open.append((process, answer))

        chosen(processes, 0)
        await asyncio.gather(*(one(process) for process in processes.alive))

    for move, value in moves:
        common(processes, move, value)
        if move == "kill":
            # Nobody knows what its calls came to: at most what was reserved.
            account.unsure = True
            account.spent += sum(r.amount for process, r in account.open if process not in processes.alive)
            account.open = [(process, r) for process, r in account.open if process in processes.alive]
        elif move == "wait":
            account.unsure = account.unsure or clock.monotonic() - began > ceilings.LEASE.total_seconds() / 2
        elif move == "ask":
            runner.run(everybody_asks(int(value)))
        elif move == "tend":
            runner.run(chosen(processes, int(value)).tend())
        elif move == "end":
            leaving = chosen(processes, int(value))
            for process, reservation in account.open:
                if process is leaving:
                    process.settle(reservation, 0)
            account.open = [(process, r) for process, r in account.open if process is not leaving]
            runner.run(processes.end(leaving))
        elif move == "settle" and account.open:
            process, reservation = account.open.pop(int(value) % len(account.open))
            actual = min(int(value), reservation.amount)
            process.settle(reservation, actual)
            account.spent += actual
        assert account.at_most <= ceiling.amount, move
    return account


def test_a_process_whose_idea_of_the_time_is_far_off_would_be_noticed() -> None:
    """The first test sees what it is there to see: two whole shares in one second."""
    with opened() as (runner, store, clock):
        processes, rate = Processes(store, clock), Rate(5)
        processes.known = 1
        both = [processes.start(), processes.start(wrong=20.0)]
        sent = 0
        for _ in range(20):
            for process in both:
                sent += isinstance(runner.run(process.reserve(TENANT, "send", rate)), Reservation)
            clock.advance(0.05)
        assert sent > 5
