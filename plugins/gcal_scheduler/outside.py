"""What others do to visits: operators on their pages, other plugins, and people in the calendar itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from frontdesk import Appointment, Change, NeedsAttention, Plugin, Refused, Taken, fold

from . import words
from .calendars import Calendars, Changed, Event
from .diary import Diary, Place
from .rules import Rules
from .settings import Staff
from .visits import Visits, event_id

FOREIGN = "foreign"
"""In the keys of visits that somebody else books: the times are taken, and no calendar is written."""


class Outside:
    """Of one tenant."""

    def __init__(self, plugin: Plugin, rules: Rules, diary: Diary, visits: Visits, calendars: Calendars) -> None:
        self._plugin = plugin
        self._rules = rules
        self._diary = diary
        self._visits = visits
        self._calendars = calendars

    # On the pages, or by another plugin: the record has changed already.

    async def changed(self, there: Appointment, change: Change) -> None:
        """Bring calendar and day document into line with the record. Harmless if they are. Raises RetryLater."""
        if there.plugin != self._plugin.name:
            await self._others_visit(there)
            return
        if there.state == "cancelled":
            await self._cancelled(there, change)
        elif there.state == "booked":
            await self._booked(there, change)

    async def _cancelled(self, there: Appointment, change: Change) -> None:
        if change.by != f"plugin:{self._plugin.name}" and there.reference.get("calendar"):
            try:
                await self._calendars.cancel(self._visits.event_of(there))
            except (NeedsAttention, Refused) as err:
                await self._visits.tell_of("not_written", "not_written_text", there, change.key, why=str(err))
        await self._visits.cancelled(there)

    async def _booked(self, there: Appointment, change: Change) -> None:
        place = self._place(there)
        if place is None:
            return
        known, left = Place.of(there.reference), Place.of(change.before.get("reference") or {})
        if left is not None and left != place and left != known:
            await self._diary.free_place(left)
        if known == place and await self._diary.entry(place) is not None:
            await self._visits.booked(there)
            return
        # The entry last: what is told again begins anew as long as it is not there.
        event = await self._event_again(there, change)
        if event is None:
            return
        reference = {**there.reference, **place.as_data(), **event}
        if reference != there.reference:
            await self._plugin.appointments.note(there.id, f"align/{change.key}", reference=reference)
        if known is not None and known != place:
            await self._diary.free_place(known)
        await self._put(there, place)

    async def _event_again(self, there: Appointment, change: Change) -> dict[str, Any] | None:
        """Write or move the event of a visit that somebody else has booked again or moved; what the reference says of it.

        None: people have changed it meanwhile, and that stands.
        """
        if not there.reference.get("calendar"):
            return {}
        try:
            if change.what == "booked":
                id = event_id(self._plugin.tenant.id, there.id, change.key)
                written = await self._calendars.write(replace(await self._visits.described(there), id=id))
                return {"event": written.id, "etag": written.etag}
            return {"etag": (await self._visits.put_event_back(there)).etag}
        except Changed as err:
            # People were there, too: what they did counts, as if it had been heard of just now.
            gone = replace(self._visits.event_of(there), state="cancelled")
            await self.apply(err.event if err.event is not None else gone)
            return None
        except (NeedsAttention, Refused) as err:
            await self._visits.tell_of("not_written", "not_written_text", there, change.key, why=str(err))
            return {}

    async def _put(self, there: Appointment, place: Place) -> None:
        """The time is taken, whoever has it: what is decided stands, and operators hear of what it meets."""
        times = {"starts_at": there.starts_at.isoformat(), "ends_at": there.ends_at.isoformat()}
        entry = Taken(
            key=place.key, owner=there.id, begins=place.begins, ends=place.ends, state="booked", contact=there.contact,
            data=times, **self._shared(there),
        )  # fmt: skip
        if not await self._diary.take(entry, place.staff):
            await self._diary.take(entry, place.staff, force=True)
            await self._visits.tell_of("clash", "overlap_text", there, f"{place.key}@{place.begins.isoformat()}")

    def _shared(self, there: Appointment) -> dict[str, Any]:
        service = self._rules.service(str(there.reference.get("service", "")))
        return {"share": service.id, "seats": service.seats} if service is not None and service.seats > 1 else {}

    def _place(self, there: Appointment) -> Place | None:
        """Where its entry belongs, by its times and staff; None: it is nobody's whom we know."""
        known = Place.of(there.reference)
        staff = known.staff if known is not None else ""
        if not any(each.id == staff for each in self._rules.staff):
            return None
        service = self._rules.service(str(there.reference.get("service", "")))
        before, after = (service.before, service.after) if service is not None else (timedelta(), timedelta())
        key = f"{there.id}:m{there.moves}" if there.moves else (known.key if known is not None else there.id)
        return Place(staff=staff, key=key, begins=there.starts_at - before, ends=there.ends_at + after)

    # Visits that are no plugin's, or another one's.

    async def _others_visit(self, there: Appointment) -> None:
        """Whoever books for one of the staff takes up their time."""
        staff = self._staff_called(there.resource)
        if staff is None:
            return
        # Taken anew: where it stood before is told by nothing but the key.
        kept = await self._plugin.store.get(FOREIGN, there.id)
        before = Place.of(kept) if kept is not None else None
        if there.state != "booked":
            if before is not None:
                await self._diary.free_place(before)
                await self._plugin.store.delete(FOREIGN, there.id)
            return
        place = Place(staff=staff.id, key=f"{FOREIGN}-{there.id}", begins=there.starts_at, ends=there.ends_at)
        if place == before:
            return
        if before is not None:
            await self._diary.free_place(before)
        await self._put(there, place)
        # Last: what is told again begins anew as long as it is not there.
        await self._plugin.store.put(FOREIGN, there.id, place.as_data())

    def _staff_called(self, name: str) -> Staff | None:
        called = [each for each in self._rules.staff if fold(name) in (fold(each.name), each.id)]
        return called[0] if called else None

    # In the calendar: the record follows.

    async def apply(self, event: Event, *, tell: bool = True) -> None:
        """An event of ours as it is in the calendar now: what somebody did to it there becomes the record's, and the contact
        is told of it (with *tell*). Harmless if nothing has changed. Raises RetryLater."""
        there = await self._plugin.appointments.get(event.appointment)
        if there is None or there.reference.get("event") != event.id or there.state != "booked":
            return
        place = Place.of(there.reference)
        ours = await self._diary.entry(place) if place is not None else None
        if event.state == "cancelled":
            tell = tell and (ours is None or ours.state != "undoing")
            cause = f"deleted in the calendar {event.calendar}"
            if tell:  # first: once the record says so, nobody comes back here
                await self._tell_contact(
                    "cancelled_outside", there, f"{event.id}/gone", there.starts_at, there.starts_at
                )
            gone = await self._plugin.appointments.become(
                there.id, "cancelled", f"outside/{event.id}/gone", cause=cause
            )
            await self._visits.cancelled(gone)
            return
        if (event.starts_at, event.ends_at) == (there.starts_at, there.ends_at):
            if place is not None and ours is None:
                await self._put(there, place)  # the process died after the record of a move
            if event.etag and event.etag != there.reference.get("etag"):
                reference = {**there.reference, "etag": event.etag}
                await self._plugin.appointments.note(there.id, f"outside/{event.id}/{event.etag}", reference=reference)
            return
        if await self._is_being_moved(there, event):
            return
        await self._moved(there, event, tell)

    async def _is_being_moved(self, there: Appointment, event: Event) -> bool:
        """Whether it is we who have moved the event just now: the record follows in a moment, or all of it is undone."""
        key = f"{there.id}:m{there.moves + 1}"
        for staff in self._rules.staff:
            entry = await self._diary.entry(Place(staff=staff.id, key=key, begins=event.starts_at, ends=event.ends_at))
            if (
                entry is not None
                and entry.state == "writing"
                and datetime.fromisoformat(entry.data["starts_at"]) == event.starts_at
            ):
                return True
        return False

    async def _moved(self, there: Appointment, event: Event, tell: bool) -> None:
        key = f"outside/{event.id}/{event.etag or event.starts_at.isoformat()}"
        old = Place.of(there.reference)
        after = replace(there, starts_at=event.starts_at, ends_at=event.ends_at, moves=there.moves + 1)
        place = self._place(after)
        reference = {**there.reference, "etag": event.etag, **(place.as_data() if place is not None else {})}
        if tell:  # first: once the record says so, nobody comes back here
            await self._tell_contact("moved_outside", after, key, after.starts_at, there.starts_at)
        moved = await self._plugin.appointments.move(
            there.id,
            key,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            reference=reference,
            cause=f"moved in the calendar {event.calendar}",
        )
        if place is not None:
            await self._put(moved, place)
        if old is not None and old != place:
            await self._diary.free_place(old)

    async def _tell_contact(self, key: str, there: Appointment, case: str, at: datetime, before: datetime) -> None:
        """In their language; where the service window is closed it is held until they write."""
        contact = await self._plugin.conversations.contact(there.contact)
        if contact is None or not self._rules.settings.tell_changes or at < self._plugin.clock.now():
            return
        language = contact.language or self._plugin.tenant.language
        now = self._plugin.clock.now()
        told = words.say(
            key,
            language,
            service=self._service_name(there, language),
            when=words.moment(at, self._rules.zone, language, now),
            before=words.moment(before, self._rules.zone, language, now),
        )
        await self._plugin.conversations.send(there.conversation, f"outside/{there.id}/{case}", told, useful_until=at)

    def _service_name(self, there: Appointment, language: str) -> str:
        service = self._rules.service(str(there.reference.get("service", "")))
        return words.service_name(service, language) if service is not None else there.service
