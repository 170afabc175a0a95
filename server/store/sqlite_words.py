"""How SQLite finds documents by their words: a full-text index (FTS5) beside the table, kept true by triggers.

The index holds words and row numbers and no text, and is written in the transaction that writes the document, by whatever
process or release does so. It goes by the table's implicit row numbers, which `VACUUM` may change (sqlite.org: VACUUM, 2.):
nothing of ours vacuums.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection as AnyOf
from collections.abc import Sequence
from typing import Any

from . import StoreError
from .collections import Words
from .queries import check_words
from .tables import Statement, Table
from .words import BEGINNING, NUMBER

_SUFFIX = "_words"


def prepare(connection: sqlite3.Connection, table: Table[Any]) -> None:
    """Make the index of *table* and its triggers if they are not there, and index what the table has already.

    Raises StoreError for an SQLite without FTS5.
    """
    name = f"{table.name}{_SUFFIX}"
    words = table.collection.words
    assert words is not None
    assert table.owner, f"{table.name}: words are of tenant data"
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).fetchone():
        return
    if not connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone():
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} of this Python was built without FTS5, by which messages are searched; use a "
            "Python whose SQLite has it (python.org's and every Linux distribution's do)"
        )
    lengths = f", prefix='{BEGINNING} {BEGINNING + 1}'" if words.beginnings else ""
    connection.execute(
        f"CREATE VIRTUAL TABLE {name} USING fts5"
        f"(words, content='', columnsize=0, detail=none, tokenize='unicode61 remove_diacritics 2'{lengths})"
    )
    for statement in _triggers(table.name, name, words):
        connection.execute(statement)
    connection.execute(_add(name, words, "stored", f" FROM {table.name} AS stored"))


def search(table: Table[Any], tenant: str, words: Sequence[str], limit: int, after: Any) -> Statement:
    """Read the JSON of what has every one of *words*, what was stored last first, behind the document *after*."""
    declared, name = check_words(table.collection, words), f"{table.name}{_SUFFIX}"
    mark = "*" if declared.beginnings else ""
    asked = " ".join([f'"{_of_tenant(tenant)}"', *(f'"{word.replace(chr(34), "")}"{mark}' for word in words)])
    behind = "" if after is None else f" AND {name}.rowid < (SELECT rowid FROM {table.name} WHERE {table.of_row})"  # noqa: S608  declared names
    sql = (
        f"SELECT {table.name}.doc FROM {name} CROSS JOIN {table.name} ON {table.name}.rowid = {name}.rowid "  # noqa: S608  declared names
        f"WHERE {name} MATCH ? AND {table.name}.tenant = ?{behind} ORDER BY {name}.rowid DESC LIMIT ?"
    )
    return sql, (asked, tenant, *(() if after is None else (tenant, after.id)), limit)


def is_of(name: str, tables: AnyOf[str]) -> bool:
    """Whether *name* is a table of such an index of one of *tables* (FTS5 keeps its own in several)."""
    table, found, _ = name.partition(_SUFFIX)
    return bool(found) and table in tables


def _of_tenant(tenant: str) -> str:
    """One word, whatever a tenant is called."""
    return f"t{tenant.encode().hex()}"


def _triggers(table: str, name: str, words: Words) -> list[str]:
    texts = [f"{{row}}.doc->>'$.{field}'" for field in (*words.fields, *words.numbers)]
    changed = " OR ".join(f"{text.format(row='old')} IS NOT {text.format(row='new')}" for text in texts)
    add, remove = _add(name, words, "new"), _remove(name, words, "old")
    return [
        f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table} BEGIN {add}; END",
        f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table} BEGIN {remove}; END",
        f"CREATE TRIGGER {name}_update AFTER UPDATE OF doc ON {table} WHEN {changed} BEGIN {remove}; {add}; END",
    ]


def _add(name: str, words: Words, row: str, source: str = "") -> str:
    return f"INSERT INTO {name} (rowid, words) SELECT {row}.rowid, {_said(words, row)}{source} WHERE {_any(words, row)}"


def _remove(name: str, words: Words, row: str) -> str:
    # Without its text the index is told what to take out: exactly what was put in.
    return (
        f"INSERT INTO {name} ({name}, rowid, words) "
        f"SELECT 'delete', {row}.rowid, {_said(words, row)} WHERE {_any(words, row)}"
    )


def _any(words: Words, row: str) -> str:
    texts = " || ".join(f"coalesce({row}.doc->>'$.{field}', '')" for field in (*words.fields, *words.numbers))
    return f"({texts}) <> ''"


def _said(words: Words, row: str) -> str:
    """An expression for all by which a document is found: its tenant, its words, and the ends of its numbers."""
    # To SQLite, đ is a letter of its own and not a d with a diacritic.
    parts = [f"replace(replace(coalesce({row}.doc->>'$.{field}', ''), 'đ', 'd'), 'Đ', 'D')" for field in words.fields]
    parts += [f"coalesce(substr({row}.doc->>'$.{field}', -{count}), '')" for field in words.numbers for count in NUMBER]
    return " || ' ' || ".join([f"'t' || hex({row}.tenant)", *parts])
