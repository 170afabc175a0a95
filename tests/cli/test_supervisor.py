"""What systemd hears: a datagram socket of a test stands where $NOTIFY_SOCKET points."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from frontdesk.cli.supervisor import Supervisor
from frontdesk.testing.process import ServerProcess


class Heard:
    """systemd's end."""

    def __init__(self, address: str) -> None:
        self._datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._datagrams.bind(address)
        self._datagrams.setblocking(False)

    async def next(self) -> str:
        async with asyncio.timeout(20):
            return (await asyncio.get_running_loop().sock_recv(self._datagrams, 4096)).decode()

    def close(self) -> None:
        self._datagrams.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Heard]:
    heard = Heard(str(tmp_path / "notify"))
    yield heard
    heard.close()


@pytest.fixture
async def server(tmp_path: Path, example: dict[str, Any]) -> AsyncIterator[ServerProcess]:
    async with ServerProcess(tmp_path, example["tenants"]) as process:
        yield process


async def test_a_server_says_when_it_is_ready_that_it_lives_and_when_it_ends(
    server: ServerProcess, systemd: Heard, tmp_path: Path
) -> None:
    await server.start(wait=False, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="600000")
    assert await systemd.next() == "READY=1"
    await server.ready()
    assert [await systemd.next() for _ in range(3)] == ["WATCHDOG=1"] * 3
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    while (said := await systemd.next()) == "WATCHDOG=1":
        pass
    assert said == "STOPPING=1"
    assert await server.ended(10) == 0
    assert "supervisor_not_told" not in server.tail(100)


async def test_without_a_watchdog_nothing_is_said_of_life(systemd: Heard, tmp_path: Path) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    supervisor.ready()
    supervisor.stopping()
    assert [await systemd.next(), await systemd.next()] == ["READY=1", "STOPPING=1"]


async def test_an_abstract_address_is_found_too() -> None:
    heard = Heard("\0frontdesk-test-notify")
    try:
        Supervisor({"NOTIFY_SOCKET": "@frontdesk-test-notify"}).ready()
        assert await heard.next() == "READY=1"
    finally:
        heard.close()


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"WATCHDOG_USEC": "never"}])
def test_who_was_started_by_hand_tells_nobody(environment: dict[str, str]) -> None:
    with capture_logs() as logs:
        Supervisor(environment).ready()
    assert logs == []


def test_a_supervisor_that_is_gone_harms_nobody(tmp_path: Path) -> None:
    with capture_logs() as logs:
        Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert [entry["event"] for entry in logs] == ["supervisor_not_told"]
