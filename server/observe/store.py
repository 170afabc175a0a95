"""Measures a store from outside: how long each call takes, and what the documents that were written came to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ..clock import Clock
from ..model import Due, DueKind, Message
from ..store import Collection, DueList, Insert, Repository, Store, StoreError, Update, Where, Write
from ..store.bulk import Bulk
from ..store.collections import MESSAGES
from .metrics import SENT_STATES, Metrics

D = TypeVar("D")
T = TypeVar("T")

_STATES = frozenset(SENT_STATES)


class Stopwatch:
    """Times the calls of one kind and counts those that fail."""

    __slots__ = ("_call", "_clock", "_metrics", "_observe")

    def __init__(self, call: str, metrics: Metrics, clock: Clock) -> None:
        self._call = call
        self._clock = clock
        self._metrics = metrics
        self._observe = metrics.store_seconds.of(call)

    async def time(self, answer: Awaitable[T]) -> T:
        began = self._clock.monotonic()
        try:
            return await answer
        except StoreError as err:
            self._metrics.store_errors.add("", self._call, type(err).__name__)
            raise
        finally:
            self._observe(self._clock.monotonic() - began)


class MeasuredStore:
    """*store*, measured (see Store)."""

    def __init__(self, store: Store, metrics: Metrics, clock: Clock) -> None:
        self._store = store
        self._metrics = metrics
        self._watches = {
            call: Stopwatch(call, metrics, clock)
            for call in ("get", "find", "insert", "update", "delete", "count", "search", "write")
        }
        self.shared: Repository = MeasuredRepository(store.shared, "", self._watches, metrics)
        self.due: DueList = MeasuredDue(store.due, lambda call: Stopwatch(f"due_{call}", metrics, clock))
        self.bulk: Bulk = store.bulk

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()

    def for_tenant(self, tenant: str) -> Repository:
        return MeasuredRepository(self._store.for_tenant(tenant), tenant, self._watches, self._metrics)

    def now(self) -> datetime:
        return self._store.now()

    async def sync_time(self) -> None:
        await self._store.sync_time()

    async def check(self, timeout: timedelta) -> None:
        await self._store.check(timeout)


class MeasuredRepository:
    """*repository*, measured (see Repository)."""

    __slots__ = ("_metrics", "_repository", "_tenant", "_watches")

    def __init__(self, repository: Repository, tenant: str, watches: dict[str, Stopwatch], metrics: Metrics) -> None:
        self._repository = repository
        self._tenant = tenant
        self._watches = watches
        self._metrics = metrics

    async def insert(self, collection: Collection[D], document: D) -> bool:
        took = await self._watches["insert"].time(self._repository.insert(collection, document))
        if took and collection is MESSAGES:
            self._note_new(document)
        return took

    async def get(self, collection: Collection[D], id: str) -> D | None:
        asked = self._repository.get(collection, id)
        return await self._watches["get"].time(asked)

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
        found = self._repository.find(
            collection, where, order_by=order_by, descending=descending, limit=limit, after=after
        )
        return await self._watches["find"].time(found)

    async def update(self, collection: Collection[D], document: D, /, **changes: Any) -> D | None:
        asked = self._repository.update(collection, document, **changes)
        changed = await self._watches["update"].time(asked)
        if changed is not None and collection is MESSAGES:
            self._note_change(document, changes)
        return changed

    async def delete(self, collection: Collection[D], document: D) -> bool:
        return await self._watches["delete"].time(self._repository.delete(collection, document))

    async def count(self, collection: Collection[D], where: Where) -> int:
        return await self._watches["count"].time(self._repository.count(collection, where))

    async def search(
        self, collection: Collection[D], words: Sequence[str], *, limit: int = 100, after: D | None = None
    ) -> list[D]:
        asked = self._repository.search(collection, words, limit=limit, after=after)
        return await self._watches["search"].time(asked)

    async def write(self, *writes: Write) -> int:
        took = await self._watches["write"].time(self._repository.write(*writes))
        for write in writes[:took]:
            match write:
                case Insert(collection, document) if collection is MESSAGES:
                    self._note_new(document)
                case Update(collection, document, changes) if collection is MESSAGES:
                    self._note_change(document, changes)
        return took

    def _note_new(self, document: Any) -> None:
        message: Message = document
        if message.direction == "inbound":
            self._metrics.inbound.add(self._tenant, message.kind)
        elif message.state in _STATES:
            self._metrics.outbound.add(self._tenant, message.state)

    def _note_change(self, document: Any, changes: Any) -> None:
        message: Message = document
        state = changes.get("state")
        if state in _STATES and message.direction == "outbound" and state != message.state:
            self._metrics.outbound.add(self._tenant, state)
        if changes.get("accepted_at") is not None and message.accepted_at is None:
            self._metrics.outbox_wait((changes["accepted_at"] - message.at).total_seconds())


class MeasuredDue:
    """*due*, measured (see DueList)."""

    def __init__(self, due: DueList, watch: Callable[[str], Stopwatch]) -> None:
        self._due = due
        self._put, self._get, self._claim = watch("put"), watch("get"), watch("claim")
        self._claim_ripe, self._claim_next = watch("claim_ripe"), watch("claim_next")
        self._next_at, self._delete = watch("next_at"), watch("delete")

    async def put(self, kind: DueKind, tenant: str, ref: str, due_at: datetime) -> Due:
        return await self._put.time(self._due.put(kind, tenant, ref, due_at))

    async def get(self, kind: DueKind, tenant: str, ref: str) -> Due | None:
        return await self._get.time(self._due.get(kind, tenant, ref))

    async def claim(self, due: Due, until: datetime) -> Due | None:
        return await self._claim.time(self._due.claim(due, until))

    async def claim_ripe(self, kind: DueKind, tenant: str, ref: str, now: datetime, until: datetime) -> Due | None:
        return await self._claim_ripe.time(self._due.claim_ripe(kind, tenant, ref, now, until))

    async def claim_next(self, kinds: Sequence[DueKind], now: datetime, until: datetime, limit: int) -> list[Due]:
        return await self._claim_next.time(self._due.claim_next(kinds, now, until, limit))

    async def next_at(self, *kinds: DueKind) -> datetime | None:
        return await self._next_at.time(self._due.next_at(*kinds))

    async def delete(self, due: Due) -> bool:
        return await self._delete.time(self._due.delete(due))

    async def count(self) -> int:
        return await self._due.count()
