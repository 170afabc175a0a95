"""A week as a grid: where each appointment stands, by the clock on the wall of the business.

A day on which the clocks change has 23 or 25 hours; the grid keeps its 24, and the times that stand in the blocks say which
of two equal hours is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from frontdesk.services.appointments import Appointment

QUARTERS = 96
SHORTEST = 2
"""Quarters of an hour that a block has at least, so that its text can be read."""
LANES = 3
"""Blocks that stand side by side at most; what does not fit is counted in the last one."""
OPEN, CLOSED = 8, 18
"""The hours that are always shown."""


@dataclass(frozen=True, slots=True)
class Block:
    """An appointment on one day."""

    appointment: Appointment
    first: int
    """The quarter of the day in which it begins, 0 to 95."""
    length: int
    """Quarters."""
    starts_at: datetime
    """In the zone of the business."""
    ends_at: datetime
    lane: int = 0
    lanes: int = 1
    others: int = 0
    """How many more there are at this time; then this block stands for them only."""
    twice: bool = False
    """Whether the clock shows its time twice on this day."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the week."""

    date: date
    blocks: Sequence[Block]
    clocks: timedelta
    """By how much the clocks are put forward on it; negative: back; mostly zero."""

    @property
    def all(self) -> int:
        """How many appointments."""
        return sum(block.others or 1 for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from a Monday on, and the hours that are shown of them: from one, before another."""

    days: Sequence[Day]
    from_hour: int
    to_hour: int


def monday(of: date) -> date:
    """The first day of its week."""
    return of - timedelta(days=of.weekday())


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which a day begins there, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def bounds(first: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the week begins and ends."""
    return midnight(first, zone), midnight(first + timedelta(days=7), zone)


def week(first: date, zone: ZoneInfo, appointments: Iterable[Appointment]) -> Week:
    """The week from *first* on; *appointments* may also be of the days beside it."""
    there = sorted(appointments, key=lambda each: (each.starts_at, each.ends_at))
    days = [_day(first + timedelta(days=number), zone, there) for number in range(7)]
    blocks = [block for day in days for block in day.blocks]
    from_hour = min([OPEN, *(block.first // 4 for block in blocks)])
    to_hour = max([CLOSED, *(-(-(block.first + block.length) // 4) for block in blocks)])
    return Week(days, from_hour, to_hour)


def _day(day: date, zone: ZoneInfo, appointments: Sequence[Appointment]) -> Day:
    begin, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    blocks = [_block(each, begin, end, zone) for each in appointments if each.starts_at < end and each.ends_at > begin]
    return Day(day, list(_side_by_side(blocks)), timedelta(days=1) - (end - begin))


def _block(appointment: Appointment, begin: datetime, end: datetime, zone: ZoneInfo) -> Block:
    """What of it is on the day from *begin* to *end*."""
    starts, ends = max(appointment.starts_at, begin), min(appointment.ends_at, end)
    first = _quarter(starts.astimezone(zone))
    last = QUARTERS if ends == end else -(-_minutes(ends.astimezone(zone)) // 15)
    if last <= first:  # the clocks went back meanwhile
        last = first + -int(-(ends - starts).total_seconds() // 900)
    first = min(first, QUARTERS - SHORTEST)
    length = min(max(last - first, SHORTEST), QUARTERS - first)
    local = appointment.starts_at.astimezone(zone)
    twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    return Block(appointment, first, length, local, appointment.ends_at.astimezone(zone), twice=twice)


def _minutes(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _quarter(local: datetime) -> int:
    return _minutes(local) // 15


def _side_by_side(blocks: Sequence[Block]) -> Iterator[Block]:
    """Those that overlap stand beside each other, as many as there is room for."""
    together: list[Block] = []
    until = 0
    for block in sorted(blocks, key=lambda each: (each.first, -each.length)):
        if together and block.first >= until:
            yield from _in_lanes(together)
            together = []
        until = max(until if together else 0, block.first + block.length)
        together.append(block)
    yield from _in_lanes(together)


def _in_lanes(together: Sequence[Block]) -> Iterator[Block]:
    free: list[int] = []
    placed = []
    for block in together:
        lane = next((number for number, at in enumerate(free) if at <= block.first), len(free))
        free[lane : lane + 1] = [block.first + block.length]
        placed.append(replace(block, lane=lane))
    if len(free) <= LANES:
        yield from (replace(block, lanes=len(free)) for block in placed)
        return
    yield from (replace(block, lanes=LANES) for block in placed if block.lane < LANES - 1)
    hidden = [block for block in placed if block.lane >= LANES - 1]
    first, last = min(each.first for each in hidden), max(each.first + each.length for each in hidden)
    yield replace(hidden[0], first=first, length=last - first, lane=LANES - 1, lanes=LANES, others=len(hidden))
