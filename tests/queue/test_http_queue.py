"""A desk answers everything although its wakes are lost, doubled and late: only `due` counts."""

from __future__ import annotations

import asyncio
import signal
import sys

import aiohttp
import pytest
from structlog.testing import capture_logs

from frontdesk.clock import SystemClock
from frontdesk.errors import StartupError
from frontdesk.queue import Wake, open_queue
from frontdesk.testing.http_queue import HttpQueue, StandIn

WAKE = Wake("turn", "clinic", "c1")
SETTLE = {"settle": {"quiet_seconds": 0}}


@pytest.fixture
async def quiet():
    """A stand-in that does nothing but its work, and a client of it."""
    async with StandIn() as stand_in:
        queue = open_queue(stand_in.url, SystemClock())
        assert isinstance(queue, HttpQueue)
        await queue.start()
        yield stand_in, queue
        await queue.stop()


async def test_a_wake_comes_back_as_it_went_after_its_delay(quiet):
    _, queue = quiet
    loop = asyncio.get_running_loop()
    began = loop.time()
    await queue.wake(WAKE, 0.2)
    await queue.wake(Wake("lane", "school", "trường/2"))
    assert await queue.receive() == Wake("lane", "school", "trường/2")
    assert await queue.receive() == WAKE
    assert loop.time() - began >= 0.2


async def test_mischief_is_what_was_asked_for():
    async with StandIn(lose=0.5, repeat=1.0, seed=1) as stand_in:
        queue = HttpQueue(stand_in.url, SystemClock())
        await queue.start()
        for number in range(40):
            await queue.wake(Wake("turn", "clinic", f"c{number}"))
        assert stand_in.taken == 40
        assert 10 <= stand_in.lost <= 30
        kept = 40 - stand_in.lost
        received = [await queue.receive() for _ in range(2 * kept)]
        assert len(set(received)) == kept
        await queue.stop()


async def test_a_queue_that_is_away_fails_its_check_and_loses_wakes_without_a_fuss():
    async with StandIn() as stand_in:
        queue = HttpQueue(stand_in.url, SystemClock())
        await queue.start()
        await queue.check()
    with pytest.raises(OSError, match=r"the queue at http://127.0.0.1:.* does not answer"):
        await queue.check()
    with capture_logs() as logs:
        await queue.wake(WAKE)
    assert [entry["event"] for entry in logs] == ["wake_not_taken"]
    await queue.stop()


async def test_receiving_goes_on_when_the_queue_comes_back():
    async with StandIn() as first:
        port = int(first.url.rpartition(":")[2])
        queue = HttpQueue(first.url, SystemClock())
        await queue.start()
    async with asyncio.TaskGroup() as group:
        receiving = group.create_task(queue.receive())
        await asyncio.sleep(0.05)
        async with StandIn(port=port):
            await queue.wake(WAKE)
            assert await receiving == WAKE
    await queue.stop()


def test_without_an_address_it_says_what_would_be_right():
    with pytest.raises(StartupError, match=r"write `queue: http://127.0.0.1:PORT`"):
        open_queue("http", SystemClock())


@pytest.mark.parametrize(
    "mischief",
    [{}, {"lose": 1.0}, {"lose": 0.4, "repeat": 0.5, "delay": 0.5}],
    ids=["none", "every wake is lost", "lost, doubled and late"],
)
async def test_a_desk_answers_everything_in_order(desk, mischief):
    async with StandIn(seed=7, **mischief) as stand_in:
        server = {"queue": stand_in.url, "times": {"sweep_every": 0.2}}
        tenants = {"clinic": SETTLE}
        async with desk(server=server, tenants=tenants, clock=SystemClock()) as running:
            contacts = [running.contact() for _ in range(8)]
            await asyncio.gather(*(contact.says("một") for contact in contacts))
            for contact in contacts:
                assert await contact.hears() == "You said: một"
            await asyncio.gather(*(contact.says("hai") for contact in contacts))
            for contact in contacts:
                assert await contact.hears() == "You said: hai"
            await running.quiet()
            for contact in contacts:
                assert [message.text for message in await contact.received()] == ["You said: một", "You said: hai"]
        assert stand_in.taken > 0


async def test_it_runs_as_a_program():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "frontdesk.testing.http_queue", "--lose", "1", stdout=asyncio.subprocess.PIPE
    )
    url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{url}/health") as answer:
            assert answer.status == 204
        async with http.post(f"{url}/wakes", json={"kind": "turn", "tenant": "a", "ref": "b", "delay": 0}) as answer:
            assert answer.status == 204
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0
