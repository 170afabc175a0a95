"""The end of a listener: no request that is on its way meets a closed door."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypercorn.config import Config

from frontdesk.cli.connections import Connections
from frontdesk.tasks import Owner

REQUEST = b"POST /hook HTTP/1.1\r\nHost: desk\r\nContent-Length: 0\r\n\r\n"
SLOW = REQUEST.replace(b"/hook", b"/slow")
PATIENCE = 10.0


class App:
    """Answers 204, `/slow` once it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.set()
        if scope["path"] == "/slow":
            await self.go.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Client:
    """One connection, its requests written by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def asks(self, request: bytes = REQUEST) -> str:
        self.writer.write(request)
        return await self.hears()

    async def hears(self) -> str:
        """The head of the next answer; empty if there is none."""
        async with asyncio.timeout(PATIENCE):
            try:
                return (await self._reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return ""

    async def ended(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            return await self._reader.read() == b""


class Door:
    """Connections to an App on a port of this machine; `socket` stands for systemd's own hold on it."""

    def __init__(self) -> None:
        self.app = App()
        config = Config()
        config.keep_alive_timeout = 75
        self.connections = Connections(self.app, config)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self._clients: list[asyncio.StreamWriter] = []

    async def comes(self) -> Client:
        reader, writer = await asyncio.open_connection(*self.socket.getsockname())
        self._clients.append(writer)
        return Client(reader, writer)

    def close(self) -> None:
        for writer in self._clients:
            writer.close()
        self.socket.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    made = Door()
    await made.connections.listen(made.socket.dup())
    yield made
    await made.connections.close(0, linger=0)
    made.close()


@asynccontextmanager
async def closing(door: Door, seconds: float, linger: float) -> AsyncIterator[None]:
    """Inside, the end is under way."""
    owner = Owner("closing")
    owner.start(door.connections.close(seconds, linger), "close")
    await asyncio.sleep(0.05)
    yield
    await owner.drain(PATIENCE)


async def test_a_connection_that_the_other_side_has_closed_is_gone_and_not_kept_as_an_idle_one(door: Door) -> None:
    kept, left, silent = await door.comes(), await door.comes(), await door.comes()
    for client in (kept, left):
        assert (await client.asks()).startswith("HTTP/1.1 204")
    left.writer.close()
    silent.writer.close()
    async with asyncio.timeout(PATIENCE):
        while len(door.connections) > 1:
            await asyncio.sleep(0.01)
    assert (await kept.asks()).startswith("HTTP/1.1 204")


async def test_while_it_leaves_every_answer_ends_its_connection(door: Door) -> None:
    kept = await door.comes()
    assert "connection: close" not in (await kept.asks()).lower()
    door.connections.leave()
    assert "connection: close" in (await kept.asks()).lower()
    assert await kept.ended()
    assert "connection: close" in (await (await door.comes()).asks()).lower(), "and who is new is let in"


async def test_a_request_on_its_way_when_the_door_closes_is_answered(door: Door) -> None:
    kept, new = await door.comes(), await door.comes()
    await kept.asks()
    async with closing(door, PATIENCE, linger=2.0):
        for client in (kept, new):
            answer = await client.asks()
            assert answer.startswith("HTTP/1.1 204") and "connection: close" in answer.lower()
            assert await client.ended()


async def test_a_request_that_is_being_answered_is_waited_for(door: Door) -> None:
    slow = await door.comes()
    slow.writer.write(SLOW)
    await door.app.asked.wait()
    async with closing(door, PATIENCE, linger=0.1):
        await asyncio.sleep(0.3)
        door.app.go.set()
        assert (await slow.hears()).startswith("HTTP/1.1 204")


async def test_who_brings_nothing_and_who_takes_too_long_is_cut_off(door: Door) -> None:
    idle, slow = await door.comes(), await door.comes()
    slow.writer.write(SLOW)
    await door.app.asked.wait()
    began = time.monotonic()
    await door.connections.close(0.4, linger=0.1)
    assert time.monotonic() - began < PATIENCE / 2
    assert await idle.ended()
    assert "204" not in await slow.hears()


async def test_who_else_has_the_socket_goes_on_listening(door: Door) -> None:
    await door.connections.close(1.0, linger=0)
    waiting = await door.comes()
    waiting.writer.write(REQUEST)
    next_one = Connections(door.app, Config())
    await next_one.listen(door.socket.dup())
    assert (await waiting.hears()).startswith("HTTP/1.1 204")
    await next_one.close(0, linger=0)
