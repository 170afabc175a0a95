"""The server-wide list of live work in SQLite: the one collection with a claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import get_args

from frontdesk.clock import Clock
from frontdesk.model import Due, DueKind

from . import jobs
from .codec import changed_copy, due_id, due_row, first_version, time_of
from .lanes import Lane
from .tables import Table

KINDS: tuple[DueKind, ...] = get_args(DueKind)


class SqliteDue:
    """`store.due` of the embedded store (see DueList)."""

    def __init__(self, table: Table[Due], writer: Lane, reader: Lane, clock: Clock) -> None:
        self._table = table
        self._writer = writer
        self._reader = reader
        self._clock = clock

    async def put(self, kind: DueKind, tenant: str, ref: str, due_at: datetime) -> Due:
        row = due_row(kind, tenant, ref, due_at, first_version(self._clock.now()))
        version = await self._writer.submit(partial(jobs.version_now, self._table.put(row)))
        assert version is not None, "it is written whether it was there or not"
        return replace(row, version=version)

    async def get(self, kind: DueKind, tenant: str, ref: str) -> Due | None:
        get = self._table.get("", due_id(kind, tenant, ref))
        return await self._reader.submit(partial(jobs.get, self._table, get))

    async def claim(self, due: Due, until: datetime) -> Due | None:
        moved: Due = changed_copy(due, {"due_at": until})
        update = self._table.update("", due, moved, frozenset({"due_at"}))
        return moved if await self._writer.submit(partial(jobs.change, update)) else None

    async def claim_ripe(self, kind: DueKind, tenant: str, ref: str, now: datetime, until: datetime) -> Due | None:
        moved = due_row(kind, tenant, ref, until, 0)
        version = await self._writer.submit(partial(jobs.version_now, self._table.move(moved, "due_at", now)))
        return None if version is None else replace(moved, version=version)

    async def claim_next(self, kinds: Sequence[DueKind], now: datetime, until: datetime, limit: int) -> list[Due]:
        return await self._writer.submit(partial(jobs.claim_due, self._table, kinds, now, until, limit))

    async def next_at(self, *kinds: DueKind) -> datetime | None:
        earliest = await self._reader.submit(partial(jobs.next_due, kinds or KINDS))
        return None if earliest is None else time_of(earliest)

    async def delete(self, due: Due) -> bool:
        return await self._writer.submit(partial(jobs.change, self._table.delete("", due)))

    async def count(self) -> int:
        return await self._reader.submit(jobs.count_due)
