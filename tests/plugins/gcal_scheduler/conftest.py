"""A business with a diary, contacts who book in it, and a calendar that tests may fill and break."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from frontdesk import Contact, Conversation, Refused, ToolContext, hookimpl
from frontdesk.plugins import gcal_scheduler
from frontdesk.plugins.gcal_scheduler import GcalScheduler
from frontdesk.plugins.gcal_scheduler.calendars import Busy, Changed, Event
from frontdesk.plugins.gcal_scheduler.local import LocalCalendars
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.plugins import ScriptedModel

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Monday, 9:00 in Hanoi."""
SERVICES: list[dict[str, Any]] = [
    {"id": "trial", "name": "Buổi học thử", "names": {"en": "Trial lesson"}, "duration": "60 min", "price": 0},
    {
        "id": "test",
        "name": "Kiểm tra đầu vào",
        "names": {"en": "Placement test"},
        "duration": "30 min",
        "after": "10 min",
    },
]
WEEK = {day: ["08:00-12:00", "13:30-20:30"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
SETTINGS: dict[str, Any] = {"services": SERVICES, "lead_time": "1 h", "change_until": "1 h", "calendar_file": False}
TENANT: dict[str, Any] = {
    "name": "Hoa Sen",
    "time_zone": "Asia/Ho_Chi_Minh",
    "language": "vi",
    "opening_hours": WEEK,
    "settle": {"quiet_seconds": 0},
}
GOOGLE = {
    "backend": "google",
    "staff": [{"id": "lan", "name": "Cô Lan", "calendar": "lan@example.com"}],
    "google": {"service_account_key": {"env": "GOOGLE_KEY"}},
}


class Pager(ScriptedModel):
    """The model, which also hears what operators are told."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.alerts: list[str] = []

    @hookimpl
    async def alert_operator(self, title: str, text: str, conversation: Any) -> None:
        self.alerts.append(f"{title}: {text}")


class PaperCalendar(LocalCalendars):
    """A calendar in memory, as Google's is: people write into it, too, and a test makes it fail."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.fails: dict[str, list[Exception]] = {}
        """By call: what it raises, one after the other."""
        self.after: dict[str, list[Callable[[], None]]] = {}
        """By call: what happens when it was done."""
        self.unknown = False
        self._etags = 0

    def person(self, begin: datetime, minutes: int = 30, calendar: str = "lan@example.com") -> Event:
        """Somebody writes something into the calendar."""
        event = Event(
            id=f"person{len(self.events)}", calendar=calendar, starts_at=begin, ends_at=begin + timedelta(minutes=minutes),
            zone="UTC", title="Lunch", etag="p",
        )  # fmt: skip
        self.events[event.id] = event
        return event

    def moved(self, id: str, begin: datetime) -> Event:
        """Somebody moves an event."""
        there = self.events[id]
        self.events[id] = self._put(replace(there, starts_at=begin, ends_at=begin + (there.ends_at - there.starts_at)))
        return self.events[id]

    @property
    def ours(self) -> list[Event]:
        return [each for each in self.events.values() if each.appointment and each.state == "confirmed"]

    def _put(self, event: Event) -> Event:
        self._etags += 1
        self.events[event.id] = replace(event, etag=f'"{self._etags}"')
        return self.events[event.id]

    def _happens(self, call: str) -> None:
        if self.fails.get(call):
            raise self.fails[call].pop(0)

    def _done(self, call: str) -> None:
        for each in self.after.pop(call, []):
            each()

    async def busy(self, calendars: Sequence[str], begin: datetime, end: datetime) -> Mapping[str, Busy | None]:
        self._happens("busy")
        return {each: None if self.unknown else tuple(self._spans(each, begin, end)) for each in calendars}

    def _spans(self, calendar: str, begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        found = [each for each in self.events.values() if each.calendar == calendar and each.state == "confirmed"]
        return sorted((each.starts_at, each.ends_at) for each in found if each.starts_at < end and begin < each.ends_at)

    async def others(self, calendar: str, begin: datetime, end: datetime) -> Sequence[Event] | None:
        self._happens("others")
        return [
            each
            for each in self.events.values()
            if each.calendar == calendar and not each.appointment and each.starts_at < end and begin < each.ends_at
        ]

    async def write(self, event: Event) -> Event:
        self._happens("write")
        written = self.events.get(event.id) or self._put(event)
        self._done("write")
        return written

    async def move(self, event: Event) -> Event:
        self._happens("move")
        there = self.events.get(event.id)
        if there is None or there.state == "cancelled" or (event.etag and event.etag != there.etag):
            raise Changed(there)
        moved = self._put(event)
        self._done("move")
        return moved

    async def cancel(self, event: Event) -> None:
        self._happens("cancel")
        if event.id in self.events:
            self.events[event.id] = replace(self.events[event.id], state="cancelled")

    async def read(self, calendar: str, id: str) -> Event | None:
        self._happens("read")
        return self.events.get(id)

    async def erase(self, event: Event) -> None:
        self.events.pop(event.id, None)


class Booker:
    """A contact, and the tools as a model would call them for this contact."""

    def __init__(self, plugin: GcalScheduler, contact: Contact, conversation: Conversation) -> None:
        self.plugin = plugin
        self.contact = contact
        self.conversation = conversation
        self._calls = 0

    def context(self, key: str = "") -> ToolContext:
        self._calls += 1
        key = key or f"{self.conversation.id}.9/{self._calls}"
        return ToolContext(
            conversation=self.conversation, contact=self.contact, now=self.plugin.clock.now().astimezone(HANOI), key=key
        )

    async def finds(self, when: str = "", **more: str) -> dict[str, str]:
        """The labels of the slots that are found, by their ids."""
        told = await self.plugin.find_slots(self.context(), when, **more)
        return dict(line.split(" — ") for line in told.splitlines()[1:])

    async def slot(self, when: str, **more: str) -> str:
        """The id of the only slot that is found."""
        (id,) = await self.finds(when, **more)
        return id

    async def books(self, when: str, key: str = "", **more: str) -> str:
        """The id of a new appointment."""
        context = self.context(key)
        await self.plugin.book(await self.slot(when, **more), context)
        return self.plugin.appointments.id_of(context.key)

    async def refused(self, call: Any) -> str:
        """Why a call is refused."""
        with pytest.raises(Refused) as caught:
            await call
        return caught.value.reason


class Business:
    """A running server with the diary."""

    def __init__(self, server: Any, plugin: GcalScheduler, paper: PaperCalendar) -> None:
        self.server = server
        self.plugin = plugin
        self.paper = paper

    async def booker(self, name: str = "Lan", phone: str = "") -> Booker:
        """Somebody who has written."""
        contact = self.server.contact(name, phone=phone)
        await contact.says("Chào bạn")
        await contact.hears()
        return Booker(self.plugin, await contact.contact(), await contact.conversation())

    async def taken(self, staff: str = "desk", days: int = 30) -> list[tuple[str, str]]:
        """(state, local time) of what is taken from now on."""
        today = NOW.date()
        found = await self.plugin.days.taken(staff, "Asia/Ho_Chi_Minh", today, today + timedelta(days=days))
        return [(each.state, f"{each.begins.astimezone(HANOI):%d/%m %H:%M}") for each in found]

    async def alerts(self) -> list[str]:
        """What operators have been told once all is quiet."""
        await self.server.quiet()
        self.server.clock.advance(6)
        await self.server.quiet()
        found: list[str] = (await self.server.plugin("model")).alerts
        return found


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """In Hanoi, in November 2026."""
    return datetime(2026, 11, day, hour, minute, tzinfo=HANOI)


@pytest.fixture
def business(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`async with business(backend="google", …) as clinic:`; with Google's backend on the calendar of paper."""

    @asynccontextmanager
    async def start(
        paper: PaperCalendar | None = None, clock: MovableClock | None = None, **settings: Any
    ) -> AsyncIterator[Business]:
        calendar = paper or PaperCalendar()
        if settings.get("backend") == "google":
            monkeypatch.setattr(gcal_scheduler, "_keeper", lambda *_: calendar)
        async with desk(
            plugins={"model": Pager, "gcal_scheduler": GcalScheduler},
            settings={"gcal_scheduler": {**SETTINGS, **settings}},
            tenants={"school": TENANT},
            clock=clock or MovableClock(NOW),
        ) as server:
            yield Business(server, await server.plugin("gcal_scheduler"), calendar)

    return start
