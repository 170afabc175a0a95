"""An instance of the plugin as the core makes it, and the stand-in of HubSpot before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
import pytest
import structlog

from frontdesk import (
    ActivityPush,
    Appointment,
    Contact,
    ContactPush,
    Conversation,
    DealPush,
    Evidence,
    Lead,
    Message,
    Secret,
    Services,
)
from frontdesk.config import TenantConfig
from frontdesk.plugins.crm_hubspot import CrmHubspot
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_hubspot import FakeHubspot

SECRET = "the client secret"
PUBLIC = "https://desk.example.com"
TENANT = TenantConfig.model_validate(
    {"id": "hoa-sen", "name": "Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}
)
LAN = "+84901234567"


class Documents:
    """`self.store`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    async def get(self, collection: str, key: str) -> Any:
        return self.kept.get((collection, key))

    async def put(self, collection: str, key: str, data: Any) -> None:
        self.kept[collection, key] = dict(data)

    async def delete(self, collection: str, key: str) -> bool:
        return self.kept.pop((collection, key), None) is not None


class Tasks:
    """`self.tasks`: what is to be done later, by name and key."""

    def __init__(self) -> None:
        self.scheduled: dict[tuple[str, str], tuple[datetime, dict[str, Any]]] = {}

    async def schedule(self, name: str, key: str, at: datetime, data: Any = None, **_: Any) -> bool:
        new = (name, key) not in self.scheduled
        self.scheduled.setdefault((name, key), (at, data))
        return new


class Leads:
    """`self.leads`."""

    def __init__(self) -> None:
        self.leads: dict[str, Lead] = {}
        self.changed: list[tuple[str, str, dict[str, Any]]] = []

    async def get(self, contact: str) -> Lead | None:
        return self.leads.get(contact)

    async def change(self, contact: str, key: str, *, what: str, cause: str, **changes: Any) -> Lead:
        self.changed.append((contact, key, changes))
        self.leads[contact] = replace(self.leads.get(contact) or lead(contact), **changes)
        return self.leads[contact]


class QuickClock(MovableClock):
    """Who sleeps wakes at once, and time has moved."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


@pytest.fixture
def clock() -> MovableClock:
    return QuickClock()


@pytest.fixture
async def hubspot(clock: MovableClock) -> AsyncIterator[FakeHubspot]:
    async with FakeHubspot(clock=clock) as running:
        yield running
        assert not running.refused, "a request that HubSpot would refuse"


@pytest.fixture
async def make(hubspot: FakeHubspot, clock: MovableClock) -> AsyncIterator[Callable[..., CrmHubspot]]:
    """`make(**settings)`: an instance; `timeout` is that of its session (seconds)."""
    sessions: list[aiohttp.ClientSession] = []
    unused = cast(Any, None)

    def made(*, timeout: float = 5.0, **settings: Any) -> CrmHubspot:
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout))
        sessions.append(session)
        services = Services(
            tenant=TENANT,
            clock=clock,
            store=cast(Any, Documents()),
            tasks=cast(Any, Tasks()),
            media=unused,
            model=unused,
            conversations=unused,
            leads=cast(Any, Leads()),
            appointments=unused,
            days=unused,
            secrets=unused,
            tell_operators=unused,
            post_signed=unused,
            spending=unused,
            http=session,
            shared=unused,
            call_blocking=unused,
            log=structlog.get_logger(),
            public_url=PUBLIC,
            count=lambda event: None,
        )
        given = {
            "access_token": Secret.from_text(hubspot.account.token),
            "client_secret": Secret.from_text(SECRET),
            "api_base_url": hubspot.url,
            **settings,
        }
        return CrmHubspot("crm_hubspot", CrmHubspot.settings_class()(**given), services)

    yield made
    for session in sessions:
        await session.close()


NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


def contact(id: str = "lan", name: str = "Nguyễn Thị Lan", phone: str = LAN, **more: Any) -> Contact:
    return Contact(id=id, name=name, phone=phone, created_at=NOW, **more)


def conversation(id: str = "lan", **more: Any) -> Conversation:
    return Conversation(id=id, contact=id, channel="phone", created_at=NOW, **more)


def lead(id: str = "lan", **more: Any) -> Lead:
    return Lead(**{"id": id, "contact": id, "created_at": NOW, "changed_at": NOW, **more})


def quoted(text: str) -> tuple[Evidence, ...]:
    return (Evidence(quote=text, at=NOW),)


def visit(starts_at: datetime, **more: Any) -> Appointment:
    given = {"id": "v", "contact": "lan", "zone": "Asia/Ho_Chi_Minh", "created_at": NOW, "changed_at": NOW, **more}
    return Appointment(starts_at=starts_at, ends_at=starts_at + timedelta(hours=1), **given)


def push(id: str = "lan", **more: Any) -> ContactPush:
    of = {name: more.pop(name) for name in ("name", "phone", "language", "opted_out") if name in more}
    return ContactPush(id=id, contact=contact(id, **of), conversation=conversation(id), **more)


def deal(id: str = "lan", **more: Any) -> DealPush:
    return DealPush(id=id, contact=contact(id), conversation=conversation(id), **more)


def message(text: str, direction: Any = "inbound", minutes: float = 0, **more: Any) -> Message:
    at = NOW + timedelta(minutes=minutes)
    state: Any = "answered" if direction == "inbound" else "delivered"
    author = "contact" if direction == "inbound" else "bot"
    return Message(**{"id": text, "conversation": "lan", "direction": direction, "text": text, "state": state,
                      "author": author, "at": at, **more})  # fmt: skip


def activity(*messages: Message, id: str = "lan", day: str = "2026-11-28", **more: Any) -> ActivityPush:
    return ActivityPush(id=f"{id}.{day}", contact=contact(id), conversation=conversation(id), messages=messages, **more)
