"""Makes what a release needs in a file that an earlier release (or nobody) has written."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from . import StoreError, sqlite_words
from .tables import Table

APPLICATION_ID = 0x46444B31
"""Marks the file as ours (sqlite.org/pragma.html#pragma_application_id)."""

OLDEST_SQLITE = (3, 38, 0)
"""The first with `->` and JSON built in."""


def prepare(connection: sqlite3.Connection, tables: Sequence[Table[Any]]) -> None:
    """Make missing tables, columns and indexes; in one transaction, so that a crash leaves the old state.

    Raises StoreError for a file of another program or an SQLite that is too old.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreError(f"SQLite is {sqlite3.sqlite_version}; Frontdesk needs 3.38 or newer")
    connection.execute("BEGIN IMMEDIATE")
    try:
        _check_owner(connection)
        connection.execute("CREATE TABLE IF NOT EXISTS store_probe (id INTEGER PRIMARY KEY, at INTEGER) STRICT")
        for table in tables:
            connection.execute(table.create())
            _add_columns(connection, table)
            for statement in table.create_indexes():
                connection.execute(statement)
            if table.collection.words is not None:
                sqlite_words.prepare(connection, table)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


def _check_owner(connection: sqlite3.Connection) -> None:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if owner == APPLICATION_ID:
        return
    if owner or connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        raise StoreError("the file is another program's SQLite database; name a new file, or one that Frontdesk made")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _add_columns(connection: sqlite3.Connection, table: Table[Any]) -> None:
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
    missing = [name for name in table.columns if name not in there]
    if not missing:
        return
    for name in missing:
        connection.execute(f'ALTER TABLE {table.name} ADD COLUMN "{name}" {table.codec.column_type(name)}')
    sets = ", ".join(f'"{name}" = ?' for name in table.columns)
    update = f"UPDATE {table.name} SET {sets} WHERE rowid = ?"  # noqa: S608  declared names only
    for rowid, doc in connection.execute(f"SELECT rowid, doc FROM {table.name}").fetchall():  # noqa: S608  declared names
        connection.execute(update, (*table.keys_of(table.codec.read_json(doc)), rowid))
