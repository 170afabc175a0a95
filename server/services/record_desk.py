"""What people, and programs with a token, do with leads and appointments: each change with its line in the audit."""

from __future__ import annotations

from typing import Any

from ..auth import Audit, Principal
from ..records import Appointment, AppointmentState, Change, Lead
from .appointments import AppointmentDesk
from .leads import LeadDesk, Unknown
from .ownership import operator


class RecordDesk:
    """Of any tenant."""

    def __init__(self, leads: LeadDesk, appointments: AppointmentDesk, audit: Audit) -> None:
        self._leads = leads
        self._appointments = appointments
        self._audit = audit

    async def change_lead(
        self, tenant: str, who: Principal, contact: str, *, key: str, what: str = "changed", **changes: Any
    ) -> Lead:
        """Change what is given of a lead (as LeadDesk.change has it). *what* is `changed` or `moved` (to another
        temperature, by hand). Raises Unknown (no lead), Conflict, ValueError."""
        before = await self._leads.get(tenant, contact)
        if before is None:
            raise Unknown(f"contact {contact} has no lead")
        lead = await self._leads.change(tenant, contact, key=key, by=operator(who.name), what=what, **changes)
        if (change := _made(key, before, lead)) is not None:
            details: dict[str, Any] = {"fields": sorted(change.after)}
            if what == "moved":
                was = change.before.get("temperature", before.temperature)
                details = {"before": was, "after": change.after.get("temperature", lead.temperature)}
            await self._audit.wrote(tenant, who, f"lead.{what}", lead.id, **details)
        return lead

    async def become(
        self,
        tenant: str,
        who: Principal,
        id: str,
        state: AppointmentState,
        *,
        key: str,
        cause: str = "",
        version: int | None = None,
    ) -> Appointment:
        """Came, did not come, cancelled, or booked again. Raises Unknown, Conflict, NotPossible."""
        before = await self._appointments.get(tenant, id)
        if before is None:
            raise Unknown(f"there is no appointment {id} at this tenant")
        became = await self._appointments.become(
            tenant, id, state, key=key, by=operator(who.name), cause=cause[:200], version=version
        )
        if (change := _made(key, before, became)) is not None:
            was = change.before.get("state", before.state)
            await self._audit.wrote(tenant, who, "appointment.changed", id, before=was, after=state)
        return became


def _made(key: str, before: Lead | Appointment, now: Lead | Appointment) -> Change | None:
    """The change that was made under *key*, and not by somebody else at the same moment; None: there was none."""
    if any(each.key == key for each in before.history):
        return None
    return next((each for each in now.history if each.key == key), None)
