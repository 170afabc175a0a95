"""Wakes within one process: the embedded default."""

from __future__ import annotations

import asyncio
import heapq
import itertools

from ..clock import Clock
from ..tasks import Owner
from . import Wake


class LocalQueue:
    """A heap of wakes by time. The same wake asked for twice is delivered once, at the earlier time."""

    def __init__(self, address: str, clock: Clock) -> None:
        if address:
            raise ValueError(f"server.queue: local takes no address, found {address!r}; write `queue: local`")
        self._clock = clock
        self._heap: list[tuple[float, int, Wake]] = []
        self._waiting: dict[Wake, float] = {}
        self._ready: asyncio.Queue[Wake] = asyncio.Queue()
        self._order = itertools.count()
        self._owner = Owner("local queue")
        self._changed = asyncio.Event()

    async def start(self) -> None:
        self._owner.start(self._deliver(), "deliver")

    async def wake(self, wake: Wake, delay: float = 0.0) -> None:
        if delay <= 0:
            self._ready.put_nowait(wake)
            return
        at = self._clock.monotonic() + delay
        if self._waiting.get(wake, at + 1) <= at:
            return
        self._waiting[wake] = at
        heapq.heappush(self._heap, (at, next(self._order), wake))
        self._changed.set()

    async def receive(self) -> Wake:
        return await self._ready.get()

    async def check(self) -> None:
        return None

    async def stop(self) -> None:
        await self._owner.drain(0)

    async def _deliver(self) -> None:
        while True:
            self._changed.clear()
            now = self._clock.monotonic()
            while self._heap and self._heap[0][0] <= now:
                at, _, wake = heapq.heappop(self._heap)
                if self._waiting.get(wake) == at:
                    del self._waiting[wake]
                    self._ready.put_nowait(wake)
            if self._heap:
                await self._either(self._heap[0][0] - now)
            else:
                await self._changed.wait()

    async def _either(self, seconds: float) -> None:
        """Wait until the earliest wake is due, or an earlier one arrives."""
        sleep = self._owner.start(self._clock.sleep(seconds), "sleep")
        changed = self._owner.start(self._changed.wait(), "changed")
        _, rest = await asyncio.wait((sleep, changed), return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
