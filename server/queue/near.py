"""Keeps a process's own wakes for the near future in the process: they cost nothing there, and come to the second.

Who has just written a due row knows its conversation, and tries its changes unread (recent.py); in another process the
first try would be in vain. The others find the row in their sweep if nothing comes of it here.
"""

from __future__ import annotations

from ..clock import Clock
from ..forever import forever
from ..tasks import Owner
from . import Queue, Wake
from .local import LocalQueue

NEAR = 60.0
"""What is due later (seconds) is carried by the queue: this process may not live so long."""


class NearFirst:
    """*far*, with a timer in place of each of its wakes that is due before long (see Queue)."""

    costly = False

    def __init__(self, far: Queue, clock: Clock) -> None:
        self._far = far
        self._near = LocalQueue("", clock)
        self._clock = clock
        self._taking = Owner("wakes from afar")
        self._leaves = False

    async def start(self) -> None:
        await self._far.start()
        self._taking.start(forever(self._clock, self._take), "take")

    async def wake(self, wake: Wake, delay: float = 0.0) -> None:
        if self._leaves or delay > NEAR:
            await self._far.wake(wake, delay)
        else:
            await self._near.wake(wake, delay)

    async def receive(self) -> Wake:
        return await self._near.receive()

    async def check(self) -> None:
        await self._far.check()

    async def dead_letters(self) -> int | None:
        return await self._far.dead_letters()

    async def leave(self) -> None:
        self._leaves = True
        await self._taking.drain(0)
        await self._far.leave()
        for wake, delay in self._near.take_back():
            await self._far.wake(wake, delay)

    async def stop(self) -> None:
        await self._taking.drain(0)
        await self._near.stop()
        await self._far.stop()

    async def _take(self) -> None:
        await self._near.wake(await self._far.receive())


def keep_near(queue: Queue, clock: Clock) -> Queue:
    """*queue* as a server uses it."""
    return NearFirst(queue, clock) if queue.costly else queue
