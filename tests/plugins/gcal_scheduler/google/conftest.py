"""Google's calendars as the plugin has them: the SDK in it, the stand-in before it, documents and tasks in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from frontdesk import NeedsAttention, Secret, Task
from frontdesk.config import TenantConfig
from frontdesk.plugins.gcal_scheduler.calendars import Event
from frontdesk.plugins.gcal_scheduler.google import GoogleCalendars
from frontdesk.plugins.gcal_scheduler.google.client import SCOPES
from frontdesk.plugins.gcal_scheduler.settings import GcalSchedulerSettings
from frontdesk.services.blocking import BlockingCalls
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_google import FakeGoogle

DESK = "desk@front-desk.iam.gserviceaccount.com"
LAN = "lan@example.com"
NINE = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
PUBLIC = "https://desk.example.com"
TENANT = TenantConfig.model_validate(
    {"id": "hoa-sen", "name": "Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}
)
Make = Callable[..., "Running"]


class Documents:
    """`self.store`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}

    async def get(self, collection: str, key: str) -> dict[str, Any] | None:
        return self.kept.get((collection, key))

    async def put(self, collection: str, key: str, data: Mapping[str, Any]) -> None:
        self.kept[collection, key] = dict(data)

    async def delete(self, collection: str, key: str) -> bool:
        return self.kept.pop((collection, key), None) is not None

    async def list(self, collection: str, *, after: str = "", limit: int = 100) -> list[tuple[str, dict[str, Any]]]:
        rows = sorted((key, data) for (of, key), data in self.kept.items() if of == collection and key > after)
        return rows[:limit]


class Secrets:
    """`self.secrets`; *key*: whether the server has one to encrypt with."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.key = True

    async def get(self, name: str) -> str | None:
        return self.kept.get(name)

    async def put(self, name: str, value: str) -> None:
        if not self.key:
            raise NeedsAttention("stored secrets need a key")
        self.kept[name] = value


class Tasks:
    """`self.tasks`: what is to be done, by name and key."""

    def __init__(self, clock: MovableClock) -> None:
        self.clock = clock
        self.all: dict[tuple[str, str], tuple[datetime, dict[str, Any]]] = {}

    async def schedule(self, name: str, key: str, at: datetime, data: Mapping[str, Any] | None = None) -> bool:
        if (name, key) in self.all:
            return False
        self.all[name, key] = (at, dict(data or {}))
        return True


class Shared:
    """Objects by key."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        self._lock = asyncio.Lock()

    async def __call__(self, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        async with self._lock:
            if key not in self.made:
                self.made[key] = await make()
        return self.made[key]


class Running:
    """One instance."""

    def __init__(
        self, clock: MovableClock, google: FakeGoogle, calls: BlockingCalls, shared: Shared, **settings: Any
    ) -> None:
        self.clock = clock
        self.tasks = Tasks(self.clock)
        self.store, self.secrets = Documents(), Secrets()
        self.told: list[str] = []
        """What operators heard."""
        self.applied: list[Event] = []
        self.apply_fails: list[Exception] = []
        staff = settings.pop("staff", [{"id": "lan", "name": "Cô Lan", "calendar": LAN}])
        public_url = settings.pop("public_url", PUBLIC)
        given = {
            "api_url": google.url,
            "token_url": f"{google.url}/token",
            "consent_url": f"{google.url}/o/oauth2/v2/auth",
            **settings,
        }
        if given.get("account") != "oauth":
            given.setdefault("service_account_key", Secret.from_text(google.service_account(DESK)))
        services = [{"id": "trial", "name": "Học thử", "duration": "60 min"}]
        self.settings = GcalSchedulerSettings(backend="google", services=services, staff=staff, google=given)  # type: ignore[arg-type]
        self.plugin: Any = SimpleNamespace(
            name="gcal_scheduler",
            tenant=TENANT,
            settings=self.settings,
            services=SimpleNamespace(public_url=public_url),
            clock=self.clock,
            store=self.store,
            secrets=self.secrets,
            tasks=self.tasks,
            shared=shared,
            call_blocking=calls.of("hoa-sen", "gcal_scheduler", 5),
            log=structlog.get_logger(),
            tell_operators=self._tell,
            outside=SimpleNamespace(apply=self._apply),
        )
        self.google = GoogleCalendars(self.plugin)
        self.plugin.calendars = self.google

    async def _tell(self, title: str, text: str, *, case: str, conversation: str = "") -> None:
        self.told.append(text)

    async def _apply(self, event: Event) -> None:
        if self.apply_fails:
            raise self.apply_fails.pop(0)
        self.applied.append(event)

    async def run(self, name: str, **data: Any) -> datetime | None:
        """One of its tasks, now."""
        task = Task(id="t", plugin="gcal_scheduler", name=f"google_{name}", at=self.clock.now(), data=data)
        return await self.google.run_task(task)

    async def sync(self, calendar: str = LAN) -> list[Event]:
        """What a look hands on."""
        self.applied.clear()
        until = (self.clock.now() + timedelta(days=1)).isoformat()
        again = await self.run("sync", calendar=calendar, until=until)
        while again is not None and again <= self.clock.now():
            again = await self.run("sync", calendar=calendar, until=until)
        return list(self.applied)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(datetime(2026, 11, 28, 2, 0, tzinfo=UTC))


@pytest.fixture
async def google(clock: MovableClock) -> AsyncIterator[FakeGoogle]:
    async with FakeGoogle(clock=clock) as running:
        running.add_calendar(LAN, writer=DESK)
        yield running


@pytest.fixture
async def make(google: FakeGoogle, clock: MovableClock) -> AsyncIterator[Make]:
    """`make(**settings of google)`."""
    calls, shared, all_made = BlockingCalls(), Shared(), []

    def made(**settings: Any) -> Running:
        all_made.append(Running(clock, google, calls, shared, **settings))
        return all_made[-1]

    yield made
    await calls.close(10)
    for client in shared.made.values():
        client.close()
    assert not google.refused, "a request that Google would refuse"


@pytest.fixture
def event() -> Callable[..., Event]:
    """A visit at nine; `event(id="…")` another one."""

    def made(**other: Any) -> Event:
        given: dict[str, Any] = {
            "id": "v0a11",
            "calendar": LAN,
            "starts_at": NINE,
            "ends_at": NINE + timedelta(hours=1),
            "zone": "Asia/Ho_Chi_Minh",
            "title": "Học thử: Trần Thị Mai",
            "description": "Zalo 0901",
            "resource": "lan",
            "appointment": "a1",
            **other,
        }
        return Event(**given)

    return made


def oauth(google: FakeGoogle) -> dict[str, Any]:
    """Settings of an application that a person lets in."""
    client = google.oauth_client(f"{PUBLIC}/plugins/gcal_scheduler/hoa-sen/google/back")
    return {"account": "oauth", "client_id": client.id, "client_secret": Secret.from_text(client.secret)}


__all__ = ["DESK", "LAN", "NINE", "PUBLIC", "SCOPES", "Make", "Running", "oauth"]
