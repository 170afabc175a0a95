"""No calendar but Frontdesk's own: what is booked is in its documents, and nobody else writes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from frontdesk import Card, Finding, Task

from .calendars import Busy, Event


class LocalCalendars:
    """Takes everything and has nothing: the day documents and the appointments are the whole truth."""

    async def busy(self, calendars: Sequence[str], begin: datetime, end: datetime) -> Mapping[str, Busy | None]:
        return {each: () for each in calendars}

    async def others(self, calendar: str, begin: datetime, end: datetime) -> Sequence[Event] | None:
        return ()

    async def write(self, event: Event) -> Event:
        return event

    async def move(self, event: Event) -> Event:
        return event

    async def cancel(self, event: Event) -> None:
        return None

    async def read(self, calendar: str, id: str) -> Event | None:
        return None

    async def start(self) -> None:
        return None

    async def stop(self) -> None:
        return None

    async def run_task(self, task: Task) -> datetime | None:
        return None

    async def check_health(self) -> Mapping[str, Any]:
        return {"ok": True, "detail": ""}

    async def diagnose(self) -> tuple[Finding, ...]:
        return ()

    async def repair(self, fix: str) -> None:
        return None

    async def panel(self, language: str) -> Card | None:
        return None

    async def export_contact(self, appointments: Sequence[str]) -> Mapping[str, Any] | None:
        return None

    async def erase(self, event: Event) -> None:
        return None
