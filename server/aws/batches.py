"""Gathers what is to go to AWS into batches: ten cost what one costs, and nobody waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from ..tasks import Owner

T = TypeVar("T")

BATCH = 10
"""The most entries of one request (SQS: SendMessageBatch, DeleteMessageBatch)."""
AT_ONCE = 3
"""Requests under way at a time."""
WAITING = 10_000
"""The most items that wait; more are refused."""


class Batches(Generic[T]):
    """Hands on what was added, up to ten at a time. The first goes at once; what comes meanwhile goes together."""

    def __init__(self, name: str, send: Callable[[list[T]], Awaitable[None]]) -> None:
        self._send = send
        self._items: asyncio.Queue[T] = asyncio.Queue(WAITING)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._owner = Owner(name)

    def start(self) -> None:
        self._owner.start(self._gather(), "gather")

    def add(self, item: T) -> bool:
        """False: too many wait already, and this one was not taken."""
        try:
            self._items.put_nowait(item)
        except asyncio.QueueFull:
            return False
        return True

    async def stop(self, seconds: float) -> int:
        """Hand on what waits, for up to *seconds*; how many were not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._items.join()
        await self._owner.drain(0)
        return self._items.qsize()

    async def _gather(self) -> None:
        while True:
            await self._places.acquire()
            batch = [await self._items.get()]
            while len(batch) < BATCH and not self._items.empty():
                batch.append(self._items.get_nowait())
            self._owner.start(self._hand_on(batch), "batch")

    async def _hand_on(self, batch: list[T]) -> None:
        try:
            await self._send(batch)
        finally:
            self._places.release()
            for _ in batch:
                self._items.task_done()
