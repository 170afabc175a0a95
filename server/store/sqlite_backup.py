"""Checks a backup of the embedded store, and puts it in the place of a store that is not there."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from . import StoreError
from .collections import COLLECTIONS
from .migration import APPLICATION_ID

BESIDE = ("", "-wal", "-shm", "-journal")
"""What a store's file has beside it; any of them would be taken for the restored store's."""


def examine(path: Path) -> dict[str, int]:
    """Documents by collection, of a file that is whole, ours, and written by a release that this one understands.

    Raises StoreError for any other file.
    """
    if not path.is_file():
        raise StoreError(f"{path} is not there; name a file that `frontdesk backup` has written")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise StoreError(f"{path} is no store of Frontdesk; name a file that `frontdesk backup` has written")
            damage = [
                " ".join(row[0].split()) for row in connection.execute("PRAGMA integrity_check(3)") if row[0] != "ok"
            ]
            if damage:
                raise StoreError(f"{path} is damaged: {'; '.join(damage)}. Take another backup")
            return _counted(path, connection)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read as a store: {error}. Take another backup") from error


def restore(backup: Path, store: Path) -> dict[str, int]:
    """Copy *backup* to *store*, where nothing may be; documents by collection.

    The copy is checked before it gets its name. Raises StoreError: something is there, or the backup is no good.
    """
    for suffix in BESIDE:
        there = store.with_name(store.name + suffix)
        if there.exists():
            raise StoreError(f"{there} is there, and nothing is overwritten: stop the server and move it away first")
    examine(backup)
    part = store.with_name(store.name + ".part")
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        copy(backup, part)
        found = examine(part)
        # Not a rename: that would replace what somebody has made meanwhile.
        os.link(part, store)
    except FileExistsError as error:
        raise StoreError(f"{error.filename2 or error.filename} is there, and nothing is overwritten") from error
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{store}: not restored: {error}. Name a file in a folder with room for it") from error
    finally:
        part.unlink(missing_ok=True)
    return found


def in_use(path: Path) -> bool:
    """Whether another process has the store *path* open. Not to be asked while this process has it open itself."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0)) as connection:
        try:
            # Who reads a WAL file holds a lock on it as long as it has the file open: alone is who gets it exclusively.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StoreError(f"{path} cannot be opened: {error}") from error
            return True
    return False


def copy(source: Path, target: Path) -> None:
    """One consistent moment of *source*, in use or not, as the new file *target* alone, readable by its user only.

    Raises FileExistsError, OSError, sqlite3.Error.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=5)) as old:
        with closing(sqlite3.connect(target)) as new:
            # All pages in one step: a snapshot, which a writer cannot send back to the start.
            old.backup(new, pages=-1)
            new.execute("PRAGMA journal_mode = DELETE")


def _counted(path: Path, connection: sqlite3.Connection) -> dict[str, int]:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    found: dict[str, int] = {}
    for collection in COLLECTIONS:
        if collection.name not in tables:
            continue  # an earlier release had none; it is made when the server starts
        count, newest = connection.execute(f"SELECT count(*), max(schema) FROM {collection.name}").fetchone()  # noqa: S608  declared names
        # A release reads what the one after it writes, and no further.
        if newest is not None and newest > collection.schema + 1:
            raise StoreError(
                f"{path}: {collection.name} is of schema {newest}, and this release knows {collection.schema}: "
                "restore it with the release that wrote it, or a newer one"
            )
        found[collection.name] = count
    return found
