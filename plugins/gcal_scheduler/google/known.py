"""The events that we wrote: of a deleted one, Calendar tells nothing but its id."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from frontdesk import Plugin

from ..calendars import Event

COLLECTION = "google_events"
PAGE = 200
KEPT = timedelta(days=30)
"""After the visit."""


class Known:
    """Of one tenant."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    async def remember(self, event: Event) -> None:
        """Before it is written. Nothing of the contact stands here."""
        await self._plugin.store.put(COLLECTION, event.id, _kept(event))

    async def forget(self, id: str) -> None:
        await self._plugin.store.delete(COLLECTION, id)

    async def seen(self, event: Event, in_list: str) -> None:
        """It stood in the list of this name; what never stands in it is gone."""
        await self._plugin.store.put(COLLECTION, event.id, {**_kept(event), "seen": in_list})

    async def as_gone(self, calendar: str, id: str) -> Event | None:
        """A deleted event; None: it is none of ours."""
        found = await self._plugin.store.get(COLLECTION, id)
        return _gone(id, found) if found is not None and found["calendar"] == calendar else None

    async def missing(self, calendar: str, in_list: str) -> list[Event]:
        """Those that are to come and did not stand in the list, as if they were gone: look before you believe it."""
        now = self._plugin.clock.now()
        return [
            _gone(id, each)
            async for id, each in self._all()
            if each["calendar"] == calendar
            and each.get("seen") != in_list
            and datetime.fromisoformat(each["ends"]) > now
        ]

    async def drop_old(self) -> None:
        """Visits of long ago."""
        old = self._plugin.clock.now() - KEPT
        for id in [id async for id, each in self._all() if datetime.fromisoformat(each["ends"]) < old]:
            await self.forget(id)

    async def _all(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        after = ""
        while page := await self._plugin.store.list(COLLECTION, after=after, limit=PAGE):
            for each in page:
                yield each
            after = page[-1][0]


def _kept(event: Event) -> dict[str, Any]:
    return {
        "calendar": event.calendar,
        "appointment": event.appointment,
        "resource": event.resource,
        "begins": event.starts_at.isoformat(),
        "ends": event.ends_at.isoformat(),
        "zone": event.zone,
    }


def _gone(id: str, kept: dict[str, Any]) -> Event:
    return Event(
        id=id,
        calendar=kept["calendar"],
        starts_at=datetime.fromisoformat(kept["begins"]),
        ends_at=datetime.fromisoformat(kept["ends"]),
        zone=kept["zone"],
        title="",
        resource=kept["resource"],
        appointment=kept["appointment"],
        state="cancelled",
    )
