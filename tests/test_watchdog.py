"""A plugin that blocks the loop is named, the process ends, and the plugin starts quarantined for that tenant."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from frontdesk.clock import SystemClock
from frontdesk.quarantine import Quarantine
from frontdesk.step import Running, running
from frontdesk.store import In
from frontdesk.store.collections import CONVERSATIONS, MESSAGES
from frontdesk.store.opening import open_store
from frontdesk.testing.desk import GOES_OUT
from frontdesk.testing.nursery import nursery
from frontdesk.testing.process import ServerProcess
from frontdesk.watchdog import EXIT_CODE, Watchdog

SAMPLES = Path(__file__).parent / "plugins" / "samples"
BLAMED = Running("clinic", "slow", "prompt_section")


class Watched:
    """A watchdog of this test's loop, which notes its exit codes in place of leaving."""

    def __init__(self, quarantine: Quarantine, **times: float) -> None:
        self.exits: list[int] = []
        self.watchdog = Watchdog(quarantine, leave=self.exits.append, **times)

    async def __aenter__(self) -> Watched:
        self.watchdog.start()
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.watchdog.stop()


async def test_who_blocks_the_loop_is_named_with_its_stack_in_time(tmp_path):
    with capture_logs() as logs:
        async with Watched(Quarantine(tmp_path), warn_after=0.4, exit_after=30) as watched:
            await asyncio.sleep(0.6)  # the loop lives: nothing to report
            assert logs == []
            with running(BLAMED):
                time.sleep(0.55)  # noqa: ASYNC251  blocking the loop is the point
            reported = list(logs)
            await asyncio.sleep(0.1)
    (report,) = reported
    assert report["event"] == "loop_blocked"
    assert report["seconds"] < 0.55
    assert Running(report["tenant"], report["plugin"], report["hook"]) == BLAMED
    assert "test_watchdog.py" in report["stack"] and "time.sleep" in report["stack"]
    assert watched.exits == []


async def test_each_beat_tells_how_late_the_loop_was(tmp_path):
    late: list[float] = []
    watchdog = Watchdog(Quarantine(tmp_path), warn_after=0.4, late=late.append)
    watchdog.start()
    try:
        async with asyncio.timeout(20):
            while not late:
                await asyncio.sleep(0.01)
            time.sleep(0.2)  # noqa: ASYNC251  blocking the loop is the point
            while max(late) <= 0.1:
                await asyncio.sleep(0.01)
    finally:
        watchdog.stop()
    assert min(late) >= 0 and max(late) < 10


def block_until_it_left(watched):
    """Hold the loop up as a plugin would, until the watchdog has had its turn (a busy machine may let it wait)."""
    ends = time.monotonic() + 20
    while not watched.exits and time.monotonic() < ends:
        time.sleep(0.05)


async def test_past_its_time_the_process_leaves_and_the_plugin_is_quarantined(tmp_path):
    quarantine = Quarantine(tmp_path)
    async with Watched(quarantine, warn_after=0.1, exit_after=0.3) as watched:
        with running(BLAMED):
            block_until_it_left(watched)
    assert watched.exits == [EXIT_CODE]
    assert quarantine.reasons("clinic") == {"slow": "prompt_section blocked the server for 0.3 s"}
    assert quarantine.reasons("school") == {}


async def test_what_is_no_plugins_doing_ends_the_process_and_blames_nobody(tmp_path):
    quarantine = Quarantine(tmp_path)
    with capture_logs() as logs:
        async with Watched(quarantine, warn_after=0.1, exit_after=0.3) as watched:
            block_until_it_left(watched)
    assert watched.exits == [EXIT_CODE]
    assert not (tmp_path / "quarantine.json").exists()
    assert not any("plugin" in entry for entry in logs)


async def test_a_disk_that_takes_no_quarantine_does_not_keep_the_process(tmp_path):
    (tmp_path / "file").write_text("no folder can be made here")
    with capture_logs() as logs:
        async with Watched(Quarantine(tmp_path / "file"), warn_after=0.1, exit_after=0.3) as watched:
            with running(BLAMED):
                block_until_it_left(watched)
    assert watched.exits == [EXIT_CODE]
    assert "not_quarantined" in [entry["event"] for entry in logs]


STOPPED = """
import asyncio, pathlib, sys
from frontdesk.quarantine import Quarantine
from frontdesk.watchdog import Watchdog
async def main():
    watchdog = Watchdog(Quarantine(pathlib.Path(sys.argv[1])), warn_after=0.2, exit_after=0.6)
    watchdog.start()
    print("up", flush=True)
    await asyncio.sleep(1.5)
    watchdog.stop()
asyncio.run(main())
"""


class StandsStill(threading.Event):
    """The watchdog's pause, which once takes far longer than asked: nothing of the process ran meanwhile."""

    stood = False

    def wait(self, timeout: float | None = None) -> bool:
        if not self.stood:
            self.stood = True
            time.sleep(0.8)
        return super().wait(timeout)


async def test_time_in_which_the_watchdog_stood_still_itself_does_not_count(tmp_path):
    watched = Watched(Quarantine(tmp_path), warn_after=0.2, exit_after=0.6)
    watched.watchdog._ended = StandsStill()
    async with watched:
        with running(BLAMED):
            time.sleep(0.9)  # noqa: ASYNC251
        await asyncio.sleep(0.1)
    assert watched.exits == []
    assert Quarantine(tmp_path).reasons("clinic") == {}


def test_a_process_that_was_stopped_and_goes_on_is_not_ended(tmp_path):
    with subprocess.Popen([sys.executable, "-c", STOPPED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "up\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.0)
        process.send_signal(signal.SIGCONT)
        rest = process.stdout.read()
        assert process.wait(10) == 0
    assert "process_stood_still" in rest


def test_a_broken_quarantine_file_is_told_and_stops_nobody(tmp_path):
    quarantine = Quarantine(tmp_path)
    (tmp_path / "quarantine.json").write_text('{"clinic": ["slow"]}')
    with capture_logs() as logs:
        assert quarantine.reasons("clinic") == {}
    assert logs[0]["event"] == "quarantine_unreadable"
    quarantine.add("clinic", "slow", "why")
    assert quarantine.reasons("clinic") == {"slow": "why"}
    assert quarantine.release("clinic", "slow")
    assert not quarantine.release("clinic", "slow")


TENANT = {"time_zone": "Asia/Ho_Chi_Minh", "language": "vi", "settle": {"quiet_seconds": 0}}
TENANTS: dict[str, Any] = {
    "clinic": {"name": "Clinic", "plugins": ["simulator", "rehearsal_llm", "blocks_loop"], **TENANT},
    "school": {"name": "School", "plugins": ["simulator", "rehearsal_llm"], **TENANT},
}
TIMES = {
    "loop_warning": 0.4,
    "loop_exit": 1.2,
    "sweep_every": 0.2,
    "sdk_timeout": 0.5,
    "send_timeout": 1,
    "hook_deadline": 1,
    "conversation_lease": 2,
}


@pytest.fixture
async def process(tmp_path):
    info = tmp_path / "samples-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: samples\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[frontdesk.plugins]\nblocks_loop = blocks_loop:BlocksLoop\n")
    path = os.pathsep.join([str(tmp_path), str(SAMPLES)])
    server = {"times": TIMES, "log": {"format": "json"}}
    async with ServerProcess(tmp_path, TENANTS, server=server, environment={"PYTHONPATH": path}) as process:
        yield process


async def says(process: ServerProcess, tenant: str, text: str) -> None:
    body = {"id": f"message-{tenant}-{'0' * 12}", "from": "1a4" * 8, "kind": "text", "text": text}
    async with aiohttp.ClientSession(headers={"X-Frontdesk-Simulator": "1"}) as http:
        async with http.post(f"{process.url}/webhooks/simulator/{tenant}", json=body) as answer:
            assert answer.status == 204


async def answers(process: ServerProcess, tenant: str) -> list[str]:
    """What reached the contact, once it has."""
    store = open_store(f"sqlite:///{process.folder}/data/frontdesk.db", SystemClock())
    await store.open()
    try:
        repository = store.for_tenant(tenant)
        async with asyncio.timeout(10):
            while True:
                (conversation,) = await repository.find(CONVERSATIONS, {})
                where = {"conversation": conversation.id, "direction": "outbound", "state": In(GOES_OUT)}
                if found := await repository.find(MESSAGES, where, order_by="at"):
                    return [message.text for message in found]
                await asyncio.sleep(0.1)
    finally:
        await store.close()


def logged(process: ServerProcess, event: str) -> list[dict[str, Any]]:
    lines = [line for line in process.log.read_text("utf-8").splitlines() if line.startswith("{")]
    return [entry for entry in map(json.loads, lines) if entry["event"] == event]


async def test_a_real_server_exits_and_comes_back_without_the_plugin_that_blocked_it(process, tmp_path):
    await process.start()
    await says(process, "clinic", "Xin chào")
    assert await process.ended(10) == EXIT_CODE
    report = logged(process, "loop_blocked")[0]
    assert (report["tenant"], report["plugin"], report["hook"]) == ("clinic", "blocks_loop", "prompt_section")
    assert report["seconds"] < TIMES["loop_exit"]
    assert "blocks_loop.py" in report["stack"]

    await process.start()
    assert await answers(process, "clinic")
    await says(process, "school", "Xin chào")
    assert await answers(process, "school")
    async with aiohttp.ClientSession() as http, http.get(f"{process.url}/readyz") as answer:
        plugins = (await answer.json())["plugins"]
    assert plugins["clinic"]["blocks_loop"].startswith("quarantined")
    assert plugins["clinic"]["rehearsal_llm"] == plugins["school"]["rehearsal_llm"] == "ok"
    quarantine = Quarantine(tmp_path / "data")
    assert list(quarantine.reasons("clinic")) == ["blocks_loop"]
    assert quarantine.reasons("school") == {}

    command = ("plugins", "release", "clinic", "blocks_loop", "--file", str(process.file))
    environment = {**os.environ, **process.environment}
    released = await asyncio.to_thread(lambda: nursery().run(*command, folder=tmp_path, environment=environment))
    assert released.returncode == 0, released.stderr
    assert quarantine.reasons("clinic") == {}
