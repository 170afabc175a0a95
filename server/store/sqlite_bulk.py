"""`store.bulk` of the embedded store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from . import QueryError, jobs, sqlite_words
from .bulk import PAGE, Place, Stored
from .collections import Collection
from .tables import Statement, Table

if TYPE_CHECKING:
    from .sqlite import SqliteStore


class SqliteBulk:
    """See Bulk."""

    def __init__(self, store: SqliteStore, tables: Sequence[Table[Any]]) -> None:
        self._store = store
        self._tables = tables

    async def tenants(self) -> list[str]:
        names = [table.name for table in self._tables if table.owner]
        return await self._store.find_job(partial(_tenants, names))

    async def unknown(self) -> list[str]:
        return await self._store.find_job(partial(_unknown, {table.name for table in self._tables}))

    async def page(
        self, collection: Collection[Any], *, tenant: str = "", after: Place | None = None, limit: int = PAGE
    ) -> list[Stored]:
        table = self._store.table(collection)
        if tenant and not table.owner:
            raise QueryError(f"collection {collection.name} is server-wide: no tenant has a part of it")
        return await self._store.find_job(partial(_page, table, _select(table, tenant, after, limit)))

    async def add(self, collection: Collection[Any], documents: Sequence[Stored]) -> None:
        table = self._store.table(collection)
        rows = [(*_key(table, each), each.version, each.schema, *_kept(table, each)) for each in documents]
        await self._store.write_job(partial(_many, table.insert_sql, rows))

    async def replace(self, collection: Collection[Any], document: Stored, changes: Mapping[str, Any]) -> bool:
        table = self._store.table(collection)
        changed = replace(document, version=document.version + 1, fields={**document.fields, **changes})
        sets = "".join(f', "{name}" = ?' for name in table.columns)
        sql = (
            f"UPDATE {table.name} SET version = version + 1, schema = ?, doc = ?{sets} "  # noqa: S608  declared names
            f"WHERE {table.of_row} AND version = ?"
        )
        values = (collection.schema, *_kept(table, changed), *_key(table, document), document.version)
        return await self._store.write_job(partial(jobs.change, (sql, values)))

    async def remove(self, collection: Collection[Any], documents: Sequence[Stored]) -> None:
        table = self._store.table(collection)
        sql = f"DELETE FROM {table.name} WHERE {table.of_row}"  # noqa: S608  declared names
        await self._store.write_job(partial(_many, sql, [_key(table, each) for each in documents]))


def _select(table: Table[Any], tenant: str, after: Place | None, limit: int) -> Statement:
    conditions, values = [], []
    if tenant:
        conditions, values = ["tenant = ?"], [tenant]
    if after is not None:
        place = after if table.owner else after[1:]
        conditions.append(f"({', '.join((*table.owner, 'id'))}) > ({', '.join('?' * len(place))})")
        values += place
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    owner = "tenant" if table.owner else "''"
    order = ", ".join((*table.owner, "id"))
    sql = f"SELECT {owner}, id, version, schema, doc FROM {table.name}{where} ORDER BY {order} LIMIT ?"  # noqa: S608  declared names
    return sql, (*values, limit)


def _key(table: Table[Any], document: Stored) -> tuple[str, ...]:
    return document.place if table.owner else (document.id,)


def _kept(table: Table[Any], document: Stored) -> tuple[Any, ...]:
    """The document's JSON and its keys."""
    whole = {"id": document.id, "version": document.version, **document.fields}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return text, *(table.codec.stored_key(name, document.fields) for name in table.columns)


def _page(table: Table[Any], statement: Statement, cursor: sqlite3.Cursor) -> list[Stored]:
    found = []
    for tenant, id, version, schema, text in cursor.execute(*statement):
        fields = json.loads(text)
        del fields["id"], fields["version"]
        found.append(Stored(tenant, id, version, schema, fields))
    return found


def _many(sql: str, rows: Sequence[tuple[Any, ...]], cursor: sqlite3.Cursor) -> None:
    cursor.executemany(sql, rows)


def _tenants(tables: Sequence[str], cursor: sqlite3.Cursor) -> list[str]:
    found: set[str] = set()
    for table in tables:
        tenant = ""
        # From one tenant's first row to the next one's: a look for each of them, whatever they hold.
        sql = f"SELECT min(tenant) FROM {table} WHERE tenant > ?"  # noqa: S608  declared names
        while (tenant := cursor.execute(sql, (tenant,)).fetchone()[0]) is not None:
            found.add(tenant)
    return sorted(found)


def _unknown(known: set[str], cursor: sqlite3.Cursor) -> list[str]:
    there = cursor.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    own = known | {"store_probe"}
    found = {name for (name,) in there if not sqlite_words.is_of(name, known)}
    return sorted(found - own)
