"""What only the embedded store promises: kills, a full disk, several processes, cancelled callers, backups."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from frontdesk.clock import SystemClock
from frontdesk.store import Insert, Repository, StoreError, StoreFull, StoreUnavailable, Update, sqlite
from frontdesk.store.collections import CONVERSATIONS, MESSAGES, NOTES
from frontdesk.store.sqlite import SqliteStore

INSERTING = """
import asyncio, sys
from datetime import UTC, datetime
from frontdesk import model
from frontdesk.clock import SystemClock
from frontdesk.store.collections import NOTES
from frontdesk.store.sqlite import SqliteStore

async def main(path, prefix, count):
    store = SqliteStore(path, SystemClock())
    await store.open()
    async def insert(worker):
        for n in range(count):
            id = f"{prefix}-{worker}-{n}"
            note = model.Note(id=id, conversation="c", text="ạ" * 100, author="a", at=datetime(2026, 1, 1, tzinfo=UTC))
            assert await store.for_tenant("acme").insert(NOTES, note)
            print(id, flush=True)
    await asyncio.gather(*(insert(worker) for worker in range(8)))
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, SystemClock())
    await store.open()
    yield store
    await store.close()


def inserting(path: Path, prefix: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INSERTING, str(path), prefix, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def ids_of(repository: Repository) -> set[str]:
    found: list[Any] = []
    while page := await repository.find(NOTES, {}, limit=1000, after=found[-1] if found else None):
        found += page
    return {note.id for note in found}


async def test_a_kill_loses_nothing_that_was_acknowledged(path: Path) -> None:
    acknowledged: set[str] = set()
    for life in range(4):
        process = inserting(path, f"life{life}", 100_000)
        assert process.stdout is not None
        for _ in range(200 + 150 * life):
            acknowledged.add(process.stdout.readline().strip())
        process.kill()
        # The last line may be torn: what was not printed whole was not acknowledged.
        acknowledged.update(
            line.strip() for line in process.communicate()[0].splitlines(keepends=True) if line[-1] == "\n"
        )
    store = SqliteStore(path, SystemClock())
    await store.open()
    lost = acknowledged - await ids_of(store.for_tenant("acme"))
    await store.close()
    assert len(acknowledged) >= 1_700
    assert lost == set()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_every_commit_reaches_the_disk(store: SqliteStore) -> None:
    # A kill cannot show it, only a power cut could: so the settings themselves are looked at (2: FULL).
    def settings(cursor: sqlite3.Cursor) -> tuple[Any, Any]:
        return tuple(cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous"))

    assert await store.write_job(settings) == ("wal", 2)


async def test_processes_on_one_file_lose_nothing_and_see_each_other(path: Path) -> None:
    processes = [inserting(path, f"process{n}", 50) for n in range(2)]
    printed = await asyncio.gather(*(asyncio.to_thread(process.communicate) for process in processes))
    assert [process.returncode for process in processes] == [0, 0]
    store = SqliteStore(path, SystemClock())
    await store.open()
    assert await ids_of(store.for_tenant("acme")) == {id for out, _ in printed for id in out.split()}
    assert await store.for_tenant("acme").count(NOTES, {}) == 800
    await store.close()


async def test_two_processes_claim_and_count_without_losing_an_increment(
    store: SqliteStore, path: Path, sample: Any
) -> None:
    other = SqliteStore(path, SystemClock())
    await other.open()
    await store.for_tenant("acme").insert(CONVERSATIONS, sample(CONVERSATIONS))

    async def increment(mine: SqliteStore) -> None:
        acme = mine.for_tenant("acme")
        while True:
            read = await acme.get(CONVERSATIONS, "one")
            assert read is not None
            if await acme.update(CONVERSATIONS, read, inbound_seq=read.inbound_seq + 1):
                return

    await asyncio.gather(*(increment(mine) for mine in (store, other) for _ in range(25)))
    end = await store.for_tenant("acme").get(CONVERSATIONS, "one")
    await other.close()
    assert end is not None and end.inbound_seq == 50


async def test_a_full_disk_is_said_loses_nothing_and_is_over_once_there_is_room(path: Path, sample: Any) -> None:
    store = SqliteStore(path, SystemClock(), max_pages=400)
    await store.open()
    acme = store.for_tenant("acme")
    kept = []
    with pytest.raises(StoreFull, match="full"):
        for n in range(1_000):
            note = sample(NOTES, f"n{n}", text="x" * 2_000)
            assert await acme.insert(NOTES, note)
            kept.append(note)
    assert await ids_of(acme) == {note.id for note in kept}
    for note in kept[:10]:
        assert await acme.delete(NOTES, note)
    assert await acme.insert(NOTES, sample(NOTES, "after", text="x" * 2_000))
    await store.close()

    roomier = SqliteStore(path, SystemClock())
    await roomier.open()
    assert await roomier.for_tenant("acme").insert(NOTES, sample(NOTES, "more", text="x" * 200_000))
    await roomier.close()


async def test_on_a_full_disk_each_caller_hears_of_his_own_write(path: Path, sample: Any) -> None:
    store = SqliteStore(path, SystemClock(), max_pages=400)
    await store.open()
    acme = store.for_tenant("acme")
    sizes = [100 if n % 5 else 5_000_000 for n in range(20)]
    results = await asyncio.gather(
        *(acme.insert(NOTES, sample(NOTES, f"n{n}", text="x" * size)) for n, size in enumerate(sizes)),
        return_exceptions=True,
    )
    assert [isinstance(result, StoreFull) for result in results] == [size == 5_000_000 for size in sizes]
    assert await ids_of(acme) == {f"n{n}" for n, size in enumerate(sizes) if size == 100}
    await store.close()


async def test_one_callers_error_undoes_his_writes_and_no_others(store: SqliteStore, sample: Any) -> None:
    acme = store.for_tenant("acme")
    await acme.insert(CONVERSATIONS, sample(CONVERSATIONS, "broken"))

    def damage(cursor: sqlite3.Cursor) -> None:
        cursor.execute("UPDATE conversations SET doc = '{'")

    await store.write_job(damage)
    results = await asyncio.gather(
        acme.insert(NOTES, sample(NOTES, "before")),
        acme.write(
            Insert(NOTES, sample(NOTES, "undone")),
            Update(CONVERSATIONS, sample(CONVERSATIONS, "broken"), {"owner": "x"}),
        ),
        acme.insert(NOTES, sample(NOTES, "behind")),
        return_exceptions=True,
    )
    assert results[0] is True and results[2] is True
    assert isinstance(results[1], StoreError)
    assert await ids_of(acme) == {"before", "behind"}


async def test_a_cancelled_caller_stops_nobody(store: SqliteStore, sample: Any) -> None:
    acme = store.for_tenant("acme")
    tasks = [asyncio.ensure_future(acme.insert(NOTES, sample(NOTES, f"n{n}"))) for n in range(40)]  # noqa: TID251  cancelled below
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is True for result in results[1::2])
    assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
    assert await acme.insert(NOTES, sample(NOTES, "afterwards"))
    assert await acme.get(NOTES, "afterwards") is not None


async def test_a_file_locked_too_long_is_unavailable_and_then_works_again(
    path: Path, sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", timedelta(milliseconds=100))
    store = SqliteStore(path, SystemClock())
    await store.open()
    acme = store.for_tenant("acme")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(
        *(acme.insert(NOTES, sample(NOTES, f"n{n}")) for n in range(3)), return_exceptions=True
    )
    assert all(isinstance(result, StoreUnavailable) for result in results)
    with pytest.raises(StoreUnavailable):
        await store.check(timedelta(seconds=2))
    assert await acme.get(NOTES, "n0") is None
    blocker.execute("ROLLBACK")
    blocker.close()
    assert await acme.insert(NOTES, sample(NOTES, "n0"))
    await store.check(timedelta(seconds=2))
    await store.close()


async def test_a_check_gives_up_in_time(store: SqliteStore, path: Path) -> None:
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=r"within 0\.05 s"):
        await store.check(timedelta(milliseconds=50))
    blocker.execute("ROLLBACK")
    blocker.close()


async def test_a_file_that_cannot_be_one_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to be taken for one" * 100)
    (tmp_path / "folder").mkdir()
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    for name, says in (
        ("text", "must be an SQLite file"),
        ("folder", "Name a file in a folder"),
        ("text/below.db", "Name a file in a folder"),
        ("other.db", "another program's"),
    ):
        with pytest.raises(StoreError, match=says):
            await SqliteStore(tmp_path / name, SystemClock()).open()


async def test_the_file_is_its_owners_alone(store: SqliteStore, path: Path, sample: Any) -> None:
    await store.for_tenant("acme").insert(NOTES, sample(NOTES))
    for file in path.parent.glob("store.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_store_that_is_not_open_is_unavailable(path: Path, sample: Any) -> None:
    store = SqliteStore(path, SystemClock())
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.for_tenant("acme").get(NOTES, "one")
    await store.open()
    await store.close()
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.for_tenant("acme").insert(NOTES, sample(NOTES))


async def test_closing_finishes_what_was_asked(store: SqliteStore, path: Path, sample: Any) -> None:
    acme = store.for_tenant("acme")
    waiting = [asyncio.ensure_future(acme.insert(NOTES, sample(NOTES, f"n{n}"))) for n in range(20)]  # noqa: TID251  awaited below
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*waiting) == [True] * 20


async def test_a_backup_is_whole_while_the_store_is_written(store: SqliteStore, tmp_path: Path, sample: Any) -> None:
    acme = store.for_tenant("acme")
    for n in range(50):
        await acme.insert(NOTES, sample(NOTES, f"n{n}"))
    copy = tmp_path / "backup.db"
    await asyncio.gather(store.backup(copy), *(acme.insert(NOTES, sample(NOTES, f"later{n}")) for n in range(50)))
    restored = SqliteStore(copy, SystemClock())
    await restored.open()
    assert {f"n{n}" for n in range(50)} <= await ids_of(restored.for_tenant("acme"))
    await restored.close()
    with pytest.raises(StoreError, match="exists already"):
        await store.backup(copy)
    with pytest.raises(StoreError, match="backup failed"):
        await store.backup(tmp_path / "nowhere" / "b.db")


async def test_queries_walk_their_index(store: SqliteStore, path: Path, sample: Any) -> None:
    table = store.table(MESSAGES)
    shape = (("conversation", "is", 0), ("at", "between", 1))
    sql, values = table.select("acme", shape, ["c", store.now()], "at", True, 20, sample(MESSAGES))
    plan = " ".join(row[3] for row in sqlite3.connect(path).execute(f"EXPLAIN QUERY PLAN {sql}", values))
    assert "USING INDEX messages_by_conversation_at" in plan
    assert "TEMP B-TREE" not in plan


async def test_a_second_store_on_the_file_leaves_the_firsts_locks_in_place(store: SqliteStore, path: Path) -> None:
    """Without them another process that closes the file takes itself for the last one, and deletes its log."""
    await store.check(timedelta(seconds=5))
    second = SqliteStore(path, SystemClock())
    await second.open()
    await second.close()
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM notes'); c.close()"
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code, str(path)], check=False)
    assert ended.returncode == 0
    assert path.with_name(path.name + "-wal").exists()
