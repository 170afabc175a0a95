"""What docs/how-to/operate.md tells an operator is so: the log's events, and the backup."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from frontdesk.channel import Inbound
from frontdesk.clock import SystemClock
from frontdesk.config import load
from frontdesk.inbox import Inbox
from frontdesk.people import People
from frontdesk.queue import open_queue
from frontdesk.store import Store
from frontdesk.store.collections import MESSAGES
from frontdesk.store.opening import open_store

from .conftest import ROOT, Page, rows

LEVELS = ("debug", "info", "warning", "error", "critical", "exception")


def events() -> Iterator[tuple[str, str]]:
    """(event, level) of every call of a logger in the server and the plugins; the test kit is no part of it."""
    files = [*(ROOT / "server").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    for file in files:
        if "testing" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                logger = node.func.value
                named = logger.id if isinstance(logger, ast.Name) else getattr(logger, "attr", "")
                if named == "log":
                    event = node.args[0]
                    assert isinstance(event, ast.Constant), f"{file}:{node.lineno}: an event is a word, not made up"
                    yield event.value, node.func.attr.replace("exception", "error")


def test_every_event_of_the_log_is_explained_with_its_level(page: Callable[[str], Page]) -> None:
    explained = {
        (event, level)
        for names, level, _ in rows(page("how-to/operate.md").section("The log"))
        for event in re.findall(r"`(\w+)`", names)
    }
    assert explained == set(events())


async def test_the_commands_back_up_a_store_in_use_and_restore_it(tmp_path: Path, page: Callable[[str], Page]) -> None:
    blocks = {block.mark.partition(":")[0]: block.body for block in page("how-to/operate.md").blocks("sh")}
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "tenants.example.yaml", tmp_path)
    store = open_store(f"sqlite:///{tmp_path}/data/frontdesk.db", SystemClock())
    await store.open()
    try:
        assert await _somebody_writes(store, tmp_path / "tenants.example.yaml")
        await asyncio.to_thread(_type, blocks["backup"], tmp_path)
    finally:
        await store.close()
    await asyncio.to_thread(_type, blocks["restore"], tmp_path)
    restored = open_store(f"sqlite:///{tmp_path}/data/frontdesk.db", SystemClock())
    await restored.open()
    try:
        found = await restored.for_tenant("lotus-school").find(MESSAGES, {})
    finally:
        await restored.close()
    assert [message.text for message in found] == ["Học phí bao nhiêu ạ?"]


def _type(commands: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "-e"], input=commands, text=True, cwd=folder, env={**os.environ, "PATH": path}, check=True)


async def _somebody_writes(store: Store, file: Path) -> bool:
    inbox = Inbox(store, open_queue("local", SystemClock()), People(b"any key will do"))
    inbound = Inbound(provider_id="1", external_id="lan", address="simulator", text="Học phí bao nhiêu ạ?")
    return await inbox.accept(load(file).tenants["lotus-school"], "simulator", inbound)
