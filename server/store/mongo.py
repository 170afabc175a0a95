"""DocumentDB (or MongoDB): only the modules mongo* know motor and pymongo. docs/explanation/store.md says why.

Reads come from the primary; a write is acknowledged by a majority and journalled. DocumentDB has no retryable writes
(docs: "retryWrites=false"), so a write whose answer was lost is repeated here, and the token `write_id` tells whether
what is stored now is what we wrote.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import bson.errors
import structlog
from pymongo import ReturnDocument, errors
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from frontdesk.clock import Clock, milliseconds
from frontdesk.crashpoints import reached
from frontdesk.model import Due, DueKind

from . import (
    Collection,
    DueList,
    Insert,
    PutDue,
    QueryError,
    Repository,
    StoreUnavailable,
    Update,
    Where,
    Write,
)
from .bulk import Bulk
from .codec import changed_copy, check_tenant, due_id, due_row, first_version
from .collections import COLLECTIONS, DUE
from .mongo_bulk import MongoBulk
from .mongo_connection import DUPLICATE_CODE, connect, translated
from .mongo_documents import Layout
from .queries import check_changes, check_limit

log = structlog.get_logger(__name__)

D = TypeVar("D")
T = TypeVar("T")

RETRY_FOR = timedelta(seconds=10)
"""How long a write is repeated while the cluster has no primary."""
LONGEST_ROUND_TRIP = 1.0
"""Seconds; the server's time may be wrong by half of it."""
TIME_TRIES = 3

Work = Callable[[bool], Awaitable[T]]
"""One idempotent piece of work; the flag says that an earlier attempt may have taken already."""


class MongoStore:
    """All state in one database. `client` takes the place of the one made from *url* (tests)."""

    def __init__(
        self,
        url: str,
        database: str,
        clock: Clock,
        *,
        client: Any = None,
        collections: Sequence[Collection[Any]] = COLLECTIONS,
    ) -> None:
        self._url = url
        self._name = database
        self._clock = clock
        self._client = client
        self._layouts = {collection.name: Layout(collection) for collection in collections}
        self._synced: tuple[datetime, float] | None = None
        self._failed_over = False
        """Whether the primary may be another one than when its time was measured."""
        self.shared: Repository = MongoRepository(self, "")
        self.due: DueList = MongoDue(self)
        self.bulk: Bulk = MongoBulk(self, collections)

    async def open(self) -> None:
        """Connect, measure the server's time, make the indexes.

        Raises StoreUnavailable if no primary answers in time, StoreError for a URL, certificate or password that can
        never work.
        """
        if self._client is None:
            self._client = connect(self._url)
        await self.sync_time()
        for layout in self._layouts.values():
            for name, keys, unique in layout.indexes():
                options = {"unique": True} if unique else {}
                await self.run(partial(_create_index, self.raw(layout.collection), keys, {"name": name, **options}))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            # It says goodbye to the server and waits for the answer.
            await asyncio.to_thread(self._client.close)

    def for_tenant(self, tenant: str) -> Repository:
        """The documents of one tenant. Raises ValueError for what cannot be a tenant's id."""
        return MongoRepository(self, check_tenant(tenant))

    def now(self) -> datetime:
        """The primary's time, as last measured, carried on by the local monotonic clock."""
        if self._synced is None:
            return self._clock.now()
        measured, at = self._synced
        return milliseconds(measured + timedelta(seconds=self._clock.monotonic() - at))

    async def sync_time(self) -> None:
        """Measure the primary's time (`hello.localTime`); half the round trip is taken as its way here.

        Called by `open`, after a fail-over, and by the server's housekeeping every 30 s. A round trip that tells too little
        is tried again; if none is short enough, what was measured before stays, and without that the best of them counts.
        """

        async def measure(_: bool) -> tuple[float, datetime, float]:
            before = self._clock.monotonic()
            answer = await self._client.admin.command("hello")
            after = self._clock.monotonic()
            # A command's answer has naive times, in UTC, whatever the client was told.
            return after - before, answer["localTime"].replace(tzinfo=UTC), (before + after) / 2

        measured: list[tuple[float, datetime, float]] = []
        while len(measured) < TIME_TRIES and (not measured or measured[-1][0] > LONGEST_ROUND_TRIP):
            measured.append(await self.run(measure))
        seconds, there, here = min(measured)
        if seconds > LONGEST_ROUND_TRIP:
            log.warning("store_time_uncertain", seconds=round(seconds, 1), kept=self._synced is not None)
        if seconds <= LONGEST_ROUND_TRIP or self._synced is None:
            self._synced = (there, here)

    async def check(self, timeout: timedelta) -> None:
        """Raise StoreUnavailable (StoreFull when the disk is full) unless a write and a read succeed in time."""
        probes = self._client[self._name]["probes"]
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await self.run(lambda _: probes.update_one({"_id": "probe"}, {"$set": {"at": self.now()}}, upsert=True))
                await self.run(lambda _: probes.find_one({"_id": "probe"}))
        except TimeoutError as error:
            raise StoreUnavailable(f"the database did not answer within {timeout.total_seconds():g} s") from error

    def layout(self, collection: Collection[D]) -> Layout[D]:
        """The layout of a declared collection; QueryError for one this store does not keep."""
        known = self._layouts.get(collection.name)
        if known is None or known.collection is not collection:
            raise QueryError(f"collection {collection.name!r} is not kept here; there are {', '.join(self._layouts)}")
        return known

    def raw(self, collection: Collection[Any]) -> Any:
        """motor's collection. Raises StoreUnavailable if the store is not open."""
        if self._client is None:
            raise StoreUnavailable("the store is not open: await store.open() first")
        return self._client[self._name][collection.name]

    async def run(self, work: Work[T]) -> T:
        """Do *work*; again while the cluster fails over. Raises our errors in place of the driver's."""
        attempts = AsyncRetrying(
            retry=retry_if_exception(self._is_failover),
            stop=stop_after_delay(RETRY_FOR.total_seconds()),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    found = await work(attempt.retry_state.attempt_number > 1)
        except errors.PyMongoError as error:
            raise translated(error) from error
        except (OverflowError, bson.errors.BSONError) as error:
            raise ValueError(f"the document cannot be kept: {error}") from error
        if self._failed_over:
            await self._measure_again()
        return found

    def _is_failover(self, error: BaseException) -> bool:
        if not isinstance(error, errors.AutoReconnect):
            return False
        self._failed_over = True
        # A server selection that timed out has waited long enough already.
        return not isinstance(error, errors.ServerSelectionTimeoutError)

    async def _measure_again(self) -> None:
        """After a fail-over the primary is another machine, and its clock another one; leases and due times go by it."""
        self._failed_over, measured = False, False
        try:
            with suppress(StoreUnavailable):
                await self.sync_time()
                measured = True
        finally:
            self._failed_over = self._failed_over or not measured

    async def insert(self, collection: Collection[D], tenant: str, document: D) -> bool:
        """Insert; False if the id or a unique key is taken by something else than this very write."""
        token = secrets.token_hex(8)
        stored = self.layout(collection).dump(tenant, document, token)
        raw = self.raw(collection)

        async def work(again: bool) -> bool:
            try:
                await raw.insert_one(stored)
            except errors.DuplicateKeyError:
                return again and await self._is_ours(raw, stored["_id"], token)
            return True

        return await self.run(work)

    async def update(
        self, collection: Collection[D], tenant: str, document: Any, changes: Mapping[str, Any]
    ) -> D | None:
        """Compare-and-set."""
        check_changes(collection, changes)
        layout = self.layout(collection)
        changed: D = changed_copy(document, changes)
        fields = layout.dump_changes(changed, frozenset(changes))
        took = await self.set_fields(collection, layout.key(tenant, document.id), document.version, fields)
        return changed if took else None

    async def set_fields(self, collection: Collection[Any], key: str, version: int, fields: Mapping[str, Any]) -> bool:
        """Compare-and-set of fields in this store's form; whether the stored version was *version*."""
        raw, token = self.raw(collection), secrets.token_hex(8)
        sets = {**fields, "version": version + 1, "write_id": token}

        async def work(again: bool) -> bool:
            found = await raw.update_one({"_id": key, "version": version}, {"$set": sets})
            return found.matched_count == 1 or (again and await self._is_ours(raw, key, token))

        return await self.run(work)

    async def insert_all(self, collection: Collection[Any], stored: Sequence[dict[str, Any]]) -> None:
        """Insert documents in this store's form, those whose id is free. Repeating it is harmless."""
        raw = self.raw(collection)

        async def work(_: bool) -> None:
            try:
                await raw.insert_many(stored, ordered=False)
            except errors.BulkWriteError as error:
                failed = error.details["writeErrors"]
                if error.details.get("writeConcernErrors") or any(each["code"] != DUPLICATE_CODE for each in failed):
                    raise

        await self.run(work)

    async def names(self) -> list[str]:
        """The collections that the database has."""
        found: list[str] = await self.run(lambda _: self._client[self._name].list_collection_names())
        return found

    async def delete(self, collection: Collection[D], tenant: str, document: Any) -> bool:
        """Delete by compare-and-set."""
        raw, key = self.raw(collection), self.layout(collection).key(tenant, document.id)

        async def work(again: bool) -> bool:
            found = await raw.delete_one({"_id": key, "version": document.version})
            # A repeated delete that finds nothing: the first attempt took, or somebody else's; gone it is.
            return found.deleted_count == 1 or (again and await raw.find_one({"_id": key}) is None)

        return await self.run(work)

    async def put_due(self, row: Due) -> Due:
        """Write the row or raise the version of the one that is there. Repeating it is harmless."""
        layout, raw = self.layout(DUE), self.raw(DUE)

        async def raised(_: bool) -> Any:
            change = {"$set": {"due_at": row.due_at}, "$inc": {"version": 1}}
            return await raw.find_one_and_update({"_id": row.id}, change, return_document=ReturnDocument.AFTER)

        layout.codec.check(row)
        while True:
            if (stored := await self.run(raised)) is not None:
                return layout.load(stored)
            if await self.insert(DUE, "", row):
                return row

    async def move_due(self, row: Due, highest: datetime) -> Due | None:
        """Write the row's time if there is such a row and its time is at most *highest*; as it is then."""
        layout, raw, token = self.layout(DUE), self.raw(DUE), secrets.token_hex(8)
        layout.codec.check(row)
        asked = {"_id": row.id, "due_at": {"$lte": highest}}
        change = {
            "$set": {"due_at": row.due_at, "write_id": token},
            "$inc": {"version": 1},
        }

        async def moved(again: bool) -> Any:
            found = await raw.find_one_and_update(asked, change, return_document=ReturnDocument.AFTER)
            if found is None and again:
                # The first attempt may have taken, and its answer was lost.
                return await raw.find_one({"_id": row.id, "write_id": token})
            return found

        stored = await self.run(moved)
        return None if stored is None else layout.load(stored)

    async def _is_ours(self, raw: Any, key: str, token: str) -> bool:
        stored = await raw.find_one({"_id": key})
        return stored is not None and stored["write_id"] == token


class MongoRepository:
    """One tenant's documents; `tenant` empty: the server-wide ones."""

    def __init__(self, store: MongoStore, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def insert(self, collection: Collection[D], document: D) -> bool:
        self._check_door(collection)
        return await self._store.insert(collection, self._tenant, document)

    async def get(self, collection: Collection[D], id: str) -> D | None:
        layout, raw = self._layout(collection), self._store.raw(collection)
        stored = await self._store.run(lambda _: raw.find_one({"_id": layout.key(self._tenant, id)}))
        return None if stored is None else layout.load(stored)

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
        layout, raw = self._layout(collection), self._store.raw(collection)
        check_limit(collection, limit)
        asked, sort = layout.select(self._tenant, where, order_by, descending, after)
        stored = await self._store.run(lambda _: raw.find(asked).sort(sort).limit(limit).to_list(None))
        return [layout.load(one) for one in stored]

    async def update(self, collection: Collection[D], document: D, /, **changes: Any) -> D | None:
        self._check_door(collection)
        return await self._store.update(collection, self._tenant, document, changes)

    async def delete(self, collection: Collection[D], document: D) -> bool:
        self._check_door(collection)
        return await self._store.delete(collection, self._tenant, document)

    async def count(self, collection: Collection[D], where: Where) -> int:
        layout, raw = self._layout(collection), self._store.raw(collection)
        asked = layout.count(self._tenant, where)
        return int(await self._store.run(lambda _: raw.count_documents(asked)))

    async def search(
        self, collection: Collection[D], words: Sequence[str], *, limit: int = 100, after: D | None = None
    ) -> list[D]:
        layout, raw = self._layout(collection), self._store.raw(collection)
        check_limit(collection, limit)
        asked, sort = layout.search(self._tenant, words, after)
        stored = await self._store.run(lambda _: raw.find(asked).sort(sort).limit(limit).to_list(None))
        return [layout.load(one) for one in stored]

    async def write(self, *writes: Write) -> int:
        for number, write in enumerate(writes):
            if number:
                reached("store.between_writes")
            if not await self._write(write):
                return number
        return len(writes)

    async def _write(self, write: Write) -> bool:
        if isinstance(write, PutDue):
            if self._tenant and write.tenant != self._tenant:
                raise ValueError(f"PutDue of tenant {write.tenant!r} through tenant {self._tenant!r}")
            version = first_version(self._store.now())
            await self._store.put_due(due_row(write.kind, write.tenant, write.ref, write.due_at, version))
            return True
        if isinstance(write, Insert):
            return await self.insert(write.collection, write.document)
        if isinstance(write, Update):
            return await self.update(write.collection, write.document, **write.changes) is not None
        return await self.delete(write.collection, write.document)

    def _layout(self, collection: Collection[D]) -> Layout[D]:
        self._check_door(collection)
        return self._store.layout(collection)

    def _check_door(self, collection: Collection[Any]) -> None:
        if collection.tenant_data != bool(self._tenant):
            door = "Store.for_tenant(id)" if collection.tenant_data else "Store.shared"
            raise QueryError(f"collection {collection.name} is reached through {door} only")


class MongoDue:
    """`store.due` (see DueList)."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store

    async def put(self, kind: DueKind, tenant: str, ref: str, due_at: datetime) -> Due:
        return await self._store.put_due(due_row(kind, tenant, ref, due_at, first_version(self._store.now())))

    async def get(self, kind: DueKind, tenant: str, ref: str) -> Due | None:
        return await self._store.shared.get(DUE, due_id(kind, tenant, ref))

    async def claim(self, due: Due, until: datetime) -> Due | None:
        return await self._store.shared.update(DUE, due, due_at=until)

    async def claim_ripe(self, kind: DueKind, tenant: str, ref: str, now: datetime, until: datetime) -> Due | None:
        return await self._store.move_due(due_row(kind, tenant, ref, until, 0), now)

    async def claim_next(self, kinds: Sequence[DueKind], now: datetime, until: datetime, limit: int) -> list[Due]:
        asked = {"kind": {"$in": list(kinds)}, "due_at": {"$lte": now}}
        claimed: list[Due] = []
        while len(claimed) < limit:
            ripe = await self._earliest(asked, limit - len(claimed))
            if not ripe:
                break
            # Others claim the same rows; what they were quicker with is looked for again, until nothing is ripe.
            tried = [await self.claim(due, until) for due in ripe]
            claimed += [due for due in tried if due is not None]
        return claimed

    async def next_at(self, *kinds: DueKind) -> datetime | None:
        earliest = await self._earliest({"kind": {"$in": list(kinds)}} if kinds else {}, 1)
        return earliest[0].due_at if earliest else None

    async def delete(self, due: Due) -> bool:
        return await self._store.shared.delete(DUE, due)

    async def count(self) -> int:
        return await self._store.shared.count(DUE, {})

    async def _earliest(self, asked: dict[str, Any], limit: int) -> list[Due]:
        layout, raw = self._store.layout(DUE), self._store.raw(DUE)
        sort = [("due_at", 1), ("_id", 1)]
        stored = await self._store.run(lambda _: raw.find(asked).sort(sort).limit(limit).to_list(None))
        return [layout.load(one) for one in stored]


async def _create_index(raw: Any, keys: list[tuple[str, int]], options: dict[str, Any], _: bool) -> None:
    await raw.create_index(keys, **options)
