"""Leads and appointments."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from ... import records
from .paging import Page, Paged, after, page_of
from .problems import ApiProblem
from .routes import Routes, call
from .versions import tagged


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
    leads, appointments = routes.office.leads, routes.office.appointments

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
        found = await leads.get(call().tenant, id)
        if found is None:
            raise ApiProblem("not-found", f"contact {id[:80]} has no lead; GET leads lists those there are")
        return tagged(_lead(found), found.version)

    @routes.get(
        "/appointments",
        tags="appointments",
        role="viewer",
        query=Paged,
        gives=Page[Appointment],
        problems=("bad-cursor",),
    )
    async def list_appointments(query_args: Paged) -> Page[Appointment]:
        """Appointments by when they start, the earliest first."""
        behind, limit = after(query_args.cursor, "starts_at"), query_args.limit
        found = await appointments.between(call().tenant, None, None, limit=limit + 1, after=behind)
        shown, following = page_of(found, limit, "starts_at")
        return Page[Appointment](items=[_appointment(each) for each in shown], next=following)

    @routes.get("/appointments/<id>", tags="appointments", role="viewer", gives=Appointment)
    async def get_appointment(id: str) -> Any:
        """One appointment."""
        found = await appointments.get(call().tenant, id)
        if found is None:
            raise ApiProblem("not-found", f"there is no appointment {id[:80]}; GET appointments lists those there are")
        return tagged(_appointment(found), found.version)
