"""Folds what happened at a tenant into figures, a day at a time.

A fold counts its whole day anew and writes what it has found: whoever repeats it, after a crash or beside another process,
writes the same. A day is folded again while it goes on, and for a week after it, for states that change late.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..model import Turn
from ..records import Appointment
from ..store import Between, Delete, In, Insert, Repository, Update, Write
from ..store.collections import (
    APPOINTMENTS,
    BUDGETS,
    CONTACTS,
    FIGURE_CASES,
    FIGURES,
    LEADS,
    MESSAGES,
    TURNS,
    Collection,
)
from ..store.queries import MAX_IN
from ..stored_figures import DayFigures, FigureCase

PAGE = 500
BATCH = 100
STAYS_OPEN = timedelta(days=7)
"""After its end a day is still folded: visits are marked, messages fail and turns are replayed late."""
EVERY = timedelta(minutes=5)
"""A day that goes on is folded again after this."""
LATE_EVERY = timedelta(hours=6)
"""And one that is over and still open."""
SLOW = 60.0
"""Seconds after which an answer counts as slow."""
RATIO = 1.1
"""From one bucket of seconds to the next: medians are right to five per cent."""
MICRO = 1_000_000

CASES = (
    "conversations",
    "new",
    "answered",
    "slow",
    "handoff",
    "untrue",
    "parked",
    "undelivered",
    "lead",
    "booked",
    "reminded",
    "showed",
    "no_show",
    "cancelled",
)
"""Figures with the conversations behind them."""
SENT = ("accepted", "sent", "delivered", "read")
UNDELIVERED = ("failed", "expired", "parked")


def bucket(seconds: float) -> int:
    """The bucket of so many seconds."""
    return max(0, math.floor(math.log(max(seconds, 0.1) / 0.1, RATIO)))


def seconds_of(bucket: int) -> float:
    """The middle of a bucket."""
    return float(0.1 * RATIO ** (bucket + 0.5))


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end of a day in *zone*, in UTC; it has 23 or 25 hours where clocks are changed."""
    begin, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + timedelta(days=1)))
    return begin, end


@dataclass
class Found:
    """What a day has, while it is counted."""

    counts: Counter[str] = field(default_factory=Counter)
    cases: dict[tuple[str, str], tuple[datetime, int]] = field(default_factory=dict)
    """(figure, conversation) → when last, how often."""
    answers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    reasons: Counter[str] = field(default_factory=Counter)
    cost: int = 0

    def case(self, figure: str, conversation: str, at: datetime) -> None:
        """*figure* happened in *conversation*."""
        self.counts[figure] += 1
        last, count = self.cases.get((figure, conversation), (at, 0))
        self.cases[figure, conversation] = max(last, at), count + 1


def is_due(known: DayFigures | None, day: date, zone: ZoneInfo, now: datetime, kept: timedelta | None = None) -> bool:
    """Whether *day* is to be folded (again). *kept*: how long what it is counted from stays; None: for good."""
    if known is None or known.zone != zone.key:
        return True
    begin, end = bounds(day, zone)
    if kept is not None and now >= begin + kept:
        return False  # what has gone would not be counted any more
    if known.folded_at >= end + STAYS_OPEN:
        return False
    return now - known.folded_at >= (EVERY if now < end else LATE_EVERY) or known.folded_at < end <= now


async def fold(repository: Repository, day: date, zone: ZoneInfo, now: datetime) -> DayFigures:
    """Count *day* and write it: first the conversations behind its figures, then the figures."""
    begin, end = bounds(day, zone)
    found = Found()
    came = await _messages(repository, found, begin, end)
    await _turns(repository, found, begin, end, zone, came)
    await _records(repository, found, begin, end)
    found.cost = max(found.cost, await _booked(repository, begin))
    await _write_cases(repository, found, day, begin, end)
    figures = DayFigures(
        id=day.isoformat(),
        zone=zone.key,
        begins=begin,
        folded_at=now,
        counts=dict(found.counts),
        answers={hour: dict(counted) for hour, counted in found.answers.items()},
        reasons=dict(found.reasons),
        cost=found.cost,
    )
    names = ("zone", "begins", "folded_at", "counts", "answers", "reasons", "cost")
    while not await repository.insert(FIGURES, figures):
        known = await repository.get(FIGURES, figures.id)
        if known is None:
            continue
        if await repository.update(FIGURES, known, **{name: getattr(figures, name) for name in names}) is not None:
            break
    return figures


async def everything(
    repository: Repository, collection: Collection[Any], where: Mapping[str, Any], order_by: str
) -> AsyncIterator[Any]:
    """All that match, a page at a time."""
    after = None
    while page := await repository.find(collection, where, order_by=order_by, limit=PAGE, after=after):
        for each in page:
            yield each
        after = page[-1]


async def _messages(repository: Repository, found: Found, begin: datetime, end: datetime) -> dict[str, datetime]:
    """Messages and who wrote; inbound message → when it came."""
    came: dict[str, datetime] = {}
    within = Between(begin, end)
    for state in ("received", "answered"):
        where = {"direction": "inbound", "state": state, "at": within}
        async for message in everything(repository, MESSAGES, where, "at"):
            found.case("conversations", message.conversation, message.at)
            found.counts["inbound"] += 1
            came[message.id] = message.at
    found.counts["conversations"] = sum(figure == "conversations" for figure, _ in found.cases)
    for state in SENT:
        where = {"direction": "outbound", "state": state, "at": within}
        found.counts["outbound"] += await repository.count(MESSAGES, where)
    for state in UNDELIVERED:
        where = {"direction": "outbound", "state": state, "at": within}
        async for message in everything(repository, MESSAGES, where, "at"):
            found.case("undelivered", message.conversation, message.at)
    async for contact in everything(repository, CONTACTS, {"created_at": within}, "created_at"):
        if contact.kind == "customer":
            found.case("new", contact.id, contact.created_at)
    return came


async def _turns(
    repository: Repository,
    found: Found,
    begin: datetime,
    end: datetime,
    zone: ZoneInfo,
    came: Mapping[str, datetime],
) -> None:
    for state in ("committed", "parked", "withdrawn"):
        where = {"state": state, "opened_at": Between(begin, end)}
        async for turn in everything(repository, TURNS, where, "opened_at"):
            _count_turn(found, turn)
            if turn.state != "committed" or turn.closed_at is None:
                continue
            if (first := await _first(repository, turn, came)) is not None:
                seconds = (turn.closed_at - first).total_seconds()
                found.answers[str(first.astimezone(zone).hour)][str(bucket(seconds))] += 1
                found.case("answered", turn.conversation, turn.opened_at)
                if seconds > SLOW:
                    found.case("slow", turn.conversation, turn.opened_at)


async def _first(repository: Repository, turn: Turn, came: Mapping[str, datetime]) -> datetime | None:
    """When the first of what *turn* answers came, which may be the day before; None: it is not stored any more."""
    known = {id: came[id] for id in turn.read if id in came}
    before = [id for id in turn.read if id not in came]
    for start in range(0, len(before), MAX_IN):
        asked = tuple(before[start : start + MAX_IN])
        known |= {each.id: each.at for each in await repository.find(MESSAGES, {"id": In(asked)}, limit=MAX_IN)}
    return min(known.values(), default=None)


def _count_turn(found: Found, turn: Turn) -> None:
    kinds = {line.get("what", "") for line in turn.trace}
    if turn.state == "parked" or "parked" in kinds:
        found.case("parked", turn.conversation, turn.opened_at)
    if "untrue" in kinds:
        found.case("untrue", turn.conversation, turn.opened_at)
    if turn.state == "committed" and any(line.get("handoff") for line in turn.trace if line.get("what") == "proposed"):
        found.case("handoff", turn.conversation, turn.opened_at)
        found.reasons[
            "untrue" if "untrue" in kinds else "no_model" if "closed without a model" in kinds else "asked"
        ] += 1
    for line in turn.trace:
        if line.get("what") == "thought":
            for name in ("input_tokens", "output_tokens", "cached_tokens"):
                found.counts[name] += int(line.get(name) or 0)
            if line.get("currency") == "USD":
                found.cost += round(float(line.get("cost") or 0) * MICRO)


async def _records(repository: Repository, found: Found, begin: datetime, end: datetime) -> None:
    within = Between(begin, end)
    async for lead in everything(repository, LEADS, {"created_at": within}, "created_at"):
        found.case("lead", lead.contact, lead.created_at)
    async for booked in everything(repository, APPOINTMENTS, {"created_at": within}, "created_at"):
        found.case("booked", _about(booked), booked.created_at)
    async for visit in everything(repository, APPOINTMENTS, {"starts_at": within}, "starts_at"):
        if any(reminder.state == "sent" for reminder in visit.reminders):
            found.case("reminded", _about(visit), visit.starts_at)
        if visit.state != "booked":
            found.case(visit.state, _about(visit), visit.starts_at)


def _about(appointment: Appointment) -> str:
    return appointment.conversation or appointment.contact


async def _booked(repository: Repository, begin: datetime) -> int:
    """What the day's ceiling has counted: calls beside turns, too (summaries, say)."""
    budget = await repository.get(BUDGETS, f"models@{begin.isoformat()}")
    return budget.booked + sum(share.booked for share in budget.shares.values()) if budget is not None else 0


async def _write_cases(repository: Repository, found: Found, day: date, begin: datetime, end: datetime) -> None:
    wanted = {
        f"{day.isoformat()}/{figure}/{conversation}": (figure, conversation, at, count)
        for (figure, conversation), (at, count) in found.cases.items()
    }
    writes: list[Write] = []
    for figure in CASES:
        where = {"figure": figure, "at": Between(begin, end)}
        async for known in everything(repository, FIGURE_CASES, where, "at"):
            new = wanted.pop(known.id, None)
            if new is None:
                writes.append(Delete(FIGURE_CASES, known))
            elif (known.at, known.count) != new[2:]:
                writes.append(Update(FIGURE_CASES, known, {"at": new[2], "count": new[3]}))
    writes += [
        Insert(FIGURE_CASES, FigureCase(id=id, figure=figure, conversation=conversation, at=at, count=count))
        for id, (figure, conversation, at, count) in wanted.items()
    ]
    await written(repository, writes)


async def written(repository: Repository, writes: Sequence[Write]) -> None:
    """Write all; what somebody else has written meanwhile stays as they left it."""
    left = list(writes)
    while left:
        took = await repository.write(*left[:BATCH])
        del left[: min(took + 1, BATCH) if took < len(left[:BATCH]) else took]
