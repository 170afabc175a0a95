"""Turns due rows into work: woken by the queue, and by a sweep that needs no wake."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from frontdesk.config import Times

from .changes import Changes
from .clock import Clock
from .forever import forever
from .model import Due, DueKind
from .queue import Queue, Wake
from .queue.local import LocalQueue
from .store import Store, StoreError
from .tasks import Owner
from .work import Again, Finished, Outcome, Processor, Taken

log = structlog.get_logger(__name__)

T = TypeVar("T")

AT_ONCE: Mapping[DueKind, int] = {"turn": 256, "lane": 256, "task": 64}
"""How much of each kind one process works on at a time."""
SHARE = 4
"""One tenant gets at most one part in so many of them: a vendor of its that hangs leaves room for everybody else."""
LEFT_TO_THE_WOKEN = timedelta(seconds=0.3)
"""A row that is due has a wake on its way: for so long the sweep leaves it to who is woken, who would look in vain."""
CROWDED_PAUSE = timedelta(seconds=1)
"""When to look again at a row whose tenant has its share of the places."""

LONGEST_REMINDER = timedelta(minutes=1)
"""A row that was put off for longer holds nothing in memory: who put it off sent a wake for then."""


@dataclass
class _Claim:
    """A row as we last wrote it."""

    due: Due


class Worker:
    """Works on all kinds of due rows until it is stopped. The kinds do not wait for each other."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        processors: Mapping[DueKind, Processor],
        changes: Changes,
        clock: Clock,
        times: Times,
    ) -> None:
        self._store = store
        self._queue = queue
        self._processors = processors
        self._changes = changes
        self._clock = clock
        self._times = times
        self._loops = Owner("worker loops")
        self._working = Owner("worker")
        self._places = {kind: asyncio.Semaphore(AT_ONCE[kind]) for kind in processors}
        self._of_tenant: Counter[tuple[DueKind, str]] = Counter()
        self._wakes: dict[DueKind, asyncio.Queue[Wake]] = {kind: asyncio.Queue() for kind in processors}
        self._reminders: Queue = LocalQueue("", clock)

    def start(self) -> None:
        self._loops.start(forever(self._clock, self._sort_wake, self._queue), "wakes")
        self._loops.start(forever(self._clock, self._sort_wake, self._reminders), "reminders")
        for kind in self._processors:
            self._loops.start(forever(self._clock, self._follow_wake, kind), f"wakes of {kind}")
            self._loops.start(forever(self._clock, self._sweep, kind), f"sweep of {kind}")
        self._loops.start(forever(self._clock, self._tell_watchers), "watchers")

    @property
    def busy(self) -> int:
        """Pieces of work under way."""
        return len(self._working)

    async def stop(self, seconds: float) -> int:
        """Take nothing new, let what runs end; how much had to be cut off after *seconds*."""
        await self._loops.drain(0)
        await self._reminders.stop()
        # What is found from here on is for the other processes.
        self._reminders = self._queue
        return await self._working.drain(seconds)

    async def _sort_wake(self, queue: Queue) -> None:
        wake = await queue.receive()
        if wake.kind in self._wakes:
            self._wakes[wake.kind].put_nowait(wake)

    async def _follow_wake(self, kind: DueKind) -> None:
        wake = await self._wakes[kind].get()
        await self._places[kind].acquire()
        self._working.start(self._in_place(kind, self._woken, wake), f"{kind} {wake.ref}")

    async def _in_place(self, kind: DueKind, work: Callable[[T], Awaitable[None]], item: T) -> None:
        try:
            await work(item)
        except StoreError as err:
            log.warning("store_away", reason=str(err), kind=kind)
        finally:
            self._places[kind].release()

    async def _woken(self, wake: Wake) -> None:
        now = self._store.now()
        claimed = await self._store.due.claim_ripe(wake.kind, wake.tenant, wake.ref, now, self._claim_until(now))
        if claimed is not None:
            await self._process(claimed)
        else:
            await self._look_again(wake)

    async def _sweep(self, kind: DueKind) -> None:
        """Take what is due and nobody was woken for; also the repair after a crash."""
        await self._clock.sleep(self._times.sweep_every)
        places = self._places[kind]
        taken = free = 0
        while taken == free and not places.locked():
            free = 0
            while not places.locked():
                await places.acquire()
                free += 1
            taken = await self._take_due(kind, free)

    async def _take_due(self, kind: DueKind, limit: int) -> int:
        """Start on up to *limit* due rows, whose places are taken already; how many there were."""
        claimed: list[Due] = []
        try:
            now = self._store.now()
            ripe = now - LEFT_TO_THE_WOKEN
            claimed = await self._store.due.claim_next([kind], ripe, self._claim_until(now), limit)
        finally:
            for _ in range(limit - len(claimed)):
                self._places[kind].release()
        for due in claimed:
            self._working.start(self._in_place(kind, self._process, due), f"{kind} {due.ref}")
        return len(claimed)

    async def _tell_watchers(self) -> None:
        await self._clock.sleep(self._times.sweep_every)
        self._changes.announce_all()

    def _claim_until(self, now: datetime) -> datetime:
        """A claimed row comes back by itself when its worker has died: then the lease has run out, too."""
        return now + timedelta(seconds=self._times.conversation_lease)

    async def _process(self, due: Due) -> None:
        """One piece of work, and the end of its row."""
        share = (due.kind, due.tenant)
        if self._of_tenant[share] >= AT_ONCE[due.kind] // SHARE:
            await self._end(due, Again(self._store.now() + CROWDED_PAUSE))
            return
        self._of_tenant[share] += 1
        try:
            async with self._kept(due) as claim:
                outcome = await self._processors[due.kind].process(due)
            due = claim.due
        except StoreError:
            raise
        except Exception:
            # A defect of ours. The row stays and comes back; a turn that never ends is parked after some attempts.
            log.exception("work_failed", kind=due.kind, tenant=due.tenant, ref=due.ref)
            return
        finally:
            self._of_tenant[share] -= 1
            if not self._of_tenant[share]:
                del self._of_tenant[share]
        await self._end(due, outcome)
        self._changes.announce(due.tenant, due.ref)

    @asynccontextmanager
    async def _kept(self, due: Due) -> AsyncIterator[_Claim]:
        """Renew a claim at a third while the work goes on: for a task the claim is the lock. Others have a lease."""
        claim = _Claim(due)
        if due.kind != "task":
            yield claim
            return
        keeper = Owner("claim")
        keeper.start(self._renew(claim), due.id)
        try:
            yield claim
        finally:
            await keeper.drain(0)

    async def _renew(self, claim: _Claim) -> None:
        while True:
            await self._clock.sleep(self._times.conversation_lease / 3)
            try:
                renewed = await self._store.due.claim(claim.due, self._claim_until(self._store.now()))
            except StoreError as err:
                log.warning("store_away", reason=str(err), kind="claim")
                continue
            if renewed is None:
                # Somebody wrote the row: there is more to do, which its end finds out.
                return
            claim.due = renewed

    async def _end(self, due: Due, outcome: Outcome) -> None:
        wake = Wake(due.kind, due.tenant, due.ref)
        match outcome:
            case Taken():
                # Not left for the length of a claim: whoever holds it looks at the row when it ends, and finds it ripe;
                # until then each sweep asks.
                await self._store.due.claim(due, self._store.now())
            case Finished():
                if not await self._store.due.delete(due):
                    await self._look_again(wake)
            case Again(at):
                if await self._store.due.claim(due, at) is None:
                    await self._look_again(wake)
                else:
                    await self._queue.wake(wake, (at - self._store.now()).total_seconds())

    async def _look_again(self, wake: Wake) -> None:
        """If the row is there, somebody wrote it: there is more, now or later.

        Kept here, once for each row: a wake that came in vain and went back to a queue that repeats some would come in
        vain more and more often, until all processes did nothing else.
        """
        due = await self._store.due.get(wake.kind, wake.tenant, wake.ref)
        if due is None:
            return
        delay = due.due_at - self._store.now()
        if delay <= LONGEST_REMINDER:
            await self._reminders.wake(wake, delay.total_seconds())
