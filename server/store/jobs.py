"""What is done with a cursor, on a lane's thread: each takes its statement first and the cursor last."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from frontdesk.model import Due

from .codec import changed_copy, milliseconds_of
from .tables import Statement, Table

D = TypeVar("D")


def change(statement: Statement, cursor: sqlite3.Cursor) -> bool:
    return cursor.execute(*statement).rowcount == 1


def change_all(statements: Sequence[Statement], cursor: sqlite3.Cursor) -> int:
    for number, statement in enumerate(statements):
        if cursor.execute(*statement).rowcount != 1:
            return number
    return len(statements)


def get(table: Table[D], statement: Statement, cursor: sqlite3.Cursor) -> D | None:
    row = cursor.execute(*statement).fetchone()
    return None if row is None else table.codec.read_json(row[0])


def find(table: Table[D], statement: Statement, cursor: sqlite3.Cursor) -> list[D]:
    return [table.codec.read_json(row[0]) for row in cursor.execute(*statement).fetchall()]


def number(statement: Statement, cursor: sqlite3.Cursor) -> int:
    return int(cursor.execute(*statement).fetchone()[0])


def probe(mark: int, cursor: sqlite3.Cursor) -> None:
    cursor.execute("INSERT INTO store_probe VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at", (mark,))


def read_probe(cursor: sqlite3.Cursor) -> None:
    cursor.execute("SELECT at FROM store_probe").fetchone()


def version_now(statement: Statement, cursor: sqlite3.Cursor) -> int | None:
    """Write; the version that the row has then, or None if there was none to write."""
    sql, values = statement
    rows = cursor.execute(f"{sql} RETURNING version", values).fetchall()
    return int(rows[0][0]) if rows else None


def claim_due(
    table: Table[Due], kinds: Sequence[str], now: datetime, until: datetime, limit: int, cursor: sqlite3.Cursor
) -> list[Due]:
    """Move up to *limit* ripe rows ahead to *until*, oldest first; as they are now."""
    ripe: list[tuple[int, str, str]] = []
    for kind in kinds:
        # Kind by kind each answer is a walk along the index; together they would be sorted as a whole.
        ripe += cursor.execute(
            "SELECT due_at, id, doc FROM due INDEXED BY due_by_kind_due_at "
            "WHERE kind = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?",
            (kind, milliseconds_of(now), limit),
        ).fetchall()
    claimed = []
    for _, _, doc in sorted(ripe)[:limit]:
        due = table.codec.read_json(doc)
        moved = changed_copy(due, {"due_at": until})
        cursor.execute(*table.update("", due, moved, frozenset({"due_at"})))
        claimed.append(moved)
    return claimed


def next_due(kinds: Sequence[str], cursor: sqlite3.Cursor) -> int | None:
    """When the earliest row is due, in milliseconds since 1970."""
    earliest = (
        cursor.execute("SELECT min(due_at) FROM due INDEXED BY due_by_kind_due_at WHERE kind = ?", (kind,)).fetchone()[
            0
        ]
        for kind in kinds
    )
    return min((moment for moment in earliest if moment is not None), default=None)


def count_due(cursor: sqlite3.Cursor) -> int:
    """How many rows there are."""
    return int(cursor.execute("SELECT count(*) FROM due").fetchone()[0])
