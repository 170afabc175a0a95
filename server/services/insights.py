"""Whether it pays: what happened at a tenant over the last days, and the conversations behind every figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from ..clock import Clock
from ..model import Contact
from ..runtime import TenantPlugins
from ..store import Between, Repository, Store
from ..store.collections import CONTACTS, FIGURE_CASES, FIGURES
from ..stored_figures import DayFigures, FigureCase
from . import rounds
from .failures import people
from .figures import CASES, MICRO, bounds, fold, is_due, seconds_of

RANGES = (7, 30, 90)
NAME = "figures"
EVERY = timedelta(minutes=10)
PATIENCE = 0.5
"""Seconds for which a page waits while days are folded."""
PAGE = 50


@dataclass(frozen=True, slots=True)
class Answers:
    """How long answers took, in seconds; None: there were none."""

    count: int
    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Insights:
    """The figures of some days, the oldest first."""

    days: tuple[DayFigures, ...]
    totals: Mapping[str, int]
    answers: Answers
    by_hour: Mapping[int, Answers]
    reasons: Mapping[str, int]
    cost: float
    """US dollars."""
    ceiling: float | None
    """Of a day."""
    missing: int
    """Days that are not counted yet: ask again in a moment."""

    @property
    def anything(self) -> bool:
        return any(day.counts.get("inbound") or day.counts.get("outbound") for day in self.days)


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation behind a figure."""

    case: FigureCase
    contact: Contact | None


class InsightDesk:
    """Of any tenant; the round keeps the figures of those fresh at whom somebody has looked."""

    def __init__(self, store: Store, declared: Callable[[], Mapping[str, TenantPlugins]], clock: Clock) -> None:
        self._store = store
        self._declared = declared
        self._clock = clock

    async def of(self, tenant: str, days: int) -> Insights:
        """The last *days* days, today with what it has by now. What is due is counted before, as far as PATIENCE goes."""
        config = self._declared()[tenant].tenant
        missing = await self.refresh(tenant, days, PATIENCE)
        repository, today = self._store.for_tenant(tenant), self._today(config.zone)
        first = today - timedelta(days=days - 1)
        known = await _known(repository, first, today)
        wanted = [(first + timedelta(days=number)).isoformat() for number in range(days)]
        begins = {id: bounds(date.fromisoformat(id), config.zone)[0] for id in wanted}
        now = self._store.now()
        shown = tuple(
            known.get(id) or DayFigures(id=id, zone=config.time_zone, begins=begins[id], folded_at=now) for id in wanted
        )
        totals: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for day in shown:
            totals.update(day.counts)
            reasons.update(day.reasons)
        hours = {hour: Counter[str]() for hour in range(24)}
        for day in shown:
            for hour, counted in day.answers.items():
                hours[int(hour)].update(counted)
        whole = sum(hours.values(), Counter[str]())
        return Insights(
            shown,
            totals,
            answers_of(whole),
            {hour: answers_of(counted) for hour, counted in hours.items()},
            reasons,
            sum(day.cost for day in shown) / MICRO,
            config.spending.per_day,
            missing,
        )

    async def cases(self, tenant: str, figure: str, days: int, after: str = "") -> tuple[list[Case], str]:
        """Conversations behind a figure of the last *days* days, the latest first; where the next page begins, or empty.

        *after*: the id of the last case of the page before. Raises KeyError for a figure that has none behind it.
        """
        if figure not in CASES:
            raise KeyError(figure)
        zone = self._declared()[tenant].tenant.zone
        repository, today = self._store.for_tenant(tenant), self._today(zone)
        begin, _ = bounds(today - timedelta(days=days - 1), zone)
        last: FigureCase | None = None
        if after:
            last = await repository.get(FIGURE_CASES, after)
        where = {"figure": figure, "at": Between(begin, bounds(today, zone)[1])}
        found = await repository.find(FIGURE_CASES, where, order_by="at", descending=True, limit=PAGE + 1, after=last)
        page, more = found[:PAGE], len(found) > PAGE
        known = await people(repository, [case.conversation for case in page])
        return [Case(case, known.get(case.conversation)) for case in page], page[-1].id if more else ""

    async def refresh(self, tenant: str, days: int, seconds: float) -> int:
        """Fold what is due of the last *days* days, the newest first, for about *seconds*; how many were never folded."""
        config = self._declared()[tenant].tenant
        zone = config.zone
        kept = min(filter(None, (config.retention.turns, config.retention.appointments)), default=None)
        repository, today = self._store.for_tenant(tenant), self._today(zone)
        oldest = await repository.find(CONTACTS, {}, order_by="created_at", limit=1)
        if not oldest:
            return 0
        first = max(today - timedelta(days=days - 1), oldest[0].created_at.astimezone(zone).date() - timedelta(days=1))
        known = await _known(repository, first, today)
        until, missing = self._clock.monotonic() + seconds, 0
        for day in (today - timedelta(days=number) for number in range((today - first).days + 1)):
            there = known.get(day.isoformat())
            if not is_due(there, day, zone, self._store.now(), kept):
                continue
            if self._clock.monotonic() >= until:
                missing += there is None
            else:
                await fold(repository, day, zone, self._store.now())
        return missing

    async def rebuild(self, tenant: str) -> None:
        """Forget all figures, so that they are counted anew: those of days whose messages are gone stay away."""
        repository = self._store.for_tenant(tenant)
        while page := await repository.find(FIGURES, {}, order_by="begins", limit=100):
            for day in page:
                await repository.delete(FIGURES, day)

    async def go_round(self) -> None:
        """Fold what is due at every tenant at whom somebody has looked, one process at a time."""
        held = await rounds.take(self._store, NAME)
        if held is None:
            return
        for tenant in sorted(self._declared()):
            if tenant < held.after or tenant not in self._declared():
                continue
            if await self._store.for_tenant(tenant).find(FIGURES, {}, order_by="begins", limit=1):
                await self.refresh(tenant, RANGES[-1], 5.0)
            held = await rounds.renewed(self._store, held, tenant)
            if held is None:
                return
        await rounds.done(self._store, held, EVERY)

    def _today(self, zone: ZoneInfo) -> date:
        return self._store.now().astimezone(zone).date()


def answers_of(counted: Mapping[str, int]) -> Answers:
    """Median and 90th percentile of bucketed seconds."""
    whole = sum(counted.values())
    if not whole:
        return Answers(0, None, None)
    return Answers(whole, _at(counted, whole * 0.5), _at(counted, whole * 0.9))


def _at(counted: Mapping[str, int], rank: float) -> float:
    seen = 0
    ordered = sorted((int(bucket), count) for bucket, count in counted.items())
    for each, count in ordered:
        seen += count
        if seen >= rank:
            return seconds_of(each)
    return seconds_of(ordered[-1][0])


async def _known(repository: Repository, first: date, last: date) -> dict[str, DayFigures]:
    ids = {"id": Between(first.isoformat(), (last + timedelta(days=1)).isoformat())}
    return _by_id(await repository.find(FIGURES, ids, limit=200))


def _by_id(days: Iterable[DayFigures]) -> dict[str, DayFigures]:
    return {day.id: day for day in days}
