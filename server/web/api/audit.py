"""Who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from .paging import Page, Paged, after, page_of
from .routes import Routes, call


class Entry(BaseModel):
    """A change through a screen or the API."""

    id: str
    at: datetime
    who: str = Field(description="The operator's name, or `token:NAME`.")
    what: str = Field(description="`conversation.taken`, `setting.changed`, …")
    about: str = Field(description="The id of what was changed; empty: none.")
    details: dict[str, Any]


class Entries(Paged):
    """Which entries."""

    who: str = Field(default="", max_length=200, description="Only what this one changed.")
    what: str = Field(default="", max_length=100, description="Only changes of this kind; not together with `who`.")


def add(routes: Routes) -> None:
    audit = routes.office.audit

    @routes.get("/audit", tags="audit", role="owner", query=Entries, gives=Page[Entry], problems=("bad-cursor",))
    async def list_audit(query_args: Entries) -> Page[Entry]:
        """The audit log, the newest first."""
        behind = after(query_args.cursor, "at")
        found = await audit.entries(
            call().tenant, who=query_args.who, what=query_args.what, limit=query_args.limit + 1, after=behind
        )
        shown, following = page_of(found, query_args.limit, "at")
        items = [Entry(id=e.id, at=e.at, who=e.who, what=e.what, about=e.about, details=e.details) for e in shown]
        return Page[Entry](items=items, next=following)
