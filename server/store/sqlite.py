"""The embedded store: one SQLite file. docs/explanation/store.md says why it is built as it is.

WAL and `synchronous=FULL`: what was acknowledged survives a kill and a power cut. Several processes of one machine may
use the file; it must not lie on a network file system (sqlite.org/wal.html).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from frontdesk.clock import Clock

from . import (
    Collection,
    DueList,
    Insert,
    PutDue,
    QueryError,
    Repository,
    StoreError,
    StoreUnavailable,
    Update,
    Where,
    Write,
    jobs,
    sqlite_backup,
    sqlite_words,
)
from .bulk import Bulk
from .codec import changed_copy, check_tenant, due_row, first_version, milliseconds_of
from .collections import COLLECTIONS, DUE
from .lanes import Job, Lane, WriteLane, translated
from .migration import prepare
from .queries import check_limit, shape_of
from .sqlite_bulk import SqliteBulk
from .sqlite_due import SqliteDue
from .tables import Statement, Table

D = TypeVar("D")
T = TypeVar("T")

BUSY_TIMEOUT = timedelta(seconds=5)
"""How long a write waits for another process that writes."""


class SqliteStore:
    """All state in the file *path*, which is made if it is not there.

    `max_pages` limits its size (pages of 4,096 bytes); beyond it writes raise StoreFull. `collections` are the
    declarations it keeps; a release has one set of them.
    """

    def __init__(
        self,
        path: Path | str,
        clock: Clock,
        *,
        max_pages: int | None = None,
        collections: Sequence[Collection[Any]] = COLLECTIONS,
    ) -> None:
        self.path = Path(path)
        self._clock = clock
        self.max_pages = max_pages
        self._tables = {collection.name: Table(collection) for collection in collections}
        self._writer = WriteLane(self._connect)
        # A hot look-up by id never waits behind a listing; many of them share one wake of the loop.
        self._gets = Lane("gets", self._connect_reader, threads=1, batch=64)
        self._finds = Lane("finds", self._connect_reader, threads=2, batch=1)
        self.shared: Repository = SqliteRepository(self, "")
        self.due: DueList = SqliteDue(self._tables[DUE.name], self._writer, self._gets, clock)
        self.bulk: Bulk = SqliteBulk(self, tuple(self._tables.values()))

    async def open(self) -> None:
        """Make the file, its tables and indexes. Raises StoreError if that can never work."""
        await asyncio.to_thread(self._prepare)
        for lane in (self._writer, self._gets, self._finds):
            lane.start()

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        for lane in (self._writer, self._gets, self._finds):
            await lane.stop()

    def for_tenant(self, tenant: str) -> Repository:
        """The documents of one tenant. Raises ValueError for what cannot be a tenant's id."""
        return SqliteRepository(self, check_tenant(tenant))

    def now(self) -> datetime:
        """The machine's time: all processes on this file share it."""
        return self._clock.now()

    async def sync_time(self) -> None:
        """The store's time is this machine's."""

    async def check(self, timeout: timedelta) -> None:
        """Raise StoreUnavailable (StoreFull when the disk is full) unless a write and a read succeed in time."""
        mark = milliseconds_of(self.now())
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await self.write_job(partial(jobs.probe, mark))
                await self.get_job(jobs.read_probe)
        except TimeoutError as error:
            raise StoreUnavailable(f"{self.path} did not answer within {timeout.total_seconds():g} s") from error

    async def backup(self, path: Path | str) -> None:
        """Copy the store to *path* while it is in use: one consistent moment, never a half-written file.

        Raises StoreError if *path* exists or cannot be written.
        """
        await asyncio.to_thread(self._backup, Path(path))

    def table(self, collection: Collection[D]) -> Table[D]:
        """The table of a declared collection; QueryError for one this store does not keep."""
        known = self._tables.get(collection.name)
        if known is None or known.collection is not collection:
            raise QueryError(f"collection {collection.name!r} is not kept here; there are {', '.join(self._tables)}")
        return known

    def write_job(self, job: Job[T]) -> asyncio.Future[T]:
        """Do *job* in the next transaction; the future is done once that is on disk."""
        return self._writer.submit(job)

    def get_job(self, job: Job[T]) -> asyncio.Future[T]:
        """Do *job*, a look-up by key."""
        return self._gets.submit(job)

    def find_job(self, job: Job[T]) -> asyncio.Future[T]:
        """Do *job*, a listing."""
        return self._finds.submit(job)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT.total_seconds(), isolation_level=None, cached_statements=512
        )
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "cache_size = -16384",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if self.max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {int(self.max_pages)}")
        return connection

    def _connect_reader(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT.total_seconds(), isolation_level=None, cached_statements=512
        )
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA cache_size = -4096")
        return connection

    def _prepare(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # What contacts wrote is nobody else's on this machine; the WAL takes over the file's mode. A file that is
            # there is not opened: closing it would end the locks of every connection that this process has to it
            # (SQLite: How To Corrupt An SQLite Database File, 2.2).
            if not self.path.is_file():
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = self._connect()
            try:
                prepare(connection, list(self._tables.values()))
            finally:
                connection.close()
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}. Name a file in a folder the server may write") from error
        except sqlite3.Error as error:
            ours = translated(error)
            raise type(ours)(f"{self.path}: {ours}") from error

    def _backup(self, path: Path) -> None:
        if path.exists():
            raise StoreError(f"{path} exists already; name a new file for the backup")
        part = path.with_name(path.name + ".part")
        try:
            part.unlink(missing_ok=True)
            sqlite_backup.copy(self.path, part)
            part.replace(path)
        except (OSError, sqlite3.Error) as error:
            part.unlink(missing_ok=True)
            # An OSError names the unfinished copy, whose name nobody gave.
            why = (isinstance(error, OSError) and error.strerror) or error
            raise StoreError(f"{path}: the backup failed: {why}. Name a file in a folder with room for it") from error


class SqliteRepository:
    """One tenant's documents in the tables; `tenant` empty: the server-wide ones."""

    def __init__(self, store: SqliteStore, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def insert(self, collection: Collection[D], document: D) -> bool:
        return await self._store.write_job(partial(jobs.change, self._table(collection).insert(self._tenant, document)))

    async def get(self, collection: Collection[D], id: str) -> D | None:
        table = self._table(collection)
        return await self._store.get_job(partial(jobs.get, table, table.get(self._tenant, id)))

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
        table = self._table(collection)
        check_limit(collection, limit)
        shape, values = shape_of(collection, where)
        select = table.select(self._tenant, shape, values, order_by, descending, limit, after)
        return await self._store.find_job(partial(jobs.find, table, select))

    async def update(self, collection: Collection[D], document: D, /, **changes: Any) -> D | None:
        statement, changed = self._update(collection, document, changes)
        return changed if await self._store.write_job(partial(jobs.change, statement)) else None

    async def delete(self, collection: Collection[D], document: D) -> bool:
        return await self._store.write_job(partial(jobs.change, self._table(collection).delete(self._tenant, document)))

    async def count(self, collection: Collection[D], where: Where) -> int:
        table = self._table(collection)
        return await self._store.find_job(partial(jobs.number, table.count(self._tenant, *shape_of(collection, where))))

    async def search(
        self, collection: Collection[D], words: Sequence[str], *, limit: int = 100, after: D | None = None
    ) -> list[D]:
        table = self._table(collection)
        check_limit(collection, limit)
        statement = sqlite_words.search(table, self._tenant, words, limit, after)
        return await self._store.find_job(partial(jobs.find, table, statement))

    async def write(self, *writes: Write) -> int:
        return await self._store.write_job(partial(jobs.change_all, [self._statement(one) for one in writes]))

    def _table(self, collection: Collection[D]) -> Table[D]:
        table = self._store.table(collection)
        if bool(table.owner) != bool(self._tenant):
            door = "Store.for_tenant(id)" if table.owner else "Store.shared"
            raise QueryError(f"collection {collection.name} is reached through {door} only")
        return table

    def _statement(self, write: Write) -> Statement:
        if isinstance(write, PutDue):
            if self._tenant and write.tenant != self._tenant:
                raise ValueError(f"PutDue of tenant {write.tenant!r} through tenant {self._tenant!r}")
            return self._store.table(DUE).put(
                due_row(write.kind, write.tenant, write.ref, write.due_at, first_version(self._store.now()))
            )
        if isinstance(write, Insert):
            return self._table(write.collection).insert(self._tenant, write.document)
        if isinstance(write, Update):
            return self._update(write.collection, write.document, write.changes)[0]
        return self._table(write.collection).delete(self._tenant, write.document)

    def _update(self, collection: Collection[D], document: D, changes: Mapping[str, Any]) -> tuple[Statement, D]:
        table = self._table(collection)
        changed = changed_copy(document, changes)
        return table.update(self._tenant, document, changed, frozenset(changes)), changed
