"""What a calendar is called where its id, somebody's e-mail address, does not belong: in the log, in alerts, in keys."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings import GcalSchedulerSettings


def called(settings: GcalSchedulerSettings, calendar: str) -> str:
    """By its place in the settings."""
    for each in settings.staff:
        if each.calendar == calendar:
            return f"the calendar of {each.id}"
    for each in settings.staff:
        if calendar in each.also_busy:
            return f"number {each.also_busy.index(calendar) + 1} of also_busy of {each.id}"
    return "a calendar that is in the settings no more"


def short(calendar: str) -> str:
    return hashlib.sha256(calendar.encode()).hexdigest()[:12]
