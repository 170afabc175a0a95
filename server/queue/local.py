"""Wakes within one process: the embedded default."""

from __future__ import annotations

import asyncio
from functools import partial

from ..clock import Clock, Timer
from . import Wake


class LocalQueue:
    """A timer for each wake. The same wake asked for twice is delivered once, at the earlier time."""

    costly = False

    def __init__(self, address: str, clock: Clock) -> None:
        if address:
            raise ValueError(f"server.queue: local takes no address, found {address!r}; write `queue: local`")
        self._clock = clock
        self._waiting: dict[Wake, tuple[float, Timer]] = {}
        self._ready: asyncio.Queue[Wake] = asyncio.Queue()

    async def start(self) -> None:
        return None

    async def wake(self, wake: Wake, delay: float = 0.0) -> None:
        if delay <= 0:
            self._ready.put_nowait(wake)
            return
        at = self._clock.monotonic() + delay
        if (waiting := self._waiting.get(wake)) is not None:
            if waiting[0] <= at:
                return
            waiting[1].cancel()
        self._waiting[wake] = at, self._clock.call_later(delay, partial(self._ring, wake))

    async def receive(self) -> Wake:
        return await self._ready.get()

    async def dead_letters(self) -> int | None:
        return None

    async def check(self) -> None:
        return None

    async def leave(self) -> None:
        return None

    def take_back(self) -> list[tuple[Wake, float]]:
        """What waits, with the seconds until it would have been delivered; it no longer is."""
        now = self._clock.monotonic()
        taken = [(wake, max(0.0, at - now)) for wake, (at, _) in self._waiting.items()]
        self._cancel()
        while not self._ready.empty():
            taken.append((self._ready.get_nowait(), 0.0))
        return taken

    async def stop(self) -> None:
        self._cancel()

    def _cancel(self) -> None:
        for _, timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def _ring(self, wake: Wake) -> None:
        del self._waiting[wake]
        self._ready.put_nowait(wake)
