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


class Sync(BaseModel):
    """How far a contact is at a system that it is pushed to."""

    plugin: str
    contact: str
    state: Literal["pending", "synced", "failed"]
    error: str = Field(description="Why the last attempt failed, in the other system's words; empty: it did not.")
    attempts: int = Field(description="Since it was last taken.")
    at: datetime = Field(description="When it is pushed next, or, if it is not pending, was looked at last.")
    synced_at: datetime | None = Field(description="When everything was last taken; null: never.")
    link: str = Field(description="To the contact in the other system; empty: not known.")


class Syncs(BaseModel):
    """How far a contact is, by plugin."""

    items: list[Sync]


class SyncsIn(Paged):
    """Which contacts."""

    state: Literal["pending", "synced", "failed"] = "failed"


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


def _synced(found: Any) -> Sync:
    return Sync(**{name: getattr(found, name) for name in Sync.model_fields})


def _none(error: UnknownContact) -> ApiProblem:
    return ApiProblem("not-found", f"{error}; GET contacts lists those there are")


def add(routes: Routes) -> None:
    desk = routes.office.contacts

    @routes.get("/contacts", tags="contacts", role="viewer", query=Paged, gives=Page[Contact], problems=("bad-cursor",))
    async def list_contacts(query_args: Paged) -> Page[Contact]:
        """Contacts, the newest first. A page may be short before the last one."""
        behind = after(query_args.cursor, "created_at")
        found = await desk.newest(call().tenant, limit=query_args.limit + 1, after=behind)
        page, following = page_of(found, query_args.limit, "created_at")
        shown = await desk.there(call().tenant, page)
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

    _add_syncs(routes)

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


def _add_syncs(routes: Routes) -> None:
    contacts, desk = routes.office.contacts, routes.office.syncs

    @routes.get("/contacts/<id>/syncs", tags="contacts", role="viewer", gives=Syncs)
    async def list_contact_syncs(id: str) -> Syncs:
        """How far a contact is at the systems that it is pushed to."""
        try:
            contact = await contacts.get(call().tenant, id)
        except UnknownContact as err:
            raise _none(err) from err
        return Syncs(items=[_synced(each) for each in await desk.of(call().tenant, contact.id)])

    @routes.post("/contacts/<id>/syncs/<plugin>/push", tags="contacts", role="agent", status=202)
    async def push_contact(id: str, plugin: str) -> tuple[NoContent, int]:
        """Push a contact now, with deal and conversation, whatever its state is."""
        try:
            contact = await contacts.get(call().tenant, id)
        except UnknownContact as err:
            raise _none(err) from err
        if not await desk.push(call().tenant, call().principal, plugin, contact.id):
            raise ApiProblem("not-found", f"no plugin {plugin[:80]} of this tenant pushes contacts")
        return NoContent(), 202

    @routes.get("/syncs", tags="contacts", role="viewer", query=SyncsIn, gives=Page[Sync], problems=("bad-cursor",))
    async def list_syncs(query_args: SyncsIn) -> Page[Sync]:
        """Contacts in one state at the systems that they are pushed to, the last first."""
        behind, limit = after(query_args.cursor, "at"), query_args.limit
        found = await desk.in_state(call().tenant, query_args.state, limit=limit + 1, after=behind)
        shown, following = page_of(found, limit, "at")
        return Page[Sync](items=[_synced(each) for each in shown], next=following)
