"""When a reminder goes, and until when it is worth sending. Pure: times are aware, of any zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LEAST = timedelta(minutes=15)
"""A reminder that comes later before the visit than this is no use any more."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """The part of each day in which nothing is sent, by the clock of *zone*; it may go over midnight."""

    begins: time
    ends: time
    zone: ZoneInfo

    def around(self, at: datetime) -> tuple[datetime, datetime] | None:
        """From when to when it is quiet around *at*, in UTC; None: it is not."""
        if self.begins == self.ends:
            return None
        day = at.astimezone(self.zone).date()
        for first in (day - timedelta(days=1), day):
            begins = self._moment(first, self.begins)
            ends = self._moment(first if self.begins < self.ends else first + timedelta(days=1), self.ends)
            if begins <= at < ends:
                return begins, ends
        return None

    def _moment(self, day: date, clock: time) -> datetime:
        # A time that the change of clocks leaves out is the moment after the gap; one that comes twice is the first.
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """A reminder goes from *at* on and before *until*; with a *reason* it does not go at all."""

    at: datetime
    until: datetime
    reason: str = ""


def plan(starts_at: datetime, before: timedelta, now: datetime, quiet: Quiet) -> Plan:
    """When the reminder *before* a visit goes that was booked *now*.

    In quiet hours it goes before they begin, if that is still to come, else after them, if that is not too late.
    """
    starts_at, now = starts_at.astimezone(UTC), now.astimezone(UTC)
    at = starts_at - before
    until = max(at, starts_at - max(before / 2, LEAST))
    if at <= now:
        return Plan(at, until, "the visit was booked later than this reminder would have gone")
    if (hours := quiet.around(at)) is not None:
        begins, ends = hours
        if begins - timedelta(minutes=1) > now:
            # In the last minute before: what wakes late is not in the quiet hours at once.
            at = begins - timedelta(minutes=1)
        elif ends < until:
            at = ends
        else:
            return Plan(at, until, "it would have gone in the quiet hours, and after them it is too late")
    return Plan(at, until)


def later(at: datetime, quiet: Quiet) -> datetime:
    """*at*, or when the quiet hours around it are over."""
    hours = quiet.around(at)
    return at if hours is None else hours[1]
