"""When a visit can be: hours, exceptions, holidays, lead time, horizon and grid. Nothing here asks who has come already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from frontdesk import OpeningHours, Span

from .settings import DayOff, GcalSchedulerSettings, Service, Staff

ONE_DAY = timedelta(days=1)
Problem = Literal["", "gone", "too_soon", "too_far"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A service at a time with somebody. `begins` and `ends` are aware UTC."""

    service: Service
    staff: Staff
    begins: datetime

    @property
    def ends(self) -> datetime:
        return self.begins + self.service.duration

    @property
    def taken_from(self) -> datetime:
        """With what is kept free before it."""
        return self.begins - self.service.before

    @property
    def taken_until(self) -> datetime:
        """With what is kept free after it."""
        return self.ends + self.service.after


class Rules:
    """A tenant's rules."""

    def __init__(self, settings: GcalSchedulerSettings, business: str, hours: OpeningHours, zone: ZoneInfo) -> None:
        """*business*, *hours*: the tenant's own, for what the settings leave open."""
        self.settings = settings
        self.zone = zone
        self.staff = settings.staff or (Staff(id="desk", name=business),)
        self._hours = settings.hours or hours

    def service(self, id: str) -> Service | None:
        return next((each for each in self.settings.services if each.id == id), None)

    def staff_of(self, service: Service) -> tuple[Staff, ...]:
        """Who does it, in the order in which they are asked."""
        if not service.staff:
            return self.staff
        by_id = {each.id: each for each in self.staff}
        return tuple(by_id[id] for id in service.staff)

    @property
    def never_open(self) -> bool:
        """Whether there are no hours for anything."""
        hours = [each.hours or self._hours for each in self.staff]
        return not any(each.on(day) for each in hours for day in range(7))

    def opens(self, service: Service) -> int:
        """The hour (0 to 23) from which on *service* can take place: an hour that is named without more is not before it."""
        hours = [service.hours or staff.hours or self._hours for staff in self.staff_of(service)]
        spans = [span.opens for each in hours for day in range(7) for span in each.on(day)]
        return min(spans, default=7 * 60) // 60

    def earliest(self, now: datetime) -> datetime:
        return now + self.settings.lead_time

    def latest(self, now: datetime) -> datetime:
        """The last moment at which a visit can begin."""
        return now + self.settings.horizon

    def prepare(self, now: datetime) -> None:
        """Read the tables of public holidays, which takes a second: not on the loop. Raises LookupError for a place that has
        none."""
        if self.settings.holidays:
            try:
                for year in (now.year, now.year + 1):
                    _holidays(self.settings.holidays, year, "")
            except NotImplementedError as err:
                raise LookupError(str(err)) from err

    def closed(self, day: date, language: str) -> tuple[bool, str]:
        """Whether nobody works on *day*, and why, if a reason is known."""
        hours = [self._on(staff, day, language) for staff in self.staff]
        reasons = [why for spans, why in hours if not spans and why]
        return not any(spans for spans, _ in hours), reasons[0] if reasons else ""

    def starts(self, service: Service, staff: Staff, day: date) -> Iterator[datetime]:
        """When it can begin with *staff* on *day*, by hours and grid alone; in order."""
        windows = list(self._windows(service, staff, day))
        grid = service.grid or self.settings.grid
        at = datetime.combine(day, time())
        while at.date() == day:
            # Of an hour that the clock shows twice the first; one that it skips is none.
            begins = at.replace(tzinfo=self.zone).astimezone(UTC)
            if begins.astimezone(self.zone).replace(tzinfo=None) == at:
                ends = begins + service.duration
                if any(opens <= begins and ends <= closes for opens, closes in windows):
                    yield begins
            at += grid

    def problem(self, slot: Slot, now: datetime) -> Problem:
        """What speaks against a visit, whoever else has come; empty: nothing."""
        if slot.service not in self.settings.services or slot.staff not in self.staff_of(slot.service):
            return "gone"
        if slot.begins < self.earliest(now):
            return "too_soon"
        if slot.begins > self.latest(now):
            return "too_far"
        day = slot.begins.astimezone(self.zone).date()
        return "" if slot.begins in self.starts(slot.service, slot.staff, day) else "gone"

    def _windows(self, service: Service, staff: Staff, day: date) -> Iterator[tuple[datetime, datetime]]:
        """When it can take place, from the day before to the day after: `24:00` and `00:00` of the next day are one."""
        found: list[tuple[datetime, datetime]] = []
        for each in (day - ONE_DAY, day, day + ONE_DAY):
            spans = self._on(staff, each)[0]
            if service.hours is not None:
                spans = tuple(_common(spans, service.hours.on(each.weekday())))
            for span in spans:
                opens, closes = self._moment(each, span.opens, 0), self._moment(each, span.closes, 1)
                if found and found[-1][1] >= opens:
                    found[-1] = (found[-1][0], max(closes, found[-1][1]))
                elif opens < closes:
                    found.append((opens, closes))
        yield from found

    def _on(self, staff: Staff, day: date, language: str = "") -> tuple[Sequence[Span], str]:
        """The hours of *staff* on *day*, and why they are not those of the week."""
        for off in (*staff.exceptions, *self.settings.exceptions):
            if _is_on(off, day):
                return off.hours, off.reason
        if self.settings.holidays and (name := _holidays(self.settings.holidays, day.year, language).get(day)):
            return (), name
        return (staff.hours or self._hours).on(day.weekday()), ""

    def _moment(self, day: date, minutes: int, fold: int) -> datetime:
        wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
        return wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)


def _is_on(off: DayOff, day: date) -> bool:
    return off.day <= day <= (off.until or off.day)


def _common(one: Sequence[Span], other: Sequence[Span]) -> Iterator[Span]:
    """Where both are open."""
    for a in one:
        for b in other:
            if (opens := max(a.opens, b.opens)) < (closes := min(a.closes, b.closes)):
                yield Span(opens, closes)


@lru_cache(maxsize=256)
def _holidays(place: str, year: int, language: str) -> dict[date, str]:
    """The public holidays of a year with their names, in *language* (BCP 47) if the table has it."""
    import holidays  # half a second, and only whoever closes on them needs it

    country, _, part = place.partition("-")
    named = {"vi": "vi", "en": "en_US"}.get(language.partition("-")[0])
    return dict(holidays.country_holidays(country, subdiv=part or None, years=year, language=named))
