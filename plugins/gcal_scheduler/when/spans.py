"""Days and hours of the wall clock as spans of time, with the changes of daylight saving in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .calendar import OPEN_ENDED, Days
from .clocks import DAY, Times
from .sentence import Meant

_DAYS_OF_HOURS_ALONE = 7
"""`buổi sáng`, `after 5`: of which days, where none was said."""

Instants = tuple[datetime, datetime]
"""(begin, end) in UTC."""


class Impossible(Exception):
    """A time of the wall clock that there is not; the argument is how it is written."""


class Past(Exception):
    """A time that is over; the argument is how it is written."""


@dataclass(frozen=True, slots=True)
class Wall:
    """The clock on the wall of the desk."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    def at(self, day: date, minute: int) -> datetime:
        """That instant in UTC: of a time that comes twice the first, for one that is skipped as much later as is skipped."""
        return self._local(day, minute).astimezone(UTC)

    def skips(self, day: date, minute: int) -> bool:
        """Whether the clock is set forward over that time."""
        local = self._local(day, minute)
        return local.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != local.replace(tzinfo=None)

    def _local(self, day: date, minute: int) -> datetime:
        return datetime.combine(day, time(), self.zone) + timedelta(minutes=minute)

    def instants(self, meant: Meant) -> list[Instants]:
        """When that may be, what is over left out; raises Past if all is, Impossible for an hour that is skipped."""
        if meant.moment:
            begin, end = (self.now + timedelta(minutes=minutes) for minutes in meant.moment)
            return [(begin.astimezone(UTC), end.astimezone(UTC))]
        if meant.days and meant.times:
            return self._hours_of_days(meant.days, meant.times)
        if meant.days:
            return self._still(self._whole(meant.days), f"{meant.days.ranges[0][0]}")
        assert meant.times is not None
        return self._hours(meant.times)

    def any_time(self) -> list[Instants]:
        return [(self.now.astimezone(UTC), self.at(self.today + timedelta(days=OPEN_ENDED), 0))]

    def at_once(self) -> list[Instants]:
        """The next hour."""
        now = self.now.astimezone(UTC)
        return [(now, now + timedelta(hours=1))]

    def excluded(self, meant: Meant, until: datetime) -> list[Instants]:
        """What *meant* takes away up to *until*: every such weekday; early hours with the night before them."""
        if meant.moment:
            return []
        until_then = Days(((self.today, until.astimezone(self.zone).date() + timedelta(days=1)),), broad=True)
        days = meant.days or until_then
        if days.weekdays or days.monthday:
            days = until_then.narrowed(days) or days
        if not meant.times:
            return list(self._whole(days))
        begin, end = next(meant.times.readings())
        begin = 0 if begin <= 6 * 60 else begin
        end = end + 59 if meant.times.point else end
        return [(self.at(day, begin), self.at(day, end)) for day in days.days()]

    def _whole(self, days: Days) -> Iterator[Instants]:
        return ((self.at(first, 0), self.at(until, 0)) for first, until in days.ranges)

    def _still(self, spans: Iterable[Instants], said: str) -> list[Instants]:
        """The spans from now on."""
        now = self.now.astimezone(UTC)
        left = [(max(begin, now), end) for begin, end in spans if end > now and end > begin]
        if not left:
            raise Past(said)
        return left

    def _hours_of_days(self, days: Days, times: Times) -> list[Instants]:
        """Those hours of each day; on a single day, an hour that is over may be the one twelve hours later."""
        spans = []
        for day in days.days():
            readings = [self._span(day, begin, end) for begin, end in times.readings()]
            to_come = [span for span in readings if self._to_come(span, times)]
            spans.extend(to_come[:1])
        if not spans:
            day = days.ranges[0][0]
            begin, _ = next(times.readings())
            raise Past(f"{(datetime.combine(day, time()) + timedelta(minutes=begin)).isoformat(timespec='minutes')}")
        return self._still(spans, "")

    def _to_come(self, span: Instants, times: Times) -> bool:
        begin, end = span
        return (begin >= self.now if times.point else end > self.now) and begin < end

    def _span(self, day: date, begin: int, end: int) -> Instants:
        point = end - begin == 1
        if self.skips(day, begin) and (point or self.skips(day, end)):
            local = datetime.combine(day, time()) + timedelta(minutes=begin)
            raise Impossible(local.isoformat(timespec="minutes"))
        start = self.at(day, begin)
        if point:
            if start < self.now:  # the hour that comes twice: the second is still to come
                again = self._local(day, begin).replace(fold=1).astimezone(UTC)
                start = again if again >= self.now else start
            return start, start + timedelta(minutes=1)
        return start, self.at(day, end)

    def _hours(self, times: Times) -> list[Instants]:
        """Hours without a day: a point is the next such hour, hours are those of a week."""
        begin, end = next(times.readings())
        only_next = times.point or times.about
        spans = []
        for ahead in range(-1 if end > DAY else 0, _DAYS_OF_HOURS_ALONE):
            span = self._span(self.today + timedelta(days=ahead), begin, end)
            if self._to_come(span, times):
                spans.append(span)
        return self._still(spans[:1] if only_next else spans, "")


def without(spans: Sequence[Instants], excluded: Sequence[Instants]) -> list[Instants]:
    """*spans* with those taken out."""
    left = list(spans)
    for begin, end in excluded:
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, begin)), (max(first, end), last))
            if piece[0] < piece[1]
        ]
    return left


def in_order(spans: Iterable[Instants]) -> list[Instants]:
    """The same, the earliest first; what overlaps is one."""
    ordered: list[Instants] = []
    for begin, end in sorted(spans):
        if ordered and begin < ordered[-1][1]:
            ordered[-1] = ordered[-1][0], max(end, ordered[-1][1])
        else:
            ordered.append((begin, end))
    return ordered
