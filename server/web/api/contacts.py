"""The people outside."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from ...model import Contact as StoredContact
from ...services.contact_desk import UnknownContact
from .paging import Page, Paged, after, page_of
from .problems import ApiProblem
from .routes import NoContent, Routes, call
from .versions import tagged


class Contact(BaseModel):
    """A person outside. Names are chosen by themselves."""

    id: str
    kind: Literal["customer", "staff"]
    name: str
    phone: str = Field(description="E.164, or empty.")
    language: str = Field(description="BCP 47, as last noticed; empty: the tenant's.")
    opted_out: bool = Field(description="Whether they want no more messages.")
    created_at: datetime


class Export(BaseModel):
    """All that is kept of a contact."""

    data: dict[str, Any]
    missing: list[str] = Field(description="Plugins that could not say what they have, and why.")


def _shown(contact: StoredContact) -> Contact:
    return Contact(
        id=contact.id,
        kind=contact.kind,
        name=contact.name,
        phone=contact.phone,
        language=contact.language,
        opted_out=contact.opted_out,
        created_at=contact.created_at,
    )


def _none(error: UnknownContact) -> ApiProblem:
    return ApiProblem("not-found", f"{error}; GET contacts lists those there are")


def add(routes: Routes) -> None:
    desk = routes.office.contacts

    @routes.get("/contacts", tags="contacts", role="viewer", query=Paged, gives=Page[Contact], problems=("bad-cursor",))
    async def list_contacts(query_args: Paged) -> Page[Contact]:
        """Contacts, the newest first."""
        behind = after(query_args.cursor, "created_at")
        found = await desk.newest(call().tenant, limit=query_args.limit + 1, after=behind)
        shown, following = page_of(found, query_args.limit, "created_at")
        return Page[Contact](items=[_shown(each) for each in shown], next=following)

    @routes.get("/contacts/<id>", tags="contacts", role="viewer", gives=Contact)
    async def get_contact(id: str) -> Any:
        """One contact. Its `ETag` changes when it does."""
        try:
            found = await desk.get(call().tenant, id)
        except UnknownContact as err:
            raise _none(err) from err
        return tagged(_shown(found), found.version)

    @routes.get("/contacts/<id>/export", tags="contacts", role="manager", gives=Export)
    async def export_contact(id: str) -> Export:
        """All that is kept of a contact, under all their names."""
        try:
            told = dict(await desk.export(call().tenant, call().principal, id))
        except UnknownContact as err:
            raise _none(err) from err
        missing = told.pop("troubles")
        return Export(data=told, missing=missing)

    @routes.add("DELETE", "/contacts/<id>", tags="contacts", role="owner", status=202)
    async def erase_contact(id: str) -> tuple[NoContent, int]:
        """Erase a contact for good: messages, turns, memory, files, at the provider and at plugins.

        It is done by a task that ends whatever happens; the event `contact.erased` tells when.
        """
        try:
            await desk.erase(call().tenant, call().principal, id)
        except UnknownContact as err:
            raise _none(err) from err
        return NoContent(), 202
