"""What gcal_scheduler needs of a calendar, whoever keeps it: Google (`google/`), or nobody (`local.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from frontdesk import Card, Finding, Task

Busy = tuple[tuple[datetime, datetime], ...]
"""Half-open spans, aware UTC, in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An appointment as it stands in a calendar."""

    id: str
    """We choose it (appointment and attempt, `visits.event_id`): writing it again finds it. Google: a-v and 0-9."""
    calendar: str
    """The calendar's id at its keeper."""
    starts_at: datetime
    """Aware, UTC."""
    ends_at: datetime
    """Aware, UTC."""
    zone: str
    """IANA."""
    title: str
    description: str = ""
    resource: str = ""
    """The id of whom or what it takes up: a member of staff of the settings."""
    appointment: str = ""
    """The appointment's id; with it, an event of ours is known again."""
    etag: str = ""
    """The keeper's version of it; empty: not known."""
    state: Literal["confirmed", "cancelled"] = "confirmed"


class Changed(Exception):
    """The event is not as it was when it was last read; `event` is how it is now, None: it is gone."""

    def __init__(self, event: Event | None) -> None:
        super().__init__("the event was changed in the calendar meanwhile")
        self.event = event


class Calendars(Protocol):
    """Events of one tenant's calendars. Every call may raise RetryLater (the keeper is away: nobody knows whether it was
    done, look with `read`), NeedsAttention (a person must act), Refused (never)."""

    async def busy(self, calendars: Sequence[str], begin: datetime, end: datetime) -> Mapping[str, Busy | None]:
        """Of each calendar when it is taken between two moments, our own events too. None: unknown, which is never free."""
        ...

    async def others(self, calendar: str, begin: datetime, end: datetime) -> Sequence[Event] | None:
        """What takes up time in a calendar between two moments and is not ours (has no `appointment`). None: unknown."""
        ...

    async def write(self, event: Event) -> Event:
        """Put it in under its id and return it with its etag. If its id is there already, that one is returned, whatever it
        is: compare it (a cancelled one: take another attempt)."""
        ...

    async def move(self, event: Event) -> Event:
        """Set its times and words, if it still has the etag (empty: in any case). Raises Changed."""
        ...

    async def cancel(self, event: Event) -> None:
        """Take it out, in any case; gone already is done."""
        ...

    async def read(self, calendar: str, id: str) -> Event | None:
        """As it is now, also a cancelled one; None: there was never one, or the keeper has forgotten it."""
        ...


class Keeper(Calendars, Protocol):
    """Calendars with a body: what the plugin hands on to them."""

    async def start(self) -> None:
        """Open what is needed; raises NeedsAttention."""
        ...

    async def stop(self) -> None: ...

    async def run_task(self, task: Task) -> datetime | None:
        """One of its own tasks (their names begin with `google_`); when it is to be done again, if at all."""
        ...

    async def check_health(self) -> Mapping[str, Any]: ...

    async def diagnose(self) -> tuple[Finding, ...]: ...

    async def repair(self, fix: str) -> None: ...

    async def panel(self, language: str) -> Card | None:
        """What stands on the settings page beside the form."""
        ...

    async def export_contact(self, appointments: Sequence[str]) -> Mapping[str, Any] | None:
        """What it has of these appointments; None: nothing."""
        ...

    async def erase(self, event: Event) -> None:
        """Take the event out with everything that is said of the contact; gone already is done."""
        ...
