"""Leads and appointments."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ... import records
from ...services.appointments import NotPossible
from ...services.recording import Conflict, Unknown
from .paging import Page, Paged, after, page_of
from .problems import ApiProblem
from .routes import IfMatch, Routes, call
from .versions import changed, tagged, wanted


class Lead(BaseModel):
    """What is known of a contact's interest."""

    contact: str
    temperature: Literal["cold", "warm", "hot"]
    score: int
    stage: str
    owner: str = Field(description="The operator who looks after it; empty: nobody.")
    fields: dict[str, str]
    quote: str = Field(description="The contact's words that say most.")
    changed_at: datetime


class Leads(Paged):
    """Which leads."""

    temperature: Literal["", "cold", "warm", "hot"] = ""


class LeadChanges(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    temperature: Literal["cold", "warm", "hot"] | None = Field(
        default=None, description="It then stays so, whatever plugins find, until `pinned` is false."
    )
    pinned: bool | None = None
    stage: str | None = Field(default=None, max_length=100)
    owner: str | None = Field(default=None, max_length=100)
    fields: dict[str, str] | None = Field(default=None, description="Are added; an empty value takes one away.")
    cause: str = Field(default="", max_length=200, description="Why, in words for people.")


class Appointments(Paged):
    """Which appointments."""

    begin: AwareDatetime | None = Field(default=None, description="Those that start from then on.")
    end: AwareDatetime | None = Field(default=None, description="Those that start before.")


class Became(BaseModel):
    """What has become of an appointment."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["booked", "cancelled", "showed", "no_show"]
    cause: str = Field(default="", max_length=200, description="Why, in words for people.")


class Appointment(BaseModel):
    """A visit that was booked."""

    id: str
    contact: str
    conversation: str
    service: str
    resource: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    state: Literal["booked", "cancelled", "showed", "no_show"]
    moves: int
    changed_at: datetime


def _lead(found: records.Lead) -> Lead:
    return Lead(
        contact=found.contact,
        temperature=found.temperature,
        score=found.score,
        stage=found.stage,
        owner=found.owner,
        fields=dict(found.fields),
        quote=found.best_quote,
        changed_at=found.changed_at,
    )


def _appointment(found: records.Appointment) -> Appointment:
    names = Appointment.model_fields
    return Appointment(**{name: getattr(found, name) for name in names})


def add(routes: Routes) -> None:
    _add_leads(routes)
    _add_appointments(routes)


def _add_leads(routes: Routes) -> None:
    leads, desk = routes.office.leads, routes.office.records

    async def lead_of(id: str) -> records.Lead:
        if (found := await leads.get(call().tenant, id)) is None:
            raise ApiProblem("not-found", f"contact {id[:80]} has no lead; GET leads lists those there are")
        return found

    @routes.get("/leads", tags="leads", role="viewer", query=Leads, gives=Page[Lead], problems=("bad-cursor",))
    async def list_leads(query_args: Leads) -> Page[Lead]:
        """Leads, those that changed last first."""
        behind, limit = after(query_args.cursor, "changed_at"), query_args.limit
        found = await leads.list(call().tenant, query_args.temperature or None, limit=limit + 1, after=behind)
        shown, following = page_of(found, limit, "changed_at")
        return Page[Lead](items=[_lead(each) for each in shown], next=following)

    @routes.get("/leads/<id>", tags="leads", role="viewer", gives=Lead)
    async def get_lead(id: str) -> Any:
        """The lead of a contact."""
        found = await lead_of(id)
        return tagged(_lead(found), found.version)

    @routes.patch(
        "/leads/<id>",
        tags="leads",
        role="agent",
        takes=LeadChanges,
        gives=Lead,
        headers=IfMatch,
        problems=("changed",),
    )
    async def change_lead(id: str, data: LeadChanges) -> Any:
        """Change a lead. With `If-Match` only if it is still as it was read."""
        await lead_of(id)
        changes = data.model_dump(exclude_none=True)
        if data.temperature is not None:
            changes.setdefault("pinned", True)
        try:
            lead = await desk.change_lead(
                call().tenant, call().principal, id, key=uuid.uuid4().hex, version=wanted(), **changes
            )
        except Conflict as err:
            raise changed() from err
        except Unknown as err:
            raise ApiProblem("not-found", f"{err}; GET leads lists those there are") from err
        return tagged(_lead(lead), lead.version)


def _add_appointments(routes: Routes) -> None:
    appointments, desk = routes.office.appointments, routes.office.records

    async def visit(id: str) -> records.Appointment:
        if (found := await appointments.get(call().tenant, id)) is None:
            raise ApiProblem("not-found", f"there is no appointment {id[:80]}; GET appointments lists those there are")
        return found

    @routes.get(
        "/appointments",
        tags="appointments",
        role="viewer",
        query=Appointments,
        gives=Page[Appointment],
        problems=("bad-cursor",),
    )
    async def list_appointments(query_args: Appointments) -> Page[Appointment]:
        """Appointments by when they start, the earliest first."""
        behind, limit = after(query_args.cursor, "starts_at"), query_args.limit
        begin, end = query_args.begin, query_args.end
        found = await appointments.between(call().tenant, begin, end, limit=limit + 1, after=behind)
        shown, following = page_of(found, limit, "starts_at")
        return Page[Appointment](items=[_appointment(each) for each in shown], next=following)

    @routes.get("/appointments/<id>", tags="appointments", role="viewer", gives=Appointment)
    async def get_appointment(id: str) -> Any:
        """One appointment."""
        found = await visit(id)
        return tagged(_appointment(found), found.version)

    @routes.post(
        "/appointments/<id>/state",
        tags="appointments",
        role="agent",
        takes=Became,
        gives=Appointment,
        headers=IfMatch,
        problems=("changed", "conflict"),
    )
    async def set_appointment_state(id: str, data: Became) -> Any:
        """Say that the contact came or did not, or cancel it. Times are moved by the plugin that booked it.

        With `If-Match` only if it is still as it was read.
        """
        tenant, who = call().tenant, call().principal
        await visit(id)
        try:
            became = await desk.become(
                tenant, who, id, data.state, key=uuid.uuid4().hex, cause=data.cause, version=wanted()
            )
        except Conflict as err:
            raise changed() from err
        except NotPossible as err:
            raise ApiProblem("conflict", str(err)) from err
        except Unknown as err:
            raise ApiProblem("not-found", f"{err}; GET appointments lists those there are") from err
        return tagged(_appointment(became), became.version)
