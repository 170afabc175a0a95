"""Days as they are named: which dates a weekday, a week, a month or a day's number can mean, seen from a given day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

OPEN_ENDED = 14
"""Days that `from Monday`, `any time` and the like reach."""
_JUST_OVER = timedelta(days=92)
"""A date without a year that was less than this ago is one that is over, not one of next year."""

Range = tuple[date, date]
"""Half-open."""


@dataclass(frozen=True, slots=True)
class Days:
    """The days that may be meant, and how they were named: by weekdays alone, or broadly, so that more can narrow it."""

    ranges: tuple[Range, ...]
    weekdays: tuple[int, ...] = ()
    monthday: int = 0
    broad: bool = False

    @property
    def only(self) -> date | None:
        """The one day this is; None if it is several."""
        (first, until), *more = self.ranges
        return first if not more and until - first == timedelta(days=1) else None

    def narrowed(self, other: Days) -> Days | None:
        """What both say together: `next week` and `Tuesday`, `Friday` and `4 December`. None if they are two things."""
        if self.broad and other.broad:
            shared = set(self.days()) & set(other.days())
            return replace(days_of(shared), broad=True) if shared else None
        if not self.broad and not other.broad:
            return self._agreed(other) or other._agreed(self)
        broad, near = (self, other) if self.broad else (other, self)
        if not near.weekdays and not near.monthday:
            return near if near.only and any(first <= near.only < until for first, until in broad.ranges) else None
        fitting = [
            day
            for day in broad.days()
            if (near.weekdays and day.weekday() in near.weekdays) or (near.monthday and day.day == near.monthday)
        ]
        return days_of(fitting) if fitting else None

    def _agreed(self, weekday: Days) -> Days | None:
        day = self.only
        if day is None or self.weekdays or not weekday.weekdays or day.weekday() not in weekday.weekdays:
            return None
        return replace(self, monthday=0)

    def contradicts(self, weekday: Days) -> bool:
        """Whether *weekday* is another weekday than this date's."""
        day = self.only
        return (
            day is not None and not self.weekdays and bool(weekday.weekdays) and day.weekday() not in weekday.weekdays
        )

    def days(self) -> Iterable[date]:
        for first, until in self.ranges:
            for ahead in range((until - first).days):
                yield first + timedelta(days=ahead)


def one(day: date) -> Days:
    return Days(((day, day + timedelta(days=1)),))


def days_of(days: Iterable[date]) -> Days:
    """Those days; neighbours are one range."""
    ranges: list[Range] = []
    for day in sorted(set(days)):
        if ranges and ranges[-1][1] == day:
            ranges[-1] = (ranges[-1][0], day + timedelta(days=1))
        else:
            ranges.append((day, day + timedelta(days=1)))
    return Days(tuple(ranges))


def ahead(first: date, days: int) -> Days:
    return Days(((first, first + timedelta(days=days)),), broad=True)


def week_begins(day: date, week_starts: int) -> date:
    return day - timedelta(days=(day.weekday() - week_starts) % 7)


def week(today: date, week_starts: int, weeks: int) -> Days:
    """The calendar week *weeks* after this one."""
    return ahead(week_begins(today, week_starts) + timedelta(weeks=weeks), 7)


def weekend(today: date, weeks: int) -> Days:
    """Saturday and Sunday: those to come or on, or *weeks* after."""
    saturday = today - timedelta(days=1) if today.weekday() == 6 else today + timedelta(days=5 - today.weekday())
    return ahead(saturday + timedelta(weeks=weeks), 2)


def weekday_of(week: Days, weekday: int) -> Days:
    """That day of a calendar week."""
    return one(next(day for day in week.days() if day.weekday() == weekday))


def coming(today: date, weekday: int) -> date:
    """The next such weekday, today included."""
    return today + timedelta(days=(weekday - today.weekday()) % 7)


def weekdays(today: date, named: tuple[int, ...]) -> Days:
    """The next of each of *named*; where that is today, a week later as well: people say `today` for today."""
    near = [coming(today, weekday) for weekday in named]
    again = [day + timedelta(weeks=1) for day in near if day == today]
    ranges = sorted((day, day + timedelta(days=1)) for day in (*near, *again))
    return Days(tuple(ranges), weekdays=named)


def months_after(day: date, months: int) -> date:
    """*day* some months on, at most the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    return first.replace(day=min(day.day, length(first)))


def length(first: date) -> int:
    """Days of the month that begins on *first*."""
    return ((first + timedelta(days=32)).replace(day=1) - first).days


def month(first: date) -> Days:
    return ahead(first, length(first))


def named_month(today: date, number: int, year: int | None) -> Days:
    """The month *number* of *year*, or the next one, this month included."""
    return month(date(year or today.year + (number < today.month), number, 1))


def third_of_month(month: Days, edge: str) -> Days:
    """Vietnamese thượng tuần, trung tuần, hạ tuần: the first ten days, the next ten, and what is left."""
    first, until = month.ranges[0]
    tenth, twentieth = first + timedelta(days=10), first + timedelta(days=20)
    ranges = {"early": (first, tenth), "mid": (tenth, twentieth)}
    return Days((ranges.get(edge, (twentieth, until)),), broad=True)


def part_of_week(week: Days, edge: str) -> Days:
    first = week.ranges[0][0]
    begin, days = {"early": (0, 2), "mid": (1, 3)}.get(edge, (3, 2))
    return ahead(first + timedelta(days=begin), days)


def dated(today: date, day: int, month: int, year: int | None) -> Days | str:
    """That date, or how an impossible one is written. Without a year: the next one, unless it is only just over."""
    if month > 12 and day <= 12:
        day, month = month, day
    years = [year] if year else range(today.year - 1, today.year + 2)
    found = [real for y in years if (real := _real(y, month, day))]
    if year or not found:
        return one(found[0]) if found else f"{year or _next_year(today, day, month)}-{month:02}-{day:02}"
    over = [real for real in found if today - _JUST_OVER < real < today]
    to_come = [real for real in found if real >= today]
    if not over and not to_come:
        return f"{_next_year(today, day, month)}-{month:02}-{day:02}"
    return one(over[0] if over else to_come[0])


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _next_year(today: date, day: int, month: int) -> int:
    return today.year + ((month, day) < (today.month, today.day))


def monthday(today: date, number: int) -> Days | str:
    """The next day of that number, today included."""
    if not 1 <= number <= 31:
        return str(number)
    first = today.replace(day=1)
    while True:
        day = _real(first.year, first.month, number)
        if day and day >= today:
            return replace(one(day), monthday=number)
        first = months_after(first, 1)


def nth_weekday(month: Days, nth: int, weekday: int) -> Days | None:
    days = [day for day in month.days() if day.weekday() == weekday]
    return one(days[nth - 1]) if nth <= len(days) else None
