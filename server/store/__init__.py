"""State: one interface, two back ends (sqlite.py, mongo.py). docs/explanation/store.md says why.

Rules that hold for both:

* Tenant data is reached through `Store.for_tenant(id)` and no other way; server-wide data through `Store.shared`.
* A document has `id` and `version`. `insert` writes version 1; every change raises it by one.
* A change is a compare-and-set on the version that was read; a conflict is an answer (None), not an exception.
* A change names whole top-level fields. Fields this release does not know stay as they are.
* Times are aware UTC in whole milliseconds.
* A query names a declared index by what it asks; anything else raises `QueryError` (a bug, found by the tests).
* `StoreUnavailable` means nothing is known to be written: wait and try again. `StoreFull` means the disk is full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from ..model import Due, DueKind
from .bulk import Bulk
from .collections import Collection

D = TypeVar("D")

__all__ = [
    "Between",
    "Collection",
    "Delete",
    "DueList",
    "In",
    "Insert",
    "PutDue",
    "QueryError",
    "Repository",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreUnavailable",
    "Update",
    "Write",
]


class StoreError(Exception):
    """Something is wrong with the store; the subclass says what can be done."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, or did not answer in time. Nothing is known to be written; try again."""


class StoreFull(StoreError):
    """The disk is full. Nothing was written."""


class QueryError(StoreError):
    """The query is not one the interface offers: unknown field, undeclared index, unknown operator."""


@dataclass(frozen=True)
class In:
    """`field in values`; at most 100 values."""

    values: Sequence[Any]


@dataclass(frozen=True)
class Between:
    """`low <= field < high`; either may be None."""

    low: Any = None
    high: Any = None


Where = Mapping[str, Any]
"""Field → value (equality), `In` or `Between`."""


@dataclass(frozen=True)
class Insert(Generic[D]):
    """Takes unless the id (or a unique key) is there already."""

    collection: Collection[D]
    document: D


@dataclass(frozen=True)
class Update(Generic[D]):
    """Takes if the stored version is `document.version`; sets `changes` and raises the version."""

    collection: Collection[D]
    document: D
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Delete(Generic[D]):
    """Takes if the stored version is `document.version`."""

    collection: Collection[D]
    document: D


@dataclass(frozen=True)
class PutDue:
    """Writes the row of (kind, tenant, ref) whether it is there or not, and raises its version. Always takes."""

    kind: DueKind
    tenant: str
    ref: str
    due_at: datetime


Write = Insert[Any] | Update[Any] | Delete[Any] | PutDue


class Repository(Protocol):
    """The documents of one tenant, or (Store.shared) the server-wide ones."""

    async def insert(self, collection: Collection[D], document: D) -> bool:
        """Write a new document; False if its id or a unique key is taken (nothing is changed then)."""
        ...

    async def get(self, collection: Collection[D], id: str) -> D | None: ...

    async def find(
        self,
        collection: Collection[D],
        where: Where,
        *,
        order_by: str = "",
        descending: bool = False,
        limit: int = 100,
        after: D | None = None,
    ) -> list[D]:
        """Documents matching *where*, sorted by `order_by` and then id; `after` continues behind a document.

        `order_by` (empty: by id) must follow the equalities of *where* in one declared index. Limit is at most 1,000.
        """
        ...

    async def update(self, collection: Collection[D], document: D, /, **changes: Any) -> D | None:
        """Compare-and-set: the new document, or None if the stored version is not `document.version` any more."""
        ...

    async def delete(self, collection: Collection[D], document: D) -> bool:
        """Delete if the stored version is `document.version`; False if it moved on or is gone."""
        ...

    async def count(self, collection: Collection[D], where: Where) -> int:
        """How many match; served by an index, or `QueryError`."""
        ...

    async def search(
        self, collection: Collection[D], words: Sequence[str], *, limit: int = 100, after: D | None = None
    ) -> list[D]:
        """Documents that have every one of *words* (words.words_of), at most 10, the newest first; `after` continues.

        SQLite: those that were stored last come first. QueryError if the collection declares no words.
        """
        ...

    async def write(self, *writes: Write) -> int:
        """Do the writes in this order, stopping at the first that does not take; how many took.

        SQLite: one transaction (what took is committed together). DocumentDB: one after the other, so a crash can leave
        a prefix: order them so that every prefix is repaired by what comes again.
        """
        ...


class DueList(Protocol):
    """The server-wide list of live work: the only collection with a claim."""

    async def put(self, kind: DueKind, tenant: str, ref: str, due_at: datetime) -> Due:
        """Write the row, there or not; its version is raised either way."""
        ...

    async def get(self, kind: DueKind, tenant: str, ref: str) -> Due | None: ...

    async def claim(self, due: Due, until: datetime) -> Due | None:
        """Move this row ahead to *until* if nobody touched it since it was read; None if somebody did."""
        ...

    async def claim_ripe(self, kind: DueKind, tenant: str, ref: str, now: datetime, until: datetime) -> Due | None:
        """Claim this row if `due_at <= now`; None if it is not there, or not ripe. One call, for whoever was woken."""
        ...

    async def claim_next(self, kinds: Sequence[DueKind], now: datetime, until: datetime, limit: int) -> list[Due]:
        """Claim up to *limit* rows with `due_at <= now`, oldest first."""
        ...

    async def next_at(self, *kinds: DueKind) -> datetime | None:
        """When the earliest row of *kinds* (none: of any) is due."""
        ...

    async def delete(self, due: Due) -> bool:
        """Delete the row if its version is still the one that was read."""
        ...

    async def count(self) -> int: ...


class Store(Protocol):
    """All state of a server."""

    due: DueList
    shared: Repository
    bulk: Bulk
    """Documents of all tenants as they lie there: to move, migrate or purge a store. Nothing that serves uses it."""

    async def open(self) -> None:
        """Connect, make what is missing (tables, indexes).

        Raises StoreUnavailable, or StoreError with what to do when the configuration can never work.
        """
        ...

    async def close(self) -> None: ...

    def for_tenant(self, tenant: str) -> Repository:
        """The only door to a tenant's documents. Raises ValueError for an empty tenant."""
        ...

    def now(self) -> datetime:
        """The store's time, by which leases and `due` are measured."""
        ...

    async def sync_time(self) -> None:
        """Measure again how far the machine's clock is from the store's; called every minute."""
        ...

    async def check(self, timeout: timedelta) -> None:
        """Raise StoreUnavailable unless a write and a read could succeed now."""
        ...
