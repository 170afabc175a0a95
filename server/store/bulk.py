"""Documents as they lie in a store, whatever release wrote them: for moving, migrating and purging, and nothing else.

It passes the tenants' door by and reads no model, so that what this release does not know, or cannot read, goes along.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .collections import Collection

PAGE = 200
"""Documents read or written at a time: a turn's can have 100 kB."""

Place = tuple[str, str]
"""Tenant and id."""


@dataclass(frozen=True)
class Stored:
    """One document, not read."""

    tenant: str
    """Empty in a server-wide collection."""
    id: str
    version: int
    schema: int
    fields: Mapping[str, Any]
    """All the others, as in JSON: a time is text, in ISO 8601 and UTC."""

    @property
    def place(self) -> Place:
        return self.tenant, self.id

    def digest(self) -> int:
        """128 bits of a hash of all that it holds, the same in every store. A set's checksum is their sum."""
        parts = [self.tenant, self.id, self.version, self.schema, self.fields]
        text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])


class Bulk(Protocol):
    """A store's documents of all tenants (`store.bulk`)."""

    async def tenants(self) -> list[str]:
        """Every tenant that has a document in any collection, whether the tenants file knows it or not; sorted."""
        ...

    async def unknown(self) -> list[str]:
        """Collections that are there and that this release does not know."""
        ...

    async def page(
        self, collection: Collection[Any], *, tenant: str = "", after: Place | None = None, limit: int = PAGE
    ) -> list[Stored]:
        """Documents in the order of the store's own key, behind *after*; of *tenant* alone if it is given.

        Raises QueryError for the tenant of a server-wide collection.
        """
        ...

    async def add(self, collection: Collection[Any], documents: Sequence[Stored]) -> None:
        """Write those whose id is free, with their version and schema; the others are left alone.

        Raises ValueError for a document that this store cannot keep; some of the others may be written then.
        """
        ...

    async def replace(self, collection: Collection[Any], document: Stored, changes: Mapping[str, Any]) -> bool:
        """Set the fields *changes* and the collection's schema, by compare-and-set on the version, which is raised."""
        ...

    async def remove(self, collection: Collection[Any], documents: Sequence[Stored]) -> None:
        """Delete them, whatever their version is by now."""
        ...


def iso(moment: datetime) -> str:
    """*moment* as the documents' JSON has it (pydantic's form)."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
