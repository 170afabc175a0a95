"""Turns due rows into work: woken by the queue, and by a sweep that needs no wake."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from frontdesk.config import Times

from .clock import Clock
from .model import Due, DueKind
from .queue import Queue, Wake
from .services.changes import Changes
from .store import Store, StoreError
from .tasks import Owner
from .work import Again, Finished, Outcome, Processor, Taken

log = structlog.get_logger(__name__)

AT_ONCE: Mapping[DueKind, int] = {"turn": 64, "lane": 64, "task": 16}
"""How much of each kind one process works on at a time."""
SWEEP_LIMIT = 100
TAKEN_PAUSE = timedelta(seconds=1)


class Worker:
    """Works on all kinds of due rows until it is stopped."""

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
        self._places = {kind: asyncio.Semaphore(count) for kind, count in AT_ONCE.items()}
        self._stopping = False

    def start(self) -> None:
        self._loops.start(self._follow_wakes(), "wakes")
        self._loops.start(self._sweep(), "sweep")

    @property
    def busy(self) -> int:
        """Pieces of work under way."""
        return len(self._working)

    async def stop(self, seconds: float) -> int:
        """Take nothing new, let what runs end; how much had to be cut off after *seconds*."""
        self._stopping = True
        await self._loops.drain(0)
        return await self._working.drain(seconds)

    async def _follow_wakes(self) -> None:
        while not self._stopping:
            wake = await self._queue.receive()
            await self._places[wake.kind].acquire()
            self._working.start(self._woken(wake), f"{wake.kind} {wake.ref}")

    async def _woken(self, wake: Wake) -> None:
        try:
            due = await self._store.due.get(wake.kind, wake.tenant, wake.ref)
            if due is None:
                return
            now = self._store.now()
            if due.due_at > now:
                await self._queue.wake(wake, (due.due_at - now).total_seconds())
                return
            claimed = await self._store.due.claim(due, self._claim_until(now))
            if claimed is not None:
                await self._process(claimed)
        except StoreError as err:
            log.warning("store_away", reason=str(err), kind=wake.kind)
        finally:
            self._places[wake.kind].release()

    async def _sweep(self) -> None:
        """Take what is due and nobody was woken for; also the repair after a crash."""
        while not self._stopping:
            await self._clock.sleep(self._times.sweep_every)
            self._changes.announce_all()
            try:
                await self._sweep_once()
            except StoreError as err:
                log.warning("store_away", reason=str(err), kind="sweep")

    async def _sweep_once(self) -> None:
        for kind, places in self._places.items():
            while not places.locked():
                now = self._store.now()
                claimed = await self._store.due.claim_next([kind], now, self._claim_until(now), self._free(places))
                for due in claimed:
                    await places.acquire()
                    self._working.start(self._swept(due, places), f"{kind} {due.ref}")
                if len(claimed) < SWEEP_LIMIT:
                    break

    def _free(self, places: asyncio.Semaphore) -> int:
        return max(1, min(SWEEP_LIMIT, places._value))

    async def _swept(self, due: Due, places: asyncio.Semaphore) -> None:
        try:
            await self._process(due)
        except StoreError as err:
            log.warning("store_away", reason=str(err), kind=due.kind)
        finally:
            places.release()

    def _claim_until(self, now: datetime) -> datetime:
        """A claimed row comes back by itself when its worker has died: then the lease has run out, too."""
        return now + timedelta(seconds=self._times.conversation_lease)

    async def _process(self, due: Due) -> None:
        """One piece of work, and the end of its row."""
        try:
            outcome = await self._processors[due.kind].process(due)
        except StoreError:
            raise
        except Exception:
            # A defect of ours. The row stays and comes back; a turn that never ends is parked after some attempts.
            log.exception("work_failed", kind=due.kind, tenant=due.tenant, ref=due.ref)
            return
        await self._end(due, outcome)
        self._changes.announce(due.tenant, due.ref)

    async def _end(self, due: Due, outcome: Outcome) -> None:
        wake = Wake(due.kind, due.tenant, due.ref)
        match outcome:
            case Taken():
                # Not left for the length of a claim: whoever holds it may end at once, with more to do.
                await self._store.due.claim(due, self._store.now() + TAKEN_PAUSE)
            case Finished():
                if not await self._store.due.delete(due):
                    await self._look_again(wake)
            case Again(at):
                if await self._store.due.claim(due, at) is None:
                    await self._look_again(wake)
                else:
                    await self._queue.wake(wake, (at - self._store.now()).total_seconds())

    async def _look_again(self, wake: Wake) -> None:
        """Somebody wrote the row while we worked: there is more."""
        due = await self._store.due.get(wake.kind, wake.tenant, wake.ref)
        if due is not None:
            await self._queue.wake(wake, (due.due_at - self._store.now()).total_seconds())
