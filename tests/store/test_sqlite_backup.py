"""A backup is checked before it becomes the store, and never takes the place of one."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from frontdesk.clock import SystemClock
from frontdesk.store import StoreError
from frontdesk.store.collections import COLLECTIONS, NOTES
from frontdesk.store.sqlite import SqliteStore
from frontdesk.store.sqlite_backup import BESIDE, examine, restore


@pytest.fixture
async def backup(tmp_path: Path, sample: Any) -> Path:
    """A backup of a store with one note."""
    store = SqliteStore(tmp_path / "old.db", SystemClock())
    await store.open()
    await store.for_tenant("acme").insert(NOTES, sample(NOTES, "n"))
    await store.backup(tmp_path / "backup.db")
    await store.close()
    return tmp_path / "backup.db"


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def lose_a_page(path: Path) -> None:
    """Damage that no reading comes across."""
    change(path, "PRAGMA writable_schema = ON", "DELETE FROM sqlite_schema WHERE name = 'notes_by_conversation_at'")


async def test_what_is_restored_is_what_was_backed_up_and_its_users_alone(backup: Path, tmp_path: Path, sample: Any):
    target = tmp_path / "data" / "new.db"
    found = restore(backup, target)
    assert found == {collection.name: int(collection is NOTES) for collection in COLLECTIONS}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (backup, target)] == [0o600, 0o600]
    assert [path.name for path in target.parent.iterdir()] == ["new.db"]
    store = SqliteStore(target, SystemClock())
    await store.open()
    assert await store.for_tenant("acme").get(NOTES, "n") == sample(NOTES, "n")
    await store.close()


@pytest.mark.parametrize("suffix", BESIDE)
def test_nothing_is_overwritten(backup: Path, tmp_path: Path, suffix: str) -> None:
    there = tmp_path / f"new.db{suffix}"
    there.write_text("somebody's")
    with pytest.raises(StoreError, match=rf"new\.db{suffix} is there.*move it away"):
        restore(backup, tmp_path / "new.db")
    assert there.read_text() == "somebody's"


def test_a_store_that_appears_meanwhile_is_not_overwritten_either(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "new.db"

    def examining(path: Path) -> dict[str, int]:
        if path != backup:
            target.write_text("somebody's")
        return {}

    monkeypatch.setattr("frontdesk.store.sqlite_backup.examine", examining)
    with pytest.raises(StoreError, match="is there, and nothing is overwritten"):
        restore(backup, target)
    assert target.read_text() == "somebody's" and not target.with_name("new.db.part").exists()


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    page = len(content) // 4096 // 2 * 4096
    content[page : page + 4096] = b"\xff" * 4096
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (damaged, "damaged|cannot be read"),
        (lose_a_page, "is damaged: .*Page [0-9]+ is never used"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "damaged|cannot be read"),
        (lambda path: path.write_text("PK"), "cannot be read|no store of Frontdesk"),
        (lambda path: path.unlink(), "is not there"),
        (lambda path: change(path, "PRAGMA application_id = 7"), "no store of Frontdesk"),
        (lambda path: change(path, "UPDATE notes SET schema = 3"), "schema 3, and this release knows 1"),
    ],
)
def test_a_backup_that_is_no_good_is_refused_before_anything_is_made(
    backup: Path, tmp_path: Path, spoil: Any, says: str
) -> None:
    spoil(backup)
    with pytest.raises(StoreError, match=says):
        restore(backup, tmp_path / "data" / "new.db")
    assert not (tmp_path / "data").exists()


def test_what_the_release_before_and_the_next_one_write_is_understood(backup: Path) -> None:
    change(backup, "UPDATE notes SET schema = 2")
    change(backup, "DROP TABLE chores")
    found = examine(backup)
    assert found["notes"] == 1 and "chores" not in found
