"""Which times of a resource are taken: one document for each resource and day, changed by compare-and-set alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from ..clock import milliseconds
from ..crashpoints import reached
from ..records import Day, Taken
from ..store import In, Store
from ..store.collections import DAYS
from ..store.queries import MAX_IN

LONGEST = timedelta(days=31)
"""One entry; and as many days are asked for at once."""


class PluginDays:
    """`self.days` of one plugin of one tenant."""

    def __init__(self, store: Store, tenant: str, plugin: str) -> None:
        self._store = store
        self._repository = store.for_tenant(tenant)
        self._plugin = plugin

    async def taken(self, resource: str, zone: str, first: date, last: date) -> list[Taken]:
        """See frontdesk.plugin.DayService. Raises ValueError for more than 366 days."""
        if last - first > timedelta(days=366):
            raise ValueError(f"days.taken: {first} to {last} are more than 366 days; ask for fewer")
        now = self._store.now()
        ids = [self._id(resource, first + timedelta(days=ahead)) for ahead in range((last - first).days + 1)]
        found: dict[tuple[str, datetime], Taken] = {}
        for start in range(0, len(ids), MAX_IN):
            asked = In(ids[start : start + MAX_IN])
            for day in await self._repository.find(DAYS, {"id": asked}, limit=MAX_IN):
                # Over midnight it stands in both days.
                found |= {(each.key, each.begins): each for each in day.alive(now)}
        return sorted(found.values(), key=lambda each: (each.begins, each.key))

    async def take(
        self, resource: str, zone: str, entry: Taken, *, instead_of: Collection[str] = (), force: bool = False
    ) -> bool:
        """See frontdesk.plugin.DayService. Raises ValueError for a span that is none, or longer than 31 days."""
        entry = _checked(entry)
        done: list[tuple[date, tuple[Taken, ...]]] = []
        # Always the earlier day first: of two that meet over midnight one has it, and none waits for the other.
        for day in days_of(entry.begins, entry.ends, zone):
            replaced = await self._put(resource, zone, day, entry, {entry.key, *instead_of}, force)
            if replaced is None:
                for earlier, before in reversed(done):
                    await self._put_back(resource, earlier, entry.key, before)
                return False
            done.append((day, replaced))
            reached("days.taken")
        return True

    async def free(self, resource: str, zone: str, key: str, begins: datetime, ends: datetime) -> bool:
        """See frontdesk.plugin.DayService."""
        freed = False
        for day in days_of(begins, ends, zone):
            freed = await self._put_back(resource, day, key, ()) or freed
        return freed

    async def _put(
        self, resource: str, zone: str, day: date, entry: Taken, instead: set[str], force: bool
    ) -> tuple[Taken, ...] | None:
        """Put *entry* into the day; those that it replaced, or None if others are in its way."""
        id = self._id(resource, day)
        while True:
            there = await self._repository.get(DAYS, id)
            alive = there.alive(self._store.now()) if there is not None else ()
            others = tuple(each for each in alive if each.key not in instead)
            if not force and not entry.fits(others):
                return None
            taken = tuple(sorted((*others, entry), key=lambda each: (each.begins, each.key)))
            if there is None:
                begins = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
                made = Day(id=id, resource=resource, begins=milliseconds(begins), taken=taken)
                written = await self._repository.insert(DAYS, made)
            else:
                written = await self._repository.update(DAYS, there, taken=taken) is not None
            if written:
                return tuple(each for each in alive if each.key in instead)

    async def _put_back(self, resource: str, day: date, key: str, before: tuple[Taken, ...]) -> bool:
        """Take the entry with *key* out of the day, and put those that it replaced back; False if it is not there."""
        while (there := await self._repository.get(DAYS, self._id(resource, day))) is not None:
            if all(each.key != key for each in there.taken):
                return False
            taken = tuple(each for each in there.taken if each.key != key)
            taken += tuple(each for each in before if each.fits(taken))
            if await self._repository.update(DAYS, there, taken=taken) is not None:
                return True
        return False

    def _id(self, resource: str, day: date) -> str:
        return f"{self._plugin}/{quote(resource, safe='')}/{day.isoformat()}"


def days_of(begins: datetime, ends: datetime, zone: str) -> Iterator[date]:
    """The days of a zone that a half-open span touches, in order."""
    there = ZoneInfo(zone)
    day = begins.astimezone(there).date()
    last = max(begins, ends - timedelta(milliseconds=1)).astimezone(there).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _checked(entry: Taken) -> Taken:
    begins, ends = milliseconds(entry.begins), milliseconds(entry.ends)
    if not timedelta() < ends - begins <= LONGEST:
        raise ValueError(
            f"days.take: {begins.isoformat()} to {ends.isoformat()}; it ends after it begins, within 31 days"
        )
    if not entry.key or not entry.owner or entry.seats < 1:
        raise ValueError("days.take: an entry has a key and an owner, and at least one seat")
    until = milliseconds(entry.until) if entry.until is not None else None
    return replace(entry, begins=begins, ends=ends, until=until)
