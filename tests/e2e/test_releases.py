"""Two releases of the server on one store, as during a rolling release: nothing is lost, twice, or forgotten."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from frontdesk.store import Store
from frontdesk.store.bulk import Stored
from frontdesk.store.collections import CONVERSATIONS, MESSAGES, Collection
from frontdesk.testing.http_queue import StandIn
from frontdesk.testing.wire_store import start_wire_store

from .conftest import Front, until
from .contacts import MESSAGE_ID
from .load import ALL_WELL, Load

ROOT = Path(__file__).parents[2]
MOOD = {"of": "the newer release", "a.b": [1, None]}
CONTACTS, EACH = 6, 4
MakeFront = Callable[..., Front]


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of our own packages that is the next release: its messages and conversations have a `mood`, and schema 2."""
    folder = tmp_path_factory.mktemp("newer")
    package = folder / "frontdesk"
    for ours, theirs in (("server", ""), ("config", "config"), ("plugins", "plugins"), ("admin_ui", "admin_ui")):
        shutil.copytree(ROOT / ours, package / theirs, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    mood = f"    mood: dict[str, Any] = field(default_factory=lambda: {MOOD!r})\n"
    _change(package / "model.py", r"(?=^    unanswered_since: )", mood)
    _change(package / "model.py", r"(?=^    announced: bool)", mood)
    upgrade = f'upgrades={{SCHEMA: lambda fields: {{"mood": fields.get("mood", {MOOD!r})}}}},'
    old, new = MESSAGES.schema, MESSAGES.schema + 1
    collections = package / "store/collections.py"
    _change(collections, r"(?<=^    model.Conversation,\n)", f"    schema=2, {upgrade.replace('SCHEMA', '1')}\n")
    _change(collections, r"(?<=^    model.Message,\n)", f"    {upgrade.replace('SCHEMA', str(old))}\n")
    declared = r"(?<=newest=\"at\"\),\n    schema=)" + str(old)
    _change(collections, declared, str(new))
    _change(package / "version.py", r'(?<=^VERSION = ")[^"]+', "99.0")
    return folder


def _change(path: Path, place: str, text: str) -> None:
    changed, count = re.subn(place, lambda _: text, path.read_text("utf-8"), flags=re.MULTILINE)
    assert count == 1, f"{path}: {place} is there {count} times"
    path.write_text(changed, "utf-8")


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.slow),
        pytest.param("wire", marks=(pytest.mark.wire, pytest.mark.slow)),
    ]
)
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield "sqlite:///data/frontdesk.db"
    else:
        with start_wire_store() as server:
            yield server.url("frontdesk")


async def stored(store: Store, collection: Collection[Any]) -> list[Stored]:
    found: list[Stored] = []
    while page := await store.bulk.page(collection, after=found[-1].place if found else None):
        found += page
    return found


def half(document: Stored) -> int:
    """In which half of the load an inbound message came."""
    return int(MESSAGE_ID.findall(document.fields["text"])[0].partition("x")[2]) * 2 // EACH


async def test_two_releases_serve_one_store_and_lose_nothing_of_each_other(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any], newer: Path, store_url: str
) -> None:
    async with StandIn(lose=0.1, repeat=0.1, delay=0.2, seed=1) as queue:
        settings = {"store": store_url, "queue": queue.url, "times": quick}
        async with front(parrot, "old", **settings) as old, front(parrot, "new", **settings) as new:
            new.fresh = True
            path = f"{newer}:{new.environment['PYTHONPATH']}"
            await asyncio.gather(old.start(), new.start(PYTHONPATH=path))
            taking = [new]
            load = Load(taking, contacts=CONTACTS, messages=EACH, halves=True)
            writing = asyncio.gather(load.run())

            async def half_is_taken() -> bool:
                return load.taken >= CONTACTS * EACH // 2

            await until("half of it is taken by the newer release", half_is_taken)
            taking[:] = [old]
            load.go_on.set()
            await writing
            await old.quiet(30)
            assert load.wrong() == ALL_WELL
            assert all(desk.logged("turn_ended") for desk in (old, new)), "each had its part of the turns"

            async with old.store() as store:
                inbound = [m for m in await stored(store, MESSAGES) if m.fields["direction"] == "inbound"]
                conversations = await stored(store, CONVERSATIONS)
            by_new = [m for m in inbound if half(m) == 0]
            assert len(by_new) == CONTACTS * EACH // 2 and len(inbound) == CONTACTS * EACH
            for kind, documents in ((MESSAGES, by_new), (CONVERSATIONS, conversations)):
                for document in documents:
                    assert (document.schema, document.fields["mood"]) == (kind.schema + 1, MOOD), "changed by both"
            assert any("mood" not in m.fields for m in inbound), "the older release wrote some itself"

            await asyncio.to_thread(_migrate, new, path)
            async with old.store() as store:
                for collection in (MESSAGES, CONVERSATIONS):
                    for document in await stored(store, collection):
                        assert (document.schema, document.fields["mood"]) == (collection.schema + 1, MOOD)
            lan = old.phone("+84901234567")
            assert await lan.asks("say m900x0") == "Echo m900x0"


def _migrate(desk: Front, path: str) -> None:
    """The newer release's `frontdesk migrate`, beside both servers."""
    command = [sys.executable, "-m", "frontdesk", "migrate", "--file", str(desk.file)]
    environment = {**desk.environment, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, cwd=desk.folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^messages: [1-9]\d* rewritten$", done.stdout, re.MULTILINE), done.stdout
