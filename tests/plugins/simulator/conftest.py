"""What the tests of the simulator have: a server on loopback, and a phone that writes to it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import entry_points
from typing import Any

import aiohttp
import pytest

from frontdesk.clock import SystemClock
from frontdesk.testing.desk import TestDesk
from frontdesk.testing.plugins import ScriptedModel

LAN = "1a4" * 8
OURS = {"X-Frontdesk-Simulator": "1"}
Serving = Callable[[Any], Any]


class PhoneClient:
    """What the page does, without the page."""

    def __init__(self, http: aiohttp.ClientSession, base: str, tenant: str, contact: str = LAN) -> None:
        self.http = http
        self._base = base
        self.webhook = f"{base}/webhooks/simulator/{tenant}"
        self.page = f"{base}/plugins/simulator/{tenant}/"
        self.contact = contact
        self._made = 0

    def of(self, contact: str, tenant: str = "clinic") -> PhoneClient:
        """The phone of somebody else."""
        return PhoneClient(self.http, self._base, tenant, contact)

    async def says(self, text: str = "", **more: Any) -> int:
        """Post a message; the status."""
        self._made += 1
        body = {"id": f"message-{self._made:016}", "from": self.contact, "kind": "text", "text": text, **more}
        async with self.http.post(self.webhook, json=body, headers=OURS) as answer:
            return answer.status

    async def uploads(self, content: bytes, *, in_pieces: bool = False) -> tuple[int, Any]:
        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(content), 65536):
                yield content[at : at + 65536]

        data = pieces() if in_pieces else io.BytesIO(content)
        async with self.http.post(f"{self.page}media", data=data, headers=OURS) as answer:
            return answer.status, await answer.json() if answer.status == 200 else await answer.text()

    async def tells(self, **receipts: Any) -> int:
        body = {"contact": self.contact, **receipts}
        async with self.http.post(f"{self.page}receipts", json=body, headers=OURS) as answer:
            return answer.status

    async def gives_back(self, epoch: int) -> int:
        body = {"contact": self.contact, "epoch": epoch}
        async with self.http.post(f"{self.page}give-back", json=body, headers=OURS) as answer:
            return answer.status

    @asynccontextmanager
    async def listens(self) -> AsyncIterator[Screen]:
        async with self.http.get(f"{self.page}events", params={"contact": self.contact}) as stream:
            assert stream.status == 200
            yield Screen(stream)


class Screen:
    """What a page knows by its stream."""

    def __init__(self, stream: aiohttp.ClientResponse) -> None:
        self._stream = stream
        self.events: list[dict[str, Any]] = []
        self.messages: dict[str, dict[str, Any]] = {}

    async def until(self, what: Callable[[Screen], Any]) -> Any:
        """Read on until something is so."""
        async with asyncio.timeout(15):
            while not self.events or not (found := what(self)):
                line = await self._stream.content.readline()
                assert line, "the stream has ended"
                if line.startswith(b"data: "):
                    self.events.append(json.loads(line[6:]))
                    self.messages |= {message["id"]: message for message in self.events[-1]["messages"]}
        return found

    @property
    def now(self) -> dict[str, Any]:
        return self.events[-1]

    def theirs(self) -> list[dict[str, Any]]:
        return [message for message in self.messages.values() if not message["mine"]]

    def mine(self) -> list[dict[str, Any]]:
        return [message for message in self.messages.values() if message["mine"]]


@pytest.fixture
async def start(desk: Any, serving: Serving) -> AsyncIterator[Any]:
    """`desk, phone = await start()`: a server with two tenants on loopback, and a phone that writes to the first."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def begin(**settings: Any) -> tuple[TestDesk, PhoneClient]:
            tenant = {"settle": {"quiet_seconds": 0, "fragment_seconds": 0, "media_seconds": 0}}
            vietnamese = {**tenant, "name": "Trung tâm Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}
            simulator = entry_points(group="frontdesk.plugins")["simulator"].load()
            running = desk(
                plugins={"simulator": simulator, "model": ScriptedModel},
                settings={"simulator": settings},
                tenants={"clinic": tenant, "school": vietnamese},
                clock=SystemClock(),
            )
            server = await stack.enter_async_context(running)
            base = await stack.enter_async_context(serving(server.server))
            return server, PhoneClient(http, base, "clinic")

        yield begin
