"""Wakes within one process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from frontdesk.queue import Wake
from frontdesk.queue.local import LocalQueue
from frontdesk.testing.clock import MovableClock

A, B = Wake("turn", "clinic", "a"), Wake("lane", "clinic", "a")


@asynccontextmanager
async def running():
    clock = MovableClock()
    queue = LocalQueue("", clock)
    await queue.start()
    try:
        yield queue, clock
    finally:
        await queue.stop()


async def received(queue):
    async with asyncio.timeout(5):
        return await queue.receive()


async def nothing(queue):
    for _ in range(20):
        await asyncio.sleep(0)
    return queue._ready.empty()


async def test_a_wake_without_delay_comes_at_once():
    async with running() as (queue, _):
        await queue.wake(A)
        assert await received(queue) == A


async def test_wakes_come_when_their_time_has_come_in_order():
    async with running() as (queue, clock):
        await queue.wake(A, 5)
        await queue.wake(B, 2)
        assert await nothing(queue)
        clock.advance(2)
        assert await received(queue) == B
        assert await nothing(queue)
        clock.advance(3)
        assert await received(queue) == A


async def test_the_same_wake_twice_comes_once_at_the_earlier_time():
    async with running() as (queue, clock):
        for delay in (5, 3, 9):
            await queue.wake(A, delay)
        for _ in range(20):
            await asyncio.sleep(0)
        clock.advance(3)
        assert await received(queue) == A
        for _ in range(4):
            for _ in range(20):
                await asyncio.sleep(0)
            clock.advance(3)
        assert await nothing(queue)


async def test_an_address_is_refused_with_what_would_be_right():
    with pytest.raises(ValueError, match="write `queue: local`"):
        LocalQueue("local://somewhere", MovableClock())


async def test_stopping_ends_everything():
    async with running() as (queue, clock):
        await queue.wake(A, 5)
    assert clock.next_sleeper() is None
