"""What every queue does, whatever carries the wakes: in the process, over HTTP, over SQS by boto3 itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from frontdesk.clock import SystemClock
from frontdesk.queue import Queue, Wake, open_queue
from frontdesk.tasks import Owner
from frontdesk.testing.fake_sqs import FakeSqs
from frontdesk.testing.http_queue import StandIn

WAKE = Wake("turn", "clinic", "c1")
ENGINES = ["local", "http", "sqs"]
SHARED = ["http", "sqs"]
"""Engines that reach other processes."""

Opened = Callable[[], Queue]


@pytest.fixture(params=ENGINES)
async def opened(request: pytest.FixtureRequest, aws_keys: None) -> AsyncIterator[Opened]:
    """Makes queues of one engine that carry each other's wakes; the stand-in behind them ends with the test."""
    async with AsyncExitStack() as stack:
        match request.param:
            case "local":
                setting = "local"
            case "http":
                setting = (await stack.enter_async_context(StandIn())).url
            case _:
                setting = (await stack.enter_async_context(FakeSqs())).setting
        yield lambda: open_queue(setting, SystemClock())


@pytest.fixture
async def queue(opened: Opened) -> AsyncIterator[Queue]:
    made = opened()
    await made.start()
    yield made
    await made.stop()


async def received(queue: Queue, count: int = 1) -> list[Wake]:
    """The next wakes, each once."""
    found: list[Wake] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            wake = await queue.receive()
            found += [wake] if wake not in found else []
    return found


@pytest.mark.parametrize("ref", ["c1", "trường/2", "a:b|c", "💐", 'quoted "', "x" * 500])
async def test_a_wake_comes_as_it_went(queue: Queue, ref: str) -> None:
    wake = Wake("task", "trường-hoa-sen", ref)
    await queue.wake(wake)
    assert await received(queue) == [wake]


async def test_every_wake_comes_at_least_once(queue: Queue) -> None:
    wakes = {Wake(kind, "clinic", f"c{number}") for number in range(30) for kind in ("turn", "lane", "task")}
    for wake in wakes:
        await queue.wake(wake)
    assert set(await received(queue, len(wakes))) == wakes


async def test_a_delayed_wake_comes_after_its_delay_and_holds_nobody_up(queue: Queue) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await queue.wake(WAKE, 1)
    await queue.wake(Wake("lane", "school", "c2"))
    assert await received(queue) == [Wake("lane", "school", "c2")]
    assert loop.time() - began < 1
    assert await received(queue) == [WAKE]
    assert loop.time() - began >= 0.95


async def test_a_wake_that_is_late_already_comes_at_once(queue: Queue) -> None:
    await queue.wake(WAKE, -5)
    assert await received(queue) == [WAKE]


async def test_whoever_stops_waiting_takes_no_wake_that_comes_later(queue: Queue) -> None:
    owner = Owner("test")
    owner.start(queue.receive(), "waits")
    await asyncio.sleep(0)
    await owner.drain(0)
    await queue.wake(WAKE)
    assert await received(queue) == [WAKE]


async def test_a_wake_for_next_year_is_no_error(queue: Queue) -> None:
    await queue.wake(WAKE, 366 * 86_400)
    await queue.wake(Wake("lane", "school", "c2"))
    assert await received(queue) == [Wake("lane", "school", "c2")]


async def test_it_says_that_it_can_carry_wakes(queue: Queue) -> None:
    await queue.check()


async def test_it_stops_at_once_while_somebody_waits_and_wakes_wait(opened: Opened) -> None:
    queue = opened()
    await queue.start()
    owner = Owner("test")
    owner.start(queue.receive(), "waits")
    await queue.wake(WAKE, 600)
    await asyncio.sleep(0.1)
    await owner.drain(0)
    async with asyncio.timeout(2):
        await queue.stop()


@pytest.mark.parametrize("opened", SHARED, indirect=True)
async def test_one_process_wakes_another(opened: Opened, queue: Queue) -> None:
    other = opened()
    await other.start()
    wakes = {Wake("turn", "clinic", f"c{number}") for number in range(20)}
    for wake in wakes:
        await other.wake(wake)
    await other.stop()
    assert set(await received(queue, len(wakes))) == wakes
