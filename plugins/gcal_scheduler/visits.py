"""Booking, moving and cancelling, each in steps that a crash may end anywhere.

The day document first, as `writing`; then the calendar; then the record; then the day document again, as `booked`. The same
key does the same again, and nothing more.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from frontdesk import (
    Appointment,
    Contact,
    Conversation,
    NeedsAttention,
    Plugin,
    PluginError,
    Refused,
    RetryLater,
    Taken,
)

from . import words
from .calendars import Calendars, Changed, Event
from .diary import Diary, Place, entry_of, in_state
from .rules import Rules, Slot

SETTLE = "settle"
LEAVE = "leave"
LEFT_AFTER = timedelta(minutes=2)
"""When an event in a calendar that a visit has left is looked at again, if it could not be taken out."""
SETTLED_AFTER = timedelta(minutes=10)
"""What has not ended by then never will: its turn was given up."""
ATTEMPTS = 5
"""Events of one appointment that were deleted one after the other before its record was written."""


class Unsure(PluginError):
    """Nobody knows whether the calendar was written."""


class Clash(Exception):
    """People have something else in the calendar at this time."""


def event_id(tenant: str, appointment: str, attempt: int | str) -> str:
    """The id of an appointment's event: the letters that Google takes (a-v and 0-9), the same whenever it is made."""
    digest = hashlib.sha256(f"{tenant}\n{appointment}\n{attempt}".encode()).digest()[:20]
    return base64.b32hexencode(digest).decode().lower()


class Visits:
    """Of one tenant."""

    def __init__(self, plugin: Plugin, rules: Rules, diary: Diary, calendars: Calendars) -> None:
        self._plugin = plugin
        self._rules = rules
        self._diary = diary
        self._calendars = calendars

    # Booking.

    async def book(
        self, slot: Slot, contact: Contact, conversation: Conversation, key: str, asked: Mapping[str, str]
    ) -> Appointment:
        """A new appointment; *asked*: `words` and `message` that asked for it.

        Raises Clash, Refused with the key of a sentence (`taken`), RetryLater (nothing was done), Unsure.
        """
        id = self._plugin.appointments.id_of(key)
        first = Place(staff=slot.staff.id, key=entry_key(id, 0), begins=slot.taken_from, ends=slot.taken_until)
        for attempt in range(await self._next_attempt(first, id), ATTEMPTS):
            place = replace(first, key=entry_key(id, attempt))
            since = self._plugin.clock.now().isoformat()
            entry = entry_of(slot, key=place.key, owner=id, state="writing", contact=contact.id, data={"since": since})
            event = self._event(
                id, slot, event_id(self._plugin.tenant.id, id, attempt), contact, asked.get("words", "")
            )
            instead = [
                *await self._diary.held_keys(contact.id),
                *(entry_key(id, earlier) for earlier in range(attempt)),
            ]
            await self._settle_later(id, place, event, conversation.id, since)
            if not await self._diary.take(entry, slot.staff.id, instead_of=instead):
                raise Refused("taken")
            written = await self._write(event, place)
            if written.state == "cancelled":
                continue  # deleted before the record was there: the id is used up
            if await self._is_disturbed(slot):
                if written.calendar:
                    await self._calendars.cancel(written)
                await self._give_up(place)
                raise Clash
            return await self._record(slot, contact, key, asked, entry, place, written, attempt)
        await self._diary.free_place(replace(first, key=entry_key(id, ATTEMPTS - 1)))
        raise Refused("taken")

    async def booked(self, there: Appointment) -> Appointment:
        """What may be left to do of a booking or a move whose record is written; harmless if nothing is."""
        place = Place.of(there.reference)
        if place is not None and there.state == "booked":
            entry = await self._diary.entry(place)
            if entry is not None and entry.state != "booked":
                await self._diary.take(in_state(entry, "booked"), place.staff, force=True)
            await self._plugin.tasks.cancel(SETTLE, place.key)
        return there

    async def _record(
        self,
        slot: Slot,
        contact: Contact,
        key: str,
        asked: Mapping[str, str],
        entry: Taken,
        place: Place,
        event: Event,
        attempt: int,
    ) -> Appointment:
        booked = await self._plugin.appointments.book(
            contact.id,
            key,
            starts_at=slot.begins,
            ends_at=slot.ends,
            zone=self._plugin.tenant.time_zone,
            service=slot.service.name,
            resource=slot.staff.name,
            reference=self._reference(slot, place, event, attempt),
            cause=asked.get("cause", ""),
            words=asked.get("words", ""),
            message=asked.get("message", ""),
        )
        await self._diary.take(in_state(entry, "booked"), place.staff, force=True)
        await self._plugin.tasks.cancel(SETTLE, place.key)
        await self._diary.release(contact.id)
        return booked

    async def _next_attempt(self, first: Place, id: str) -> int:
        """An attempt that is being undone is not taken up again: its event goes."""
        undone = [
            attempt
            for attempt in range(ATTEMPTS)
            if await self._diary.entry(replace(first, key=undo_key(entry_key(id, attempt)))) is not None
        ]
        return undone[-1] + 1 if undone else 0

    # Moving.

    async def move(
        self, there: Appointment, slot: Slot, contact: Contact, conversation: Conversation, key: str
    ) -> Appointment:
        """To another slot. Raises as `book`, and Changed if the event is not as we left it."""
        old = Place.of(there.reference)
        number = there.moves + 1
        place = Place(staff=slot.staff.id, key=f"{there.id}:m{number}", begins=slot.taken_from, ends=slot.taken_until)
        since = self._plugin.clock.now().isoformat()
        entry = entry_of(
            slot, key=place.key, owner=there.id, state="writing", contact=contact.id, data={"since": since}
        )
        calendar, attempt = str(there.reference.get("calendar", "")), int(there.reference.get("attempt", 0))
        stays = calendar == slot.staff.calendar
        attempt = attempt if stays else attempt + 1
        event = self._event(there.id, slot, event_id(self._plugin.tenant.id, there.id, attempt), contact, there.words)
        await self._settle_later(there.id, place, event, conversation.id, since)
        if not await self._diary.take(entry, slot.staff.id, instead_of=await self._diary.held_keys(contact.id)):
            raise Refused("taken")
        if stays:
            written = await self._move_event(there, replace(event, etag=str(there.reference.get("etag", ""))), place)
        else:
            written = await self._write(event, place)
        if await self._is_disturbed(slot):
            # First the calendar: as long as the entry and its task are there, a crash or a calendar that is away is undone.
            if stays:
                await self.put_event_back(there)
            elif written.calendar:
                await self._calendars.cancel(written)
            await self._give_up(place)
            raise Clash
        moved = await self._plugin.appointments.move(
            there.id,
            key,
            starts_at=slot.begins,
            ends_at=slot.ends,
            resource=slot.staff.name,
            reference=self._reference(slot, place, written, attempt),
        )
        await self._diary.take(in_state(entry, "booked"), place.staff, force=True)
        if not stays and calendar:
            await self._leave(there, place)
        if old is not None:
            await self._diary.free_place(old)
        await self._plugin.tasks.cancel(SETTLE, place.key)
        await self._diary.release(contact.id)
        return moved

    async def _leave(self, before: Appointment, place: Place | None) -> None:
        """Take out the event in the calendar that the visit has left. The move stands: whoever is away is asked later."""
        event = self.event_of(before)
        data = {"event": event.id, "calendar": event.calendar, "appointment": before.id}
        key = place.key if place is not None else event.id
        await self._plugin.tasks.schedule(LEAVE, key, self._plugin.clock.now() + LEFT_AFTER, data)
        try:
            await self.leave(data)
        except (RetryLater, NeedsAttention, Refused) as err:
            self._plugin.log.warning("event_left_behind", reason=type(err).__name__)
            return
        await self._plugin.tasks.cancel(LEAVE, key)

    async def leave(self, data: Mapping[str, Any]) -> None:
        """Take out an event that a visit has left. Gone already is done; raises what the calendar raises."""
        now = self._plugin.clock.now()
        await self._calendars.cancel(
            Event(
                id=data["event"],
                calendar=data["calendar"],
                starts_at=now,
                ends_at=now,
                title="",
                zone="UTC",
                appointment=data["appointment"],
            )
        )

    async def moved(self, there: Appointment, change_key: str) -> Appointment:
        """What may be left to do of a move that stands in the record."""
        change = next((each for each in there.history if each.key.endswith(change_key)), None)
        before = Place.of(change.before.get("reference", {})) if change is not None else None
        if before is not None and before != Place.of(there.reference):
            await self._diary.free_place(before)
        reference = change.before.get("reference", {}) if change is not None else {}
        if reference.get("calendar") and reference.get("event") != there.reference.get("event"):
            place = Place.of(there.reference)
            left = replace(there, reference=reference)
            await self._leave(left, place or before)
        return await self.booked(there)

    async def _move_event(self, there: Appointment, event: Event, place: Place) -> Event:
        try:
            return await self._calendars.move(event)
        except Changed as err:
            known = ((there.starts_at, there.ends_at), (event.starts_at, event.ends_at))
            found = err.event
            if found is not None and found.state == "confirmed" and (found.starts_at, found.ends_at) in known:
                # Only its words were changed, or it is where it is to go already.
                return await self._calendars.move(replace(event, etag=found.etag))
            await self._give_up(place)
            raise
        except RetryLater as err:
            return await self._look(event, place, err)
        except (NeedsAttention, Refused):
            await self._give_up(place)
            raise

    async def put_event_back(self, there: Appointment) -> Event:
        """Bring the event to where the record says that it is, whatever was done to it."""
        return await self._calendars.move(replace(await self.described(there), etag=""))

    async def described(self, there: Appointment) -> Event:
        """The event as it is to be written: with who comes, and the words that asked for it."""
        contact = await self._plugin.conversations.contact(there.contact)
        event = self.event_of(there)
        if contact is None:
            return event
        return replace(event, title=titled(there.service, contact), description=described(contact, there.words))

    # Cancelling.

    async def cancel(self, there: Appointment, key: str, cause: str) -> Appointment:
        """Out of the calendar, then of the record, then of the day. Raises RetryLater (nothing was done, or it is not known:
        doing it again is harmless)."""
        place = Place.of(there.reference)
        entry = await self._diary.entry(place) if place is not None else None
        if there.reference.get("calendar"):
            if entry is not None and place is not None:
                # The calendar may tell of it before the record is written: then it is known whose doing it is.
                await self._diary.take(in_state(entry, "undoing"), place.staff, force=True)
            try:
                await self._calendars.cancel(self.event_of(there))
            except (RetryLater, NeedsAttention, Refused) as err:
                if not (isinstance(err, RetryLater) and await self._is_gone(there)):
                    if entry is not None and place is not None:
                        await self._diary.take(in_state(entry, "booked"), place.staff, force=True)
                    raise
        cancelled = await self._plugin.appointments.become(there.id, "cancelled", key, cause=cause)
        await self.cancelled(cancelled)
        return cancelled

    async def _is_gone(self, there: Appointment) -> bool:
        """Whether its event was taken out after all."""
        event = self.event_of(there)
        try:
            found = await self._calendars.read(event.calendar, event.id)
        except (RetryLater, NeedsAttention, Refused) as err:
            raise Unsure("the calendar does not answer") from err
        return found is None or found.state == "cancelled"

    async def cancelled(self, there: Appointment) -> None:
        """A cancelled one takes nothing up."""
        place = Place.of(there.reference)
        if place is not None:
            await self._diary.free_place(place)

    # What was not finished.

    async def settle(self, data: Mapping[str, Any]) -> None:
        """Take out what a booking or a move left that never came to its record."""
        place = Place.of(data["place"])
        assert place is not None
        there = await self._plugin.appointments.get(data["appointment"])
        if there is not None and there.reference.get("entry") == place.key:
            await self.booked(there)
            return
        entry = await self._diary.entry(place)
        gone = replace(place, key=undo_key(place.key))
        if entry is not None:
            if entry.data.get("since") != data["since"]:
                return  # taken up again since: a later task looks at it
            undone = replace(in_state(entry, "undoing"), key=gone.key)
            await self._diary.take(undone, place.staff, instead_of=[place.key], force=True)
        elif await self._diary.entry(gone) is None:
            return  # it was never taken, or has been given up in order
        await self._undo_event(data, there)
        await self._diary.free_place(gone)
        await self.tell("unfinished", "unfinished_text", place.key, data["conversation"], data["told"])

    async def _undo_event(self, data: Mapping[str, Any], there: Appointment | None) -> None:
        if not data["calendar"]:
            return
        if there is not None and there.reference.get("event") == data["event"]:
            if there.state == "booked":
                try:
                    await self.put_event_back(there)
                except Changed:
                    self._plugin.log.info("event_changed_meanwhile", appointment=there.id)  # the next look tells of it
            return
        begins = datetime.fromisoformat(data["place"]["taken_from"])
        gone = Event(
            id=data["event"], calendar=data["calendar"], starts_at=begins, ends_at=begins, title="", zone="UTC",
            appointment=data["appointment"],
        )  # fmt: skip
        await self._calendars.cancel(gone)

    async def _settle_later(self, id: str, place: Place, event: Event, conversation: str, since: str) -> None:
        """So that what a crash leaves is not left for good."""
        at = self._plugin.clock.now() + SETTLED_AFTER
        data = {
            "appointment": id,
            "place": place.as_data(),
            "event": event.id,
            "calendar": event.calendar,
            "conversation": conversation,
            "since": since,
            "told": self._told(event.title, event.starts_at, event.resource),
        }
        # Under the conversation's lease: never beside a turn that is taken up again at that moment.
        tasks = self._plugin.tasks
        if not await tasks.schedule(SETTLE, place.key, at, data, conversation=conversation):
            await tasks.schedule(SETTLE, f"{place.key}@{since}", at, data, conversation=conversation)

    async def tell(self, title: str, text: str, case: str, conversation: str, values: Mapping[str, Any]) -> None:
        """Tell operators."""
        language = self._plugin.tenant.language
        told = words.alert(text, language, **values)
        await self._plugin.tell_operators(words.alert(title, language), told, case=case, conversation=conversation)

    async def tell_of(self, title: str, text: str, there: Appointment, case: str, **more: str) -> None:
        """Tell operators something of a visit."""
        values = {**self._told(there.service, there.starts_at, there.resource), **more}
        await self.tell(title, text, f"{there.id}/{case}", there.conversation, values)

    def _told(self, service: str, at: datetime, staff: str) -> dict[str, str]:
        language = self._plugin.tenant.language
        when = words.moment(at, self._rules.zone, language, self._plugin.clock.now())
        return {"service": service, "when": when, "staff": self._staff_name(staff)}

    def _staff_name(self, id: str) -> str:
        return next((each.name for each in self._rules.staff if each.id == id), id)

    # The calendar.

    async def _write(self, event: Event, place: Place) -> Event:
        """Written, or found to be there. Raises RetryLater (it is not there, and the time is free again), Unsure."""
        if not event.calendar:
            return event
        try:
            return await self._calendars.write(event)
        except RetryLater as err:
            return await self._look(event, place, err)
        except (NeedsAttention, Refused):
            await self._give_up(place)
            raise

    async def _look(self, event: Event, place: Place, why: RetryLater) -> Event:
        """Whether it was written after all."""
        try:
            found = await self._calendars.read(event.calendar, event.id)
        except (RetryLater, NeedsAttention) as err:
            raise Unsure("the calendar does not answer") from err
        if found is not None and (found.starts_at, found.ends_at) == (event.starts_at, event.ends_at):
            return found
        await self._give_up(place)
        raise why

    async def _give_up(self, place: Place) -> None:
        await self._diary.free_place(place)
        await self._plugin.tasks.cancel(SETTLE, place.key)

    async def _is_disturbed(self, slot: Slot) -> bool:
        """Whether people were faster."""
        if not slot.staff.calendars:
            return False
        try:
            return await self._diary.is_disturbed(slot)
        except RetryLater:
            return False  # it was free just before; the next look at the calendar tells of what is new

    def _event(self, appointment: str, slot: Slot, id: str, contact: Contact, asked: str) -> Event:
        return Event(
            id=id,
            calendar=slot.staff.calendar if self._rules.settings.backend != "local" else "",
            starts_at=slot.begins,
            ends_at=slot.ends,
            zone=self._plugin.tenant.time_zone,
            title=titled(slot.service.name, contact),
            description=described(contact, asked),
            resource=slot.staff.id,
            appointment=appointment,
        )

    def event_of(self, there: Appointment) -> Event:
        """The event that a visit has, as the record knows it."""
        reference = there.reference
        return Event(
            id=str(reference.get("event", "")),
            calendar=str(reference.get("calendar", "")),
            starts_at=there.starts_at,
            ends_at=there.ends_at,
            zone=there.zone,
            title=there.service,
            resource=str(reference.get("staff", "")),
            appointment=there.id,
            etag=str(reference.get("etag", "")),
        )

    def _reference(self, slot: Slot, place: Place, event: Event, attempt: int) -> dict[str, Any]:
        return {
            "service": slot.service.id,
            "calendar": event.calendar,
            "event": event.id,
            "etag": event.etag,
            "attempt": attempt,
            **place.as_data(),
        }


def titled(service: str, contact: Contact) -> str:
    """What an event is called."""
    return f"{service} – {contact.name}" if contact.name else service


def described(contact: Contact, asked: str) -> str:
    """What stands in an event: who comes, and the words that asked for it."""
    return "\n".join(filter(None, (contact.phone, f"“{asked}”" if asked else "")))


def entry_key(appointment: str, attempt: int) -> str:
    return f"{appointment}:{attempt}"


def undo_key(key: str) -> str:
    return f"{key}:undo"
