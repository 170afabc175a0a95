"""Appointments: visits that were booked, moved, cancelled; who came, and who did not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..clock import milliseconds
from ..people import followed
from ..queue import Queue
from ..records import Appointment as Appointment
from ..records import AppointmentState as AppointmentState
from ..records import Change as Change
from ..records import Reminder
from ..runtime import Runtimes
from ..store import Between, Store
from ..store.collections import APPOINTMENTS
from .recording import Conflict as Conflict
from .recording import Recorder
from .recording import Unknown as Unknown

FOLLOWS: Mapping[AppointmentState, tuple[AppointmentState, ...]] = {
    "booked": ("cancelled", "showed", "no_show"),
    "showed": ("no_show", "booked"),
    "no_show": ("showed", "booked"),
    "cancelled": ("booked",),
}
"""What a state may become; a person who erred can go back."""


class NotPossible(Exception):
    """The appointment cannot become that; says why."""


class AppointmentDesk:
    """Appointments of any tenant."""

    def __init__(self, store: Store, queue: Queue, runtimes: Callable[[], Runtimes]) -> None:
        self._store = store
        self._recorder = Recorder(store, queue, runtimes, APPOINTMENTS)

    async def get(self, tenant: str, id: str) -> Appointment | None:
        """By id."""
        return await self._store.for_tenant(tenant).get(APPOINTMENTS, id)

    async def of(self, tenant: str, contact: str, *, limit: int = 100) -> list[Appointment]:
        """A contact's, the latest first, with those of the contacts that turned out to be the same."""
        repository = self._store.for_tenant(tenant)
        conversation = await followed(repository, contact)
        parts = conversation.parts if conversation is not None else (contact,)
        found = [
            each
            for part in parts
            for each in await repository.find(
                APPOINTMENTS, {"contact": part}, order_by="starts_at", descending=True, limit=limit
            )
        ]
        return sorted(found, key=lambda each: each.starts_at, reverse=True)[:limit]

    async def between(
        self,
        tenant: str,
        begin: datetime | None,
        end: datetime | None,
        *,
        state: AppointmentState | None = None,
        latest_first: bool = False,
        limit: int = 500,
        after: Appointment | None = None,
    ) -> list[Appointment]:
        """Those that start from *begin* on and before *end*, in this order; of one state, or all."""
        where: dict[str, Any] = {"starts_at": Between(begin, end)} | ({"state": state} if state else {})
        return await self._store.for_tenant(tenant).find(
            APPOINTMENTS, where, order_by="starts_at", descending=latest_first, limit=limit, after=after
        )

    async def book(
        self,
        tenant: str,
        contact: str,
        *,
        key: str,
        by: str,
        starts_at: datetime,
        ends_at: datetime,
        zone: str,
        service: str = "",
        resource: str = "",
        words: str = "",
        message: str = "",
        plugin: str = "",
        cause: str = "",
        reference: Mapping[str, Any] | None = None,
    ) -> Appointment:
        """A new appointment; the same *key* is the same one. Whether the time is free is the plugin's to know.

        Raises Unknown (no such contact), ValueError for times that are naive, or end before they start, or no zone.
        """
        starts_at, ends_at = milliseconds(starts_at), milliseconds(ends_at)
        _check(starts_at, ends_at)
        ZoneInfo(zone)
        conversation = await followed(self._store.for_tenant(tenant), contact)
        if conversation is None:
            raise Unknown(f"there is no contact {contact} at this tenant")
        now = self._store.now()
        after = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat(), "service": service}
        first = Change(key=key, at=now, by=by, cause=cause, what="booked", after=after)
        made = Appointment(
            id=id_of(plugin, key),
            contact=conversation.contact,
            conversation=conversation.id,
            service=service,
            resource=resource,
            starts_at=starts_at,
            ends_at=ends_at,
            zone=zone,
            words=words,
            message=message,
            plugin=plugin,
            reference=dict(reference or {}),
            history=(first,),
            created_at=now,
            changed_at=now,
        )
        return await self._recorder.insert(tenant, made)

    async def move(
        self,
        tenant: str,
        id: str,
        *,
        key: str,
        by: str,
        starts_at: datetime,
        ends_at: datetime,
        cause: str = "",
        resource: str | None = None,
        reference: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> Appointment:
        """To another time: reminders of the earlier one that have not gone are void. Raises Unknown, Conflict, NotPossible
        (it is not booked any more), ValueError."""
        starts_at, ends_at = milliseconds(starts_at), milliseconds(ends_at)
        _check(starts_at, ends_at)

        def decide(there: Appointment) -> Mapping[str, Any]:
            if there.state != "booked":
                raise NotPossible(f"it is {there.state.replace('_', '-')}; only a booked one can be moved")
            if (there.starts_at, there.ends_at) == (starts_at, ends_at):
                return {}
            changes: dict[str, Any] = {"starts_at": starts_at, "ends_at": ends_at, "moves": there.moves + 1}
            changes |= {"confirmed_at": None, "reminders": _void(there)}
            if resource is not None:
                changes["resource"] = resource
            if reference is not None:
                changes["reference"] = dict(reference)
            return changes

        moved: Appointment = await self._recorder.change(tenant, id, key, by, "moved", cause, decide, version)
        return moved

    async def become(
        self,
        tenant: str,
        id: str,
        state: AppointmentState,
        *,
        key: str,
        by: str,
        cause: str = "",
        reference: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> Appointment:
        """Cancelled, showed, no_show, or booked again. Raises Unknown, Conflict, NotPossible."""

        def decide(there: Appointment) -> Mapping[str, Any]:
            if there.state == state:
                return {}
            if state not in FOLLOWS[there.state]:
                raise NotPossible(f"it is {there.state.replace('_', '-')} and cannot become {state.replace('_', '-')}")
            changes: dict[str, Any] = {"state": state}
            if state == "cancelled":
                changes["reminders"] = _void(there)
            if reference is not None:
                changes["reference"] = dict(reference)
            return changes

        became: Appointment = await self._recorder.change(tenant, id, key, by, state, cause, decide, version)
        return became

    async def note(
        self,
        tenant: str,
        id: str,
        *,
        key: str,
        by: str,
        reminder: Reminder | None = None,
        confirmed_at: datetime | None = None,
        reference: Mapping[str, Any] | None = None,
        cause: str = "",
    ) -> Appointment:
        """How far a reminder is, that the contact will come, what the vendor calls it now. Raises Unknown."""

        def decide(there: Appointment) -> Mapping[str, Any]:
            changes: dict[str, Any] = {}
            if reminder is not None:
                others = [each for each in there.reminders if (each.rule, each.at) != (reminder.rule, reminder.at)]
                changes["reminders"] = tuple(sorted([*others, reminder], key=lambda each: each.at))
            if confirmed_at is not None:
                changes["confirmed_at"] = milliseconds(confirmed_at)
            if reference is not None:
                changes["reference"] = dict(reference)
            return changes

        what = "reminded" if reminder is not None else "confirmed" if confirmed_at is not None else "noted"
        noted: Appointment = await self._recorder.change(tenant, id, key, by, what, cause, decide, None)
        return noted


def id_of(plugin: str, key: str) -> str:
    """The id of the appointment that *plugin* books with *key*."""
    return hashlib.sha256(f"{plugin}\0{key}".encode()).hexdigest()[:24]


def _check(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise ValueError(f"an appointment ends after it starts; found {starts_at.isoformat()} to {ends_at.isoformat()}")


def _void(there: Appointment) -> tuple[Reminder, ...]:
    return tuple(replace(each, state="cancelled") if each.state == "planned" else each for each in there.reminders)
