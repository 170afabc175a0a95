"""Due rows become work, whatever becomes of the wakes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import pytest

from frontdesk import worker
from frontdesk.changes import Changes
from frontdesk.config import Times
from frontdesk.queue import Wake
from frontdesk.queue.local import LocalQueue
from frontdesk.store import StoreUnavailable
from frontdesk.store.sqlite import SqliteStore
from frontdesk.testing.clock import MovableClock
from frontdesk.work import Again, Finished, Taken
from frontdesk.worker import Worker

SOON = timedelta(seconds=3)


class Processor:
    """Notes what it is given; `behaviour` decides."""

    def __init__(self):
        self.seen = []
        self.behaviour = None

    async def process(self, due):
        self.seen.append(due)
        if self.behaviour is None:
            return Finished()
        outcome = self.behaviour(due)
        return await outcome if hasattr(outcome, "__await__") else outcome


class Bench:
    """A worker with a store and a queue, and nobody else."""

    def __init__(self, store, queue, clock, times):
        self.store, self.queue, self.clock = store, queue, clock
        self.turns, self.lanes, self.tasks = Processor(), Processor(), Processor()
        processors = {"turn": self.turns, "lane": self.lanes, "task": self.tasks}
        self.worker = Worker(store, queue, processors, Changes(), clock, times)

    async def put(self, ref="a", kind="turn", after=0.0, wake=True):
        row = await self.store.due.put(kind, "clinic", ref, self.store.now() + timedelta(seconds=after))
        if wake:
            await self.queue.wake(Wake(kind, "clinic", ref), after)
        return row

    async def until(self, condition, *, still=False):
        """Wait for it; *still*: without moving the clock."""
        idle = 0
        async with asyncio.timeout(10):
            while not (found := await condition() if asyncio.iscoroutinefunction(condition) else condition()):
                await asyncio.sleep(0.002)
                idle = 0 if self.worker.busy else idle + 1
                if not still and idle >= 5:
                    idle = 0
                    self.clock.advance(min(self.clock.next_sleeper() or 0.2, 0.5))
        return found

    async def empty(self):
        return await self.store.due.count() == 0


class Lossy(LocalQueue):
    """Loses or doubles every wake, delivers the first ones early, or is away."""

    def __init__(self, clock, how):
        super().__init__("", clock)
        self.how = how
        self.hurried = set()

    async def wake(self, wake, delay=0.0):
        if self.how == "broken":
            raise OSError("the queue is away")
        if self.how == "early" and wake not in self.hurried:
            self.hurried.add(wake)
            delay = 0.0
        for _ in range({"lost": 0, "doubled": 2, "early": 1}[self.how]):
            await super().wake(wake, delay)


class Repeating(LocalQueue):
    """Delivers every wake twice, and gathers none, as a queue between processes may."""

    def __init__(self, clock):
        super().__init__("", clock)
        self.sent = 0

    async def wake(self, wake, delay=0.0):
        self.sent += 1
        for _ in range(2):
            if delay > 0:
                self._clock.call_later(delay, partial(self._ready.put_nowait, wake))
            else:
                self._ready.put_nowait(wake)


@asynccontextmanager
async def a_bench(tmp_path, how="", sweep_every=1):
    clock = MovableClock()
    store = SqliteStore(tmp_path / "db", clock)
    await store.open()
    queue = Repeating(clock) if how == "repeated" else Lossy(clock, how) if how else LocalQueue("", clock)
    await queue.start()
    bench = Bench(store, queue, clock, Times(sweep_every=sweep_every))
    bench.worker.start()
    try:
        yield bench
    finally:
        await bench.worker.stop(1)
        await queue.stop()
        await store.close()


async def test_a_woken_row_is_worked_on_at_once_and_goes(tmp_path):
    async with a_bench(tmp_path) as bench:
        await bench.put()
        await bench.until(lambda: bench.turns.seen, still=True)
        await bench.until(bench.empty, still=True)
        assert [due.ref for due in bench.turns.seen] == ["a"]


async def test_a_row_waits_for_its_time(tmp_path):
    async with a_bench(tmp_path) as bench:
        start = bench.clock.now()
        await bench.put(after=2.5)
        await bench.until(lambda: bench.turns.seen)
        assert bench.clock.now() - start >= timedelta(seconds=2.5)


@pytest.mark.parametrize("how", ["lost", "doubled", "early"])
async def test_work_is_done_once_and_in_time_whatever_becomes_of_the_wakes(tmp_path, how):
    async with a_bench(tmp_path, how) as bench:
        start = bench.clock.now()
        for number in range(20):
            await bench.put(f"c{number}", after=number % 3)
        await bench.until(bench.empty)
        assert sorted(due.ref for due in bench.turns.seen) == sorted(f"c{n}" for n in range(20))
        assert bench.clock.now() - start < timedelta(seconds=6)


async def test_wakes_that_come_in_vain_do_not_multiply(tmp_path):
    async with a_bench(tmp_path, "repeated", sweep_every=60) as bench:
        bench.lanes.behaviour = lambda due: (
            Again(bench.store.now() + timedelta(seconds=1)) if len(bench.lanes.seen) <= 8 else Finished()
        )
        start = bench.clock.now()
        await bench.put(kind="lane")
        await bench.until(bench.empty)
        assert bench.queue.sent == 1 + 8, "one by whoever wrote the row, one each time that it was put off"
        assert bench.clock.now() - start < timedelta(seconds=12)


async def test_a_row_that_was_put_off_for_long_holds_nothing_in_memory(tmp_path, monkeypatch):
    reminders = []

    async def noted(self, wake, delay=0.0):
        reminders.append(wake.ref)

    async with a_bench(tmp_path, "repeated", sweep_every=60) as bench:
        monkeypatch.setattr(LocalQueue, "wake", noted)
        for ref, after in (("next-month", 30 * 86400), ("soon", 30)):
            await bench.put(ref, after=after, wake=False)
            await bench.queue.wake(Wake("turn", "clinic", ref))
        await bench.until(lambda: len(reminders) == 2, still=True)
        assert reminders == ["soon", "soon"]


async def test_what_is_found_while_stopping_is_for_the_other_processes(tmp_path):
    async with a_bench(tmp_path) as bench:
        gate = asyncio.Event()

        async def while_working(due):
            await gate.wait()
            await bench.put(wake=False)
            return Finished()

        bench.turns.behaviour = while_working
        await bench.put()
        await bench.until(lambda: bench.turns.seen, still=True)
        asyncio.get_running_loop().call_later(0.05, gate.set)
        assert await bench.worker.stop(5) == 0
        async with asyncio.timeout(10):
            assert await bench.queue.receive() == Wake("turn", "clinic", "a")


async def test_a_queue_that_raises_does_not_end_the_worker(tmp_path):
    async with a_bench(tmp_path, "broken") as bench:
        bench.turns.behaviour = lambda due: (
            Again(bench.store.now() + timedelta(seconds=1)) if len(bench.turns.seen) < 3 else Finished()
        )
        await bench.put(wake=False)
        await bench.until(bench.empty)
        assert len(bench.turns.seen) == 3


async def test_a_sweep_leaves_what_has_just_become_due_to_who_is_woken(tmp_path):
    async with a_bench(tmp_path, sweep_every=0.1) as bench:
        start = bench.clock.now()
        await bench.put(wake=False)
        await bench.until(lambda: bench.turns.seen)
        assert worker.LEFT_TO_THE_WOKEN <= bench.clock.now() - start < timedelta(seconds=1)


async def test_a_backlog_larger_than_the_places_is_swept_without_pauses(tmp_path):
    async with a_bench(tmp_path) as bench:
        for number in range(200):
            await bench.put(f"c{number}", wake=False)
        start = bench.clock.now()
        await bench.until(bench.empty)
        assert len({due.ref for due in bench.turns.seen}) == 200
        assert bench.clock.now() - start < timedelta(seconds=6), "not one batch a second"


async def test_a_row_written_while_it_is_worked_on_is_looked_at_again_promptly(tmp_path):
    async with a_bench(tmp_path, sweep_every=60) as bench:

        async def while_working(due):
            if len(bench.turns.seen) == 1:
                await bench.put(after=1, wake=False)
            return Finished()

        bench.turns.behaviour = while_working
        start = bench.clock.now()
        await bench.put()
        await bench.until(lambda: len(bench.turns.seen) == 2)
        assert timedelta(seconds=1) <= bench.clock.now() - start < SOON
        await bench.until(bench.empty)


async def test_again_means_at_that_time(tmp_path):
    async with a_bench(tmp_path, sweep_every=60) as bench:
        bench.lanes.behaviour = lambda due: (
            Again(bench.store.now() + timedelta(seconds=4)) if len(bench.lanes.seen) == 1 else Finished()
        )
        start = bench.clock.now()
        await bench.put(kind="lane")
        await bench.until(lambda: len(bench.lanes.seen) == 2)
        assert timedelta(seconds=4) <= bench.clock.now() - start < timedelta(seconds=6)


async def test_a_taken_row_delays_what_follows_by_about_a_second(tmp_path):
    """Another process holds the conversation; ours, woken by a new message, leaves; the other ends and looks again."""
    async with a_bench(tmp_path) as bench:
        bench.turns.behaviour = lambda due: Taken() if len(bench.turns.seen) == 1 else Finished()
        start = bench.clock.now()
        await bench.put()
        await bench.until(lambda: len(bench.turns.seen) == 2)
        assert bench.clock.now() - start < SOON
        await bench.until(bench.empty)


async def test_a_defect_keeps_the_row_and_it_comes_back_after_the_claim(tmp_path):
    async with a_bench(tmp_path) as bench:

        def fail_once(due):
            if len(bench.turns.seen) == 1:
                raise ZeroDivisionError("defect")
            return Finished()

        bench.turns.behaviour = fail_once
        start = bench.clock.now()
        await bench.put()
        await bench.until(lambda: bench.turns.seen and not bench.worker.busy, still=True)
        assert await bench.store.due.count() == 1
        await bench.until(bench.empty)
        assert len(bench.turns.seen) == 2
        assert bench.clock.now() - start >= timedelta(seconds=Times().conversation_lease)


async def test_a_store_that_goes_away_ends_neither_the_sweep_nor_the_work(tmp_path, monkeypatch):
    async with a_bench(tmp_path) as bench:
        claim_next, times = bench.store.due.claim_next, []

        async def away(*arguments):
            times.append(1)
            if len(times) < 6:
                raise StoreUnavailable("away") if len(times) % 2 else ValueError("nobody foresaw this")
            return await claim_next(*arguments)

        monkeypatch.setattr(bench.store.due, "claim_next", away)
        await bench.put(wake=False)
        await bench.until(bench.empty)
        assert len(times) >= 6
        # Every place is free again.
        for kind, places in bench.worker._places.items():
            assert places._value == worker.AT_ONCE[kind]


async def test_turns_that_fill_all_places_do_not_keep_lanes_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "AT_ONCE", {"turn": 20, "lane": 20, "task": 20})
    monkeypatch.setattr(worker, "SHARE", 1)
    async with a_bench(tmp_path) as bench:
        gate = asyncio.Event()

        async def slow(due):
            await gate.wait()
            return Finished()

        bench.turns.behaviour = slow
        for number in range(worker.AT_ONCE["turn"] + 10):
            await bench.put(f"c{number}")
        await bench.until(lambda: len(bench.turns.seen) == worker.AT_ONCE["turn"], still=True)
        await bench.put("c1", kind="lane")
        await bench.until(lambda: bench.lanes.seen, still=True)
        gate.set()
        await bench.until(bench.empty)
        assert len({due.ref for due in bench.turns.seen}) == worker.AT_ONCE["turn"] + 10


async def test_one_tenant_takes_no_more_than_its_share_of_the_places(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "AT_ONCE", {"turn": 20, "lane": 20, "task": 20})
    async with a_bench(tmp_path) as bench:
        gate = asyncio.Event()

        async def slow(due):
            if due.tenant == "clinic":
                await gate.wait()
            return Finished()

        bench.turns.behaviour = slow
        for number in range(30):
            await bench.put(f"c{number}")
        await bench.until(lambda: len(bench.turns.seen) == 5, still=True)
        await bench.store.due.put("turn", "school", "s", bench.store.now())
        await bench.queue.wake(Wake("turn", "school", "s"))
        await bench.until(lambda: len(bench.turns.seen) == 6, still=True)
        assert bench.turns.seen[-1].tenant == "school"
        gate.set()
        await bench.until(bench.empty)
        assert len({due.ref for due in bench.turns.seen}) == 31


async def test_stopping_lets_the_work_end_and_takes_nothing_new(tmp_path):
    async with a_bench(tmp_path) as bench:
        gate = asyncio.Event()

        async def slow(due):
            await gate.wait()
            return Finished()

        bench.turns.behaviour = slow
        await bench.put()
        await bench.until(lambda: bench.turns.seen, still=True)
        asyncio.get_running_loop().call_later(0.05, gate.set)
        assert await bench.worker.stop(5) == 0
        assert await bench.empty()
        await bench.put("b")
        bench.clock.advance(5)
        await asyncio.sleep(0.02)
        assert [due.ref for due in bench.turns.seen] == ["a"]


async def test_a_whole_server_answers_without_any_wake(desk, monkeypatch):
    async def lost(self, wake, delay=0.0):
        return None

    monkeypatch.setattr(LocalQueue, "wake", lost)
    async with desk() as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        assert await lan.hears() == "You said: Hello."
