"""A whole server in process, and contacts who write to it: what our own tests use, and plugin authors'.

async def test_greets(desk):
    async with desk(plugins={"weather": Weather}) as server:
        lan = server.contact("Lan")
        await lan.says("What is the weather?")
        assert "sunny" in await lan.hears()
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
import yaml

from ..app import Server, create_server
from ..channel import Inbound
from ..clock import Clock
from ..model import Contact, Conversation, Message, MessageKind, Turn
from ..plugin import Plugin
from ..registry import Registry
from ..store import Repository
from ..store.collections import CONTACTS, CONVERSATIONS, MESSAGES, TURNS
from ..turn.recall import history
from .clock import MovableClock
from .plugins import Phone, ScriptedModel

REAL_SECONDS = 10.0
"""How long (of real time) a test waits for something to happen before it fails."""
_STEP = 0.02
_IDLE_STEPS = 3

GOES_OUT = ("accepted", "sent", "delivered", "read")


class Nothing(AssertionError):
    """What was waited for did not happen; says what did."""


class TestDesk:
    """The running server, with what a test needs at hand."""

    __test__ = False

    def __init__(self, server: Server, tenant: str) -> None:
        self.server = server
        self.tenant = tenant
        self._names = itertools.count(1)

    @property
    def clock(self) -> Clock:
        return self.server.clock

    def repository(self, tenant: str = "") -> Repository:
        return self.server.store.for_tenant(tenant or self.tenant)

    def contact(self, name: str = "", *, tenant: str = "", phone: str = "") -> TestContact:
        """A new contact of the tenant."""
        return TestContact(self, tenant or self.tenant, name or f"contact-{next(self._names)}", phone)

    async def plugin(self, name: str, tenant: str = "") -> Any:
        """The instance of a plugin."""
        return (await self.server.runtimes.get(tenant or self.tenant)).plugins[name]

    async def until(self, what: str, condition: Callable[[], Awaitable[Any]]) -> Any:
        """Wait until *condition* gives something true, moving a movable clock on when nothing else goes on."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + REAL_SECONDS
        idle = 0
        while loop.time() < ends:
            if found := await condition():
                return found
            await asyncio.sleep(_STEP / 4 if self.server.worker.busy else _STEP)
            idle = 0 if self.server.worker.busy else idle + 1
            if isinstance(self.clock, MovableClock) and idle >= _IDLE_STEPS:
                self.clock.advance(min(self.clock.next_sleeper() or 0.5, 1.0))
        raise Nothing(f"{what}: did not happen within {REAL_SECONDS:g} s")

    async def quiet(self) -> None:
        """Wait until no due row is left but those of tasks in the future."""

        async def nothing_due() -> bool:
            at = await self.server.store.due.next_at()
            return self.server.worker.busy == 0 and (at is None or (at - self.server.store.now()).total_seconds() > 60)

        await self.until("nothing is due", nothing_due)


class TestContact:
    """Somebody with a phone."""

    __test__ = False

    def __init__(self, desk: TestDesk, tenant: str, name: str, phone: str) -> None:
        self._desk = desk
        self.tenant = tenant
        self.name = name
        self.phone = phone
        self.external_id = f"phone:{name}"
        self._sent = itertools.count(1)
        self._heard: list[str] = []

    @property
    def id(self) -> str:
        """The id of the contact and of the conversation."""
        return self._desk.server.people.id_of(self.tenant, "phone", self.external_id)

    async def says(self, text: str, *, kind: MessageKind = "text", id: str = "", **more: Any) -> str:
        """Write to the desk; the provider's id of the message. The same *id* is the same message delivered again."""
        inbound = self.inbound(text, kind=kind, id=id, **more)
        runtime = await self._desk.server.runtimes.get(self.tenant)
        await self._desk.server.inbox.accept(runtime.tenant, "phone", inbound)
        if isinstance(self._desk.clock, MovableClock):
            # Nobody answers in the millisecond in which the message comes.
            self._desk.clock.advance(0.01)
        return inbound.provider_id

    def inbound(self, text: str, *, kind: MessageKind = "text", id: str = "", **more: Any) -> Inbound:
        """What the channel makes of a message of theirs."""
        return Inbound(
            provider_id=id or f"{self.name}-{next(self._sent)}",
            external_id=self.external_id,
            address="phone:desk",
            kind=kind,
            text=text,
            name=self.name,
            phone=self.phone,
            **more,
        )

    async def hears(self) -> str:
        """The next message that reached the phone, in the order in which they came."""

        async def next_text() -> Message | None:
            for message in await self.received():
                if message.id not in self._heard:
                    return message
            return None

        message: Message = await self._desk.until(f"{self.name} hears something", next_text)
        self._heard.append(message.id)
        return message.text

    async def received(self) -> list[Message]:
        """What the desk has sent to this contact, in order."""
        everything = await history(self._desk.repository(self.tenant), self.id, limit=200)
        out = [m for m in everything if m.direction == "outbound" and m.state in GOES_OUT]
        return sorted(out, key=lambda message: message.place)

    async def messages(self) -> list[Message]:
        """The whole conversation, oldest first."""
        return await history(self._desk.repository(self.tenant), self.id, limit=200)

    async def message(self, provider_id: str) -> Message:
        """The inbound message with this id of the provider."""
        (found,) = await self._desk.repository(self.tenant).find(MESSAGES, {"provider_id": provider_id})
        return found

    async def conversation(self) -> Conversation:
        found = await self._desk.repository(self.tenant).get(CONVERSATIONS, self.id)
        assert found is not None, f"{self.name} has not written yet"
        return found

    async def contact(self) -> Contact:
        found = await self._desk.repository(self.tenant).get(CONTACTS, self.id)
        assert found is not None, f"{self.name} has not written yet"
        return found

    async def turns(self) -> list[Turn]:
        repository = self._desk.repository(self.tenant)
        return await repository.find(TURNS, {"conversation": self.id}, order_by="no")


TENANT: dict[str, Any] = {"name": "Test Clinic", "time_zone": "Europe/London", "language": "en"}


def plain_tracebacks() -> None:
    """Have structlog, where nobody has set it up, write tracebacks as Python does. With rich installed it draws them with
    what every variable holds, which takes seconds and shows secrets."""
    if not structlog.is_configured():
        processors = structlog.get_config()["processors"]
        renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        structlog.configure(processors=[*processors[:-1], renderer])


@asynccontextmanager
async def start_desk(
    folder: Path,
    *,
    plugins: Mapping[str, type[Plugin]] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    tenants: Mapping[str, Mapping[str, Any]] | None = None,
    server: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[TestDesk]:
    """A running server in *folder*. Each tenant has the channel `phone` and, without a list of its own, all *plugins*.

    *settings* are per plugin; *tenants* are the section of a tenants file (one is made up without it); *server* its other
    section. A model must be among the plugins (`ScriptedModel`, say), or nobody answers.
    """
    plain_tracebacks()
    classes: dict[str, type[Plugin]] = {"phone": Phone, **(plugins or {"model": ScriptedModel})}
    listed = [{name: dict((settings or {}).get(name, {}))} for name in classes]
    declared = {id: {"plugins": listed, **TENANT, **tenant} for id, tenant in (tenants or {"clinic": {}}).items()}
    path = folder / "tenants.yaml"
    path.write_text(yaml.safe_dump({"server": dict(server or {}), "tenants": declared}, allow_unicode=True), "utf-8")
    registry = Registry.of_file(path)
    for name, cls in classes.items():
        registry.register(name, cls)
    async with create_server(path, clock=clock or MovableClock(), registry=registry).running() as running:
        yield TestDesk(running, next(iter(declared)))
