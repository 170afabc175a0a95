"""`frontdesk move-store` as an operator runs it: in a process of its own, also one that is killed in the middle."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from frontdesk.cli import main
from frontdesk.clock import SystemClock
from frontdesk.model import Contact, Instance, Message
from frontdesk.store import Insert, Store
from frontdesk.store.collections import CONTACTS, INSTANCES, MESSAGES
from frontdesk.store.opening import open_store
from frontdesk.testing.process import ServerProcess
from frontdesk.testing.wire_store import WireStore, start_wire_store

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)
COMMAND = ("move-store", "sqlite:///old.db", "sqlite:///new.db")
Here = Callable[..., tuple[int, str]]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = open_store(url, SystemClock())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def fill(url: str, messages: int) -> None:
    async with opened(url) as store:
        for begin in range(0, messages, 1000):
            numbers = range(begin, min(begin + 1000, messages))
            await store.for_tenant("acme").write(*(Insert(MESSAGES, message(n)) for n in numbers))
        await store.for_tenant("zen").insert(CONTACTS, Contact(id="c", name="Hằng", created_at=NOON))
        await store.due.put("turn", "acme", "c", NOON)


def message(n: int) -> Message:
    data = {"a.b": [n, 1.5, None], "": {"$x": True}}
    return Message(
        id=f"m{n:06}", conversation="c", direction="inbound", state="answered", text=f"Dạ số {n}", at=NOON, data=data
    )


def move_and_kill(folder: Path) -> None:
    """Begin the move, and kill it while it copies."""
    command = [sys.executable, "-m", "frontdesk", *COMMAND]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as moving:
        assert moving.stdout is not None
        assert moving.stdout.readline() == "messages: 1,000 copied\n"
        moving.kill()
    assert moving.returncode == -signal.SIGKILL


def checksums(output: str) -> list[str]:
    return re.findall(r"^\w+, [\w-]+: [\d,]+, checksum \w{32}", output, re.MULTILINE)


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """The same command in this process, which is much faster: its exit code and what it said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def old(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/old.db"


def test_a_kill_in_the_middle_costs_nothing(frontdesk: Run, tmp_path: Path, old: str) -> None:
    asyncio.run(fill(old, 2500))
    move_and_kill(tmp_path)
    again = frontdesk(*COMMAND)
    assert again.returncode == 0, again.stderr
    assert "messages: 2,000 copied" not in again.stdout, "it went on where it was"
    assert re.search(r"^messages, acme: 2,500, checksum \w{32}, the same in both$", again.stdout, re.MULTILINE)
    assert "store: sqlite:///new.db" in again.stdout
    once_more = frontdesk(*COMMAND)
    assert once_more.returncode == 0, once_more.stderr
    assert "nothing was copied" in once_more.stdout
    assert checksums(once_more.stdout) == checksums(again.stdout)


@pytest.fixture(scope="module")
def wire() -> Iterator[WireStore]:
    with start_wire_store() as server:
        yield server


@pytest.mark.wire
def test_to_a_database_server_and_back(
    here: Here, tmp_path: Path, old: str, wire: WireStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(fill(old, 500))
    monkeypatch.setenv("DATABASE", wire.url("moved"))
    code, there = here("move-store", "sqlite:///old.db", "env:DATABASE")
    assert code == 0, there
    assert "store: {env: DATABASE}" in there
    code, back = here("move-store", "env:DATABASE", "sqlite:///back.db")
    assert code == 0, back
    assert checksums(back) == checksums(there) != []
    asyncio.run(found_by_their_keys(wire.url("moved")))
    asyncio.run(found_by_their_keys(f"sqlite:///{tmp_path}/back.db"))


async def found_by_their_keys(url: str) -> None:
    async with opened(url) as store:
        where = {"conversation": "c", "direction": "inbound", "state": "answered"}
        found = await store.for_tenant("acme").find(MESSAGES, where, order_by="at", limit=1000)
        assert found == [message(n) for n in range(500)]
        until = store.now() + timedelta(minutes=1)
        assert [each.ref for each in await store.due.claim_next(["turn"], store.now(), until, 5)] == ["c"]


async def test_not_while_a_server_runs(frontdesk: Run, tmp_path: Path, example: dict[str, Any]) -> None:
    async with ServerProcess(tmp_path, example["tenants"]) as server:
        await server.start()
        command = ["move-store", "sqlite:///data/frontdesk.db", "sqlite:///new.db"]
        refused = await asyncio.to_thread(frontdesk, *command)
        assert refused.returncode == 1 and "in use by another process" in refused.stderr
        await server.kill(signal.SIGTERM)
        moved = await asyncio.to_thread(frontdesk, *command)
        assert moved.returncode == 0, moved.stderr


def test_a_process_that_was_seen_of_late_may_still_run(here: Here, old: str) -> None:
    async def seen() -> None:
        async with opened(old) as store:
            row = Instance(id="i", host="desk-2", pid=7, started_at=NOON, seen_at=store.now())
            await store.shared.insert(INSTANCES, row)

    asyncio.run(seen())
    code, said = here(*COMMAND)
    assert code == 1 and "a server runs on FROM: desk-2 (process 7)" in said
    assert here(*COMMAND, "--yes-stopped")[0] == 0


async def test_half_a_move_is_not_served(frontdesk: Run, tmp_path: Path, example: dict[str, Any], old: str) -> None:
    await fill(old, 2500)
    await asyncio.to_thread(move_and_kill, tmp_path)
    server = ServerProcess(tmp_path, example["tenants"], server={"store": "sqlite:///new.db"})
    await server.start(wait=False)
    assert await server.ended(30) == 1
    assert "has not ended: run the same `frontdesk move-store` again" in server.tail()


async def test_a_move_that_is_given_up_lets_the_source_be_served_again(
    frontdesk: Run, tmp_path: Path, example: dict[str, Any], old: str
) -> None:
    await fill(old, 2500)
    await asyncio.to_thread(move_and_kill, tmp_path)
    async with ServerProcess(tmp_path, example["tenants"], server={"store": "sqlite:///old.db"}) as server:
        await server.start(wait=False)
        assert await server.ended(30) == 1
        assert "is given up by `frontdesk move-store --give-up FROM TO`" in server.tail()
        done = await asyncio.to_thread(frontdesk, *COMMAND, "--give-up")
        assert (done.returncode, done.stdout) == (
            0,
            "The move is given up: a server may start on FROM again. TO stays closed; delete it by hand.\n",
        )
        await server.start()


def test_of_a_target_that_is_not_there_somebody_must_say_that_it_is_lost(here: Here, tmp_path: Path, old: str) -> None:
    asyncio.run(fill(old, 1))
    assert here(*COMMAND)[0] == 0
    assert here(*COMMAND, "--give-up")[1] == (
        "frontdesk move-store: the move has ended: what was written since is in TO alone. Let `server.store` name TO, or "
        "move it back into a new, empty store\n"
    )
    for file in tmp_path.glob("new.db*"):
        file.unlink()
    code, said = here(*COMMAND, "--give-up")
    assert code == 1 and "new.db is not there" in said and said.endswith("if it is gone for good, say --yes-lost\n")
    assert not (tmp_path / "new.db").exists()
    assert here(*COMMAND, "--yes-lost")[1].endswith("--yes-lost goes with --give-up\n")
    assert here(*COMMAND, "--give-up", "--yes-lost")[0] == 0
    assert here(*COMMAND)[0] == 0, "it may be moved again"


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("sqlite:///none.db", "sqlite:///new.db", "none.db is not there"),
        ("sqlite:///a.db", "sqlite:///./a.db", "the same store"),
        ("env:NO_SUCH_STORE", "sqlite:///new.db", "the environment has no NO_SUCH_STORE"),
        ("sqlite:///a.db", "postgres://host/x", "is no kind of store"),
    ],
)
def test_what_cannot_be_moved_is_said(here: Here, source: str, target: str, words: str) -> None:
    code, said = here("move-store", source, target)
    assert code in (1, 2) and words in said
    assert said.count("\n") == 1
