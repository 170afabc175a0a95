"""A real server process, a fake Twilio beside it, and phones whose owners write to it over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from frontdesk.clock import SystemClock
from frontdesk.config import load
from frontdesk.keys import signing_key
from frontdesk.model import Conversation, Message
from frontdesk.people import People
from frontdesk.store import Store
from frontdesk.store.collections import CONVERSATIONS, MESSAGES
from frontdesk.store.opening import open_store
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, FakeTwilio
from frontdesk.testing.process import ServerProcess
from frontdesk.testing.wire_store import WireStore, start_wire_store

from .contacts import NUMBER, QUICK, TENANT, parrot_tenant

PLUGINS = Path(__file__).parent / "plugins"
BOOKING = Path(__file__).parents[1] / "plugins" / "projects" / "frontdesk-plugin-booking"
SOON = 3.0
"""A task that is due in so many seconds is waited for."""
PATIENCE = 20.0
"""Seconds in which what is waited for happens, on a machine that is busy with other tests."""


async def until(what: str, condition: Callable[[], Awaitable[Any]], seconds: float = PATIENCE) -> Any:
    """What *condition* gives once it is true. Raises AssertionError that names *what* did not happen."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := await condition():
            return found
        await asyncio.sleep(0.03)
    raise AssertionError(f"{what}: not within {seconds:g} s")


class Served(ServerProcess):
    """`frontdesk serve` on WhatsApp, as Twilio and an operator's eyes meet it."""

    twilio: FakeTwilio

    @property
    def people(self) -> People:
        """Who is who, with the server's key."""
        return People(signing_key(None, self.folder / "data"))

    def hook_of(self, tenant: str) -> str:
        """Where Twilio brings what is written to *tenant*."""
        return f"{self.url}/webhooks/twilio_whatsapp/{tenant}"

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """The server's store, read beside it."""
        store = open_store(load(self.file).store_url(), SystemClock())
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The events of that name in its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [entry for entry in found if entry["event"] == event]

    async def quiet(self, seconds: float = PATIENCE) -> None:
        """Wait until every turn and every lane is done, and nothing else is due just now."""
        async with self.store() as store:

            async def nothing_due() -> bool:
                work, task = await store.due.next_at("turn", "lane"), await store.due.next_at("task")
                return work is None and (task is None or (task - store.now()).total_seconds() > SOON)

            await until("nothing is due", nothing_due, seconds)


class Front(Served):
    """One tenant."""

    def __init__(
        self,
        folder: Path,
        twilio: FakeTwilio,
        tenant: Mapping[str, Any],
        name: str,
        server: Mapping[str, Any],
        channel: Mapping[str, Any] | None = None,
    ) -> None:
        """*channel*: more of its settings."""
        settings = {
            "account_sid": ACCOUNT_SID,
            "auth_token": {"env": "TWILIO_TOKEN"},
            "numbers": [NUMBER],
            "api_base_url": twilio.url,
            # Who writes here are programs, which write faster than people.
            "seconds_per_contact": 0,
            **(channel or {}),
        }
        plugins = [{"twilio_whatsapp": settings}, *tenant["plugins"]]
        super().__init__(
            folder,
            {TENANT: {**tenant, "plugins": plugins}},
            server={"log": {"format": "json"}, **server},
            environment={"TWILIO_TOKEN": AUTH_TOKEN, "PYTHONPATH": f"{PLUGINS}:{BOOKING}"},
            name=name,
        )
        self.twilio = twilio
        self.hook = self.hook_of(TENANT)

    def phone(self, number: str, name: str = "Nguyễn Thị Lan") -> Phone:
        """Somebody who writes from *number* (E.164)."""
        return Phone(self, f"whatsapp:{number}", name)

    async def held(self) -> list[str]:
        """The conversations whose turn or lane somebody holds."""
        async with self.store() as store:
            everything = await store.for_tenant(TENANT).find(CONVERSATIONS, {}, limit=1000)
        return [one.id for one in everything if one.turn_lease is not None or one.lane_lease is not None]

    async def ready_status(self) -> int:
        """What /readyz answers; 0: nobody listens."""
        try:
            async with aiohttp.ClientSession() as http, http.get(f"{self.url}/readyz") as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0


class Phone:
    """A contact with WhatsApp: writes through Twilio's webhook, reads what Twilio was given to send."""

    def __init__(self, front: Served, address: str, name: str, tenant: str = TENANT, to: str = NUMBER) -> None:
        """*address*: `whatsapp:+E164`, or a user id (`whatsapp:VN.…`); *to*: the number of *tenant* that they write to."""
        self._front = front
        self._heard = 0
        self.tenant = tenant
        self.to = to
        self.address = address
        self.name = name
        self.conversation_id = front.people.id_of(tenant, "twilio_whatsapp", address)

    async def says(self, text: str, **fields: Any) -> None:
        """Write; Twilio is answered 204."""
        answer = await self._front.twilio.deliver(
            self._front.hook_of(self.tenant), body=text, from_=self.address, to=self.to, name=self.name, **fields
        )
        assert answer.status == 204, (answer, self._front.tail())

    async def hears(self, seconds: float = PATIENCE) -> str:
        """The next text that reaches the phone, with what can be tapped below it as lines that one can tell apart."""

        async def next_message() -> list[Any]:
            return self.received()[self._heard : self._heard + 1]

        try:
            (message,) = await until(f"{self.name} hears something", next_message, seconds)
        except AssertionError as err:
            raise AssertionError(f"{err}; the server's log: {self._front.tail()}") from err
        self._heard += 1
        choices = self._front.twilio.contents.choices_of(message.content_sid)
        return "\n".join([message.body, *(f"{number}. {choice}" for number, choice in enumerate(choices, 1))])

    async def asks(self, text: str) -> str:
        """Write, and hear the answer."""
        await self.says(text)
        return await self.hears()

    def received(self) -> list[Any]:
        """Everything Twilio took for this phone, in order."""
        return [one for one in self._front.twilio.sent if one.to == self.address and one.from_ == self.to]

    async def messages(self) -> list[Message]:
        """The whole conversation as the store has it, oldest first."""
        async with self._front.store() as store:
            where = {"conversation": self.conversation_id}
            return await store.for_tenant(self.tenant).find(MESSAGES, where, order_by="at", limit=1000)

    async def conversation(self) -> Conversation:
        async with self._front.store() as store:
            found = await store.for_tenant(self.tenant).get(CONVERSATIONS, self.conversation_id)
        assert found is not None, f"{self.name} has not written yet"
        return found


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with FakeTwilio() as running:
        yield running


@pytest.fixture
def front(tmp_path: Path, twilio: FakeTwilio) -> Callable[..., Front]:
    """`front(tenant, name="tenants", channel={}, **server)`: a server that was not started; use it with `async with`."""

    def make(
        tenant: Mapping[str, Any], name: str = "tenants", channel: Mapping[str, Any] | None = None, **server: Any
    ) -> Front:
        return Front(tmp_path, twilio, tenant, name, server, channel)

    return make


@pytest.fixture
def parrot(tmp_path: Path) -> dict[str, Any]:
    """A tenant whose model repeats the ids of the messages it answers (plugins/parrot.py)."""
    return parrot_tenant(tmp_path)


@pytest.fixture
def quick() -> dict[str, Any]:
    """A table of times in which what went wrong is repaired within seconds."""
    return dict(QUICK)


@pytest.fixture
def wire() -> Iterator[WireStore]:
    """A MongoDB server over the wire, on a free port, empty."""
    with start_wire_store() as server:
        yield server
