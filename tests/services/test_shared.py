"""Objects that instances share."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from frontdesk import Plugin, hookimpl
from frontdesk.services.shared import SharedObjects
from frontdesk.tasks import Owner


class Client:
    """Knows whether it is open."""

    def __init__(self):
        self.closed = False

    async def aclose(self):
        await asyncio.sleep(0)
        self.closed = True


class Stubborn:
    """Quotes somebody instead of closing."""

    def close(self):
        raise OSError("Lan")


async def made() -> Client:
    await asyncio.sleep(0)
    return Client()


async def test_an_object_is_made_once_however_many_ask():
    objects = SharedObjects()
    users = [objects.of("p") for _ in range(5)]
    clients = await asyncio.gather(*(user("a", made) for user in users))
    assert len(set(clients)) == 1
    await objects.close()
    assert clients[0].closed and len(objects) == 0


async def test_it_is_closed_when_the_last_who_uses_it_has_stopped_and_not_before():
    objects = SharedObjects()
    one, two = objects.of("p"), objects.of("p")
    client = await one("a", made)
    await two("a", made)
    for n in range(200):
        await two(f"more {n}", made)
    await one.release()
    assert not client.closed
    await two.release()
    assert client.closed
    assert len(objects) == 0, "neither objects nor locks are kept"


async def test_after_that_it_is_made_anew():
    objects = SharedObjects()
    user = objects.of("p")
    first = await user("a", made)
    await user.release()
    assert await objects.of("p")("a", made) is not first


async def test_a_key_is_the_plugins_own():
    objects = SharedObjects()
    mine, others = await objects.of("p")("a", made), await objects.of("q")("a", made)
    assert mine is not others


async def test_who_fails_to_make_it_leaves_the_next_one_to_try():
    objects = SharedObjects()
    one, two = objects.of("p"), objects.of("p")

    async def fails():
        raise ValueError

    with pytest.raises(ValueError):
        await one("a", fails)
    assert isinstance(await two("a", made), Client)


async def test_what_cannot_be_closed_is_told_without_its_words_and_the_rest_is_closed():
    objects = SharedObjects()
    user = objects.of("p")

    async def stubborn():
        return Stubborn()

    await user("a", stubborn)
    client = await user("b", made)
    with capture_logs() as logs:
        await user.release()
    assert client.closed
    (told,) = logs
    assert (told["event"], told["plugin"]) == ("shared_not_closed", "p") and "Lan" not in repr(told)


class Reader:
    """An SDK's client with a task of its own, which it cancels and awaits."""

    def __init__(self):
        self.task = Owner("reader").start(asyncio.sleep(3600), "read")

    async def aclose(self):
        self.task.cancel()
        await self.task


class Quitter:
    """Ends the program."""

    def close(self):
        sys.exit(1)


@pytest.mark.parametrize("kind", [Reader, Quitter])
async def test_a_close_that_cancels_or_exits_reaches_nobody_else(kind):
    objects = SharedObjects()
    user = objects.of("p")

    async def make():
        return kind()

    await user("a", make)
    client = await user("b", made)
    with capture_logs() as logs:
        await user.release()
    assert client.closed and [entry["event"] for entry in logs] == ["shared_not_closed"]


class Shares(Plugin):
    """Asks for a client when it starts."""

    @hookimpl
    async def start(self):
        self.client = await self.shared("client", made)


async def test_tenants_share_it_and_an_idle_tenant_does_not_take_it_away(desk):
    async with desk(plugins={"shares": Shares}, tenants={"clinic": {}, "school": {}}) as server:
        clinic = await server.plugin("shares", "clinic")
        server.clock.advance(timedelta(seconds=800).total_seconds())
        school = await server.plugin("shares", "school")
        client = clinic.client
        assert school.client is client
        server.clock.advance(200)
        await server.server.runtimes.tend()
        assert list(server.server.runtimes.in_use()) == ["school"]
        assert not client.closed
        server.clock.advance(1000)
        await server.server.runtimes.tend()
        assert client.closed
