"""Lists in pages, by cursors: opaque to whoever uses them, and read with distrust when they come back."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from .problems import ApiProblem

T = TypeVar("T")
MOST = 100
LONGEST = 500
"""Characters of a cursor."""


class Paged(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid")

    cursor: str = Field(default="", max_length=LONGEST, description="`next` of the page before; empty: the first page.")
    limit: int = Field(default=50, ge=1, le=MOST, description="How many at most.")


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next: str = Field(description="The cursor of the next page; empty: this is the last one.")


def page_of(documents: Sequence[Any], limit: int, by: str) -> tuple[Sequence[Any], str]:
    """The page, and the cursor of the next one. *documents*: one more than *limit* was asked for; *by*: their order."""
    if len(documents) <= limit:
        return documents, ""
    shown = documents[:limit]
    return shown, cursor_of(shown[-1], by)


def cursor_of(last: Any, by: str = "") -> str:
    """The place behind a document."""
    at = getattr(last, by) if by else None
    place = [last.id, at.isoformat() if isinstance(at, datetime) else None]
    return base64.urlsafe_b64encode(json.dumps(place, ensure_ascii=False).encode()).decode().rstrip("=")


def after(cursor: str, by: str = "") -> Any:
    """What a store continues behind; None: at the beginning. Raises ApiProblem for a cursor that no page gave."""
    if not cursor:
        return None
    try:
        written = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = json.loads(written)
        if not isinstance(place, list) or len(place) != 2 or not isinstance(place[0], str):
            raise ValueError
        at = None if place[1] is None else datetime.fromisoformat(place[1])
        if at is not None and at.tzinfo is None:
            raise ValueError
        if bool(by) != (at is not None):
            raise ValueError
        place[0].encode()
    except (ValueError, TypeError, binascii.Error, OverflowError, RecursionError):
        raise bad_cursor() from None
    return SimpleNamespace(id=place[0], **({by: at} if by else {}))


def bad_cursor() -> ApiProblem:
    return ApiProblem("bad-cursor", "write the cursor as `next` of the page before gave it, or leave it out")
