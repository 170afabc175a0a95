"""Which times are free, and how they are taken: a tenant's rules, its day documents, and the calendars of its staff."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from frontdesk import Plugin, RetryLater, Taken

from .calendars import Busy, Calendars
from .rules import Rules, Slot
from .settings import Service, Staff

HOLDS = "holds"
STEP = timedelta(days=7)
"""So far is looked ahead at once."""


def holder(contact: str) -> str:
    """The owner of a contact's hold."""
    return f"hold-{contact}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where an entry stands: what `reference` of an appointment says of its own."""

    staff: str
    key: str
    begins: datetime
    ends: datetime

    def as_data(self) -> dict[str, str]:
        return {
            "staff": self.staff,
            "entry": self.key,
            "taken_from": self.begins.isoformat(),
            "taken_until": self.ends.isoformat(),
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Place | None:
        """From what `as_data` gave; None: there is nothing of it."""
        if not data.get("entry"):
            return None
        begins, ends = (datetime.fromisoformat(data[name]) for name in ("taken_from", "taken_until"))
        return cls(staff=data["staff"], key=data["entry"], begins=begins, ends=ends)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A contact's hold: the slot's id, and until when it is kept."""

    slot: str
    until: datetime


class Diary:
    """Of one tenant."""

    def __init__(self, plugin: Plugin, rules: Rules, calendars: Calendars) -> None:
        self._plugin = plugin
        self._rules = rules
        self._calendars = calendars
        self._zone = plugin.tenant.time_zone

    # What is free.

    async def free(
        self,
        service: Service,
        staff: Sequence[Staff],
        begin: datetime,
        end: datetime,
        *,
        own: Collection[str],
        most: int,
    ) -> list[Slot]:
        """Times from *begin* on and before *end*, in order, one for each time: with the first of *staff* who is free.

        :param own: owners whose entries are in nobody's way: the contact's hold, the visit that is moved.
        :param most: enough; no further day is looked at then.

        Raises RetryLater if a calendar cannot be read: what is unknown is not free.
        """
        now = self._plugin.clock.now()
        begin, end = max(begin, self._rules.earliest(now)), min(end, self._rules.latest(now) + timedelta(minutes=1))
        found: dict[datetime, Slot] = {}
        while begin < end and len(found) < most:
            until = min(end, begin + STEP)
            candidates = self._candidates(service, staff, begin, until)
            if any(candidates.values()):
                for slot in await self._those_free(candidates, own):
                    found.setdefault(slot.begins, slot)
            begin = until
        return [found[at] for at in sorted(found)]

    async def is_free(self, slot: Slot, own: Collection[str]) -> bool:
        """Whether a slot is free in the day documents and in all calendars. Raises RetryLater."""
        return bool(await self._those_free({slot.staff.id: [slot]}, own))

    async def is_disturbed(self, slot: Slot) -> bool:
        """Whether people have something else in the calendars at its time. Raises RetryLater if that cannot be read."""
        begin, end = slot.taken_from, slot.taken_until
        if slot.staff.calendar:
            others = await self._calendars.others(slot.staff.calendar, begin, end)
            if others is None:
                raise RetryLater("the calendar cannot be read", after=30)
            if any(each.starts_at < end and begin < each.ends_at for each in others):
                return True
        also = [each for each in slot.staff.calendars if each != slot.staff.calendar]
        busy = await self._busy(also, begin, end)
        return any(_overlaps(busy[each], begin, end) for each in also)

    def _candidates(
        self, service: Service, staff: Sequence[Staff], begin: datetime, end: datetime
    ) -> dict[str, list[Slot]]:
        """By the id of a member of staff, what hours and grid allow."""
        first, last = (at.astimezone(self._rules.zone).date() for at in (begin, end))
        return {
            each.id: [
                Slot(service=service, staff=each, begins=at)
                for day in _days(first, last)
                for at in self._rules.starts(service, each, day)
                if begin <= at < end
            ]
            for each in staff
        }

    async def _those_free(self, candidates: Mapping[str, Sequence[Slot]], own: Collection[str]) -> list[Slot]:
        """Of each member of staff in turn."""
        asked = [slots for slots in candidates.values() if slots]
        begin = min(slots[0].taken_from for slots in asked)
        end = max(slots[-1].taken_until for slots in asked)
        busy = await self._busy({name for slots in asked for name in slots[0].staff.calendars}, begin, end)
        free: list[Slot] = []
        for slots in asked:
            first, last = (at.astimezone(self._rules.zone).date() for at in (begin, end))
            taken = await self._plugin.days.taken(slots[0].staff.id, self._zone, first, last)
            ours = [_visit(each) for each in taken if each.state != "held"]
            foreign = [span for name in slots[0].staff.calendars for span in without(busy[name], ours)]
            others = [each for each in taken if each.owner not in own]
            free += [
                slot
                for slot in slots
                if entry_of(slot, key="?", owner="?", state="held").fits(others)
                and not _overlaps(foreign, slot.taken_from, slot.taken_until)
            ]
        return free

    async def _busy(self, calendars: Iterable[str], begin: datetime, end: datetime) -> dict[str, Busy]:
        """Raises RetryLater if one of them is not known."""
        names = sorted(set(calendars))
        if not names:
            return {}
        told = await self._calendars.busy(names, begin, end)
        known: dict[str, Busy] = {}
        for name in names:
            spans = told.get(name)
            if spans is None:
                raise RetryLater(f"calendar {name} cannot be read", after=30)
            known[name] = spans
        return known

    # Holds.

    async def hold(self, contact: str, id: str, slot: Slot) -> datetime | None:
        """Keep *slot* for the contact in place of what was kept before; until when, or None if it has been taken.

        Kept already, it stays so as long as it was to be.
        """
        now = self._plugin.clock.now()
        before = await self._plugin.store.get(HOLDS, contact)
        if before is not None and before["slot"] == id and (until := await self._still_held(before, now)):
            return until
        until = now + self._rules.settings.hold
        key, owner = f"{holder(contact)}-{id}", holder(contact)
        entry = entry_of(slot, key=key, owner=owner, state="held", until=until, contact=contact)
        place = Place(staff=slot.staff.id, key=key, begins=entry.begins, ends=entry.ends).as_data()
        old = [each for each in (before["places"] if before is not None else ()) if each["entry"] != key]
        # Written down before it is taken: whatever happens in between, the next hold or booking takes it away.
        kept = {"slot": id, "until": until.isoformat(), "places": [*old, place]}
        await self._plugin.store.put(HOLDS, contact, kept)
        if not await self.take(entry, slot.staff.id, instead_of=[each["entry"] for each in old]):
            if before is None:
                await self._plugin.store.delete(HOLDS, contact)
            else:
                await self._plugin.store.put(HOLDS, contact, {**before, "places": old})
            return None
        await self._free_places(old)
        await self._plugin.store.put(HOLDS, contact, {**kept, "places": [place]})
        return until

    async def kept(self, contact: str) -> Kept | None:
        """What is held for the contact now."""
        found = await self._plugin.store.get(HOLDS, contact)
        if found is None or await self._still_held(found, self._plugin.clock.now()) is None:
            return None
        return Kept(slot=found["slot"], until=datetime.fromisoformat(found["until"]))

    async def held_keys(self, contact: str) -> list[str]:
        """Of the entries by which something is kept for the contact."""
        kept = await self._plugin.store.get(HOLDS, contact)
        return [each["entry"] for each in kept["places"]] if kept is not None else []

    async def release(self, contact: str) -> None:
        """The contact holds nothing any more."""
        kept = await self._plugin.store.get(HOLDS, contact)
        if kept is not None:
            await self._free_places(kept["places"])
            await self._plugin.store.delete(HOLDS, contact)

    async def _still_held(self, kept: Mapping[str, Any], now: datetime) -> datetime | None:
        place = Place.of(kept["places"][-1]) if kept["places"] else None
        if place is None or datetime.fromisoformat(kept["until"]) <= now:
            return None
        found = await self.entry(place)
        return found.until if found is not None and found.begins == place.begins else None

    async def _free_places(self, places: Iterable[Mapping[str, Any]]) -> None:
        for each in map(Place.of, places):
            if each is not None:
                await self.free_place(each)

    # Entries.

    async def take(self, entry: Taken, staff: str, *, instead_of: Collection[str] = (), force: bool = False) -> bool:
        return await self._plugin.days.take(staff, self._zone, entry, instead_of=instead_of, force=force)

    async def free_place(self, place: Place) -> bool:
        """Take an entry out."""
        return await self._plugin.days.free(place.staff, self._zone, place.key, place.begins, place.ends)

    async def entry(self, place: Place) -> Taken | None:
        """The entry as it is now."""
        first, last = (at.astimezone(self._rules.zone).date() for at in (place.begins, place.ends))
        taken = await self._plugin.days.taken(place.staff, self._zone, first, last)
        return next((each for each in taken if each.key == place.key), None)

    async def overlapping(self, place: Place, owner: str) -> list[Taken]:
        """What others have at the same time, and does not share it."""
        first, last = (at.astimezone(self._rules.zone).date() for at in (place.begins, place.ends))
        taken = await self._plugin.days.taken(place.staff, self._zone, first, last)
        own = next((each for each in taken if each.key == place.key), None)
        if own is None:
            return []
        others = [each for each in taken if each.owner != owner and each.state != "held"]
        return [] if own.fits(others) else [each for each in others if each.in_the_way_of(own)]


def entry_of(slot: Slot, **given: Any) -> Taken:
    """What a slot takes up, with what is kept free around it."""
    times = {"starts_at": slot.begins.isoformat(), "ends_at": slot.ends.isoformat()}
    return Taken(
        begins=slot.taken_from,
        ends=slot.taken_until,
        share=slot.service.id if slot.service.seats > 1 else "",
        seats=slot.service.seats,
        **given | {"data": {**times, **given.get("data", {})}},
    )


def in_state(entry: Taken, state: Any) -> Taken:
    return replace(entry, state=state, until=None)


def without(busy: Iterable[tuple[datetime, datetime]], ours: Iterable[tuple[datetime, datetime]]) -> list[Any]:
    """*busy* less *ours*: what is left is other people's."""
    left = list(busy)
    for begin, end in ours:
        pieces = [piece for a, b in left for piece in ((a, min(b, begin)), (max(a, end), b))]
        left = [(a, b) for a, b in pieces if a < b]
    return left


def _visit(entry: Taken) -> tuple[datetime, datetime]:
    """When the visit itself is: what stands in the calendar."""
    return datetime.fromisoformat(entry.data["starts_at"]), datetime.fromisoformat(entry.data["ends_at"])


def _overlaps(spans: Iterable[tuple[datetime, datetime]], begin: datetime, end: datetime) -> bool:
    return any(a < end and begin < b for a, b in spans)


def _days(first: date, last: date) -> Iterable[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)
