"""The systemd units: understood by systemd, hardened, and in step with the table of times."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk.cli.serve import STORE_PATIENCE
from frontdesk.config import ServerConfig, Times

from .conftest import ROOT

UNIT = ROOT / "deploy/ec2/frontdesk.service"
SOCKET = ROOT / "deploy/ec2/frontdesk.socket"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian: systemd)"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with an ExecStart that exists on this machine, which systemd looks for."""
    path = tmp_path / "frontdesk.service"
    installed = str(Path(sys.executable).with_name("frontdesk"))
    path.write_text(UNIT.read_text("utf-8").replace("/opt/frontdesk/current/bin/frontdesk", installed), "utf-8")
    shutil.copy(SOCKET, tmp_path)
    return path


def _read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(unit, "utf-8")
    return parser


def _analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
def test_systemd_understands_every_line_of_the_unit(unit: Path) -> None:
    # Judged by what it says of this unit: its exit code also tells of the machine's other units.
    told = _analyze("verify", unit, unit.with_name(SOCKET.name)).stderr
    assert not [line for line in told.splitlines() if "frontdesk" in line]


@needs_systemd
def test_a_mistake_in_the_unit_would_be_seen(unit: Path) -> None:
    unit.write_text(unit.read_text("utf-8").replace("ProtectHome=yes", "ProtectHomes=yes"), "utf-8")
    assert "ProtectHomes" in _analyze("verify", unit).stderr


@needs_systemd
def test_the_unit_is_exposed_to_little(unit: Path) -> None:
    judged = _analyze("security", "--offline=true", "--threshold=20", unit)
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr


@needs_systemd
def test_a_mistake_in_the_socket_would_be_seen(unit: Path) -> None:
    socket = unit.with_name(SOCKET.name)
    socket.write_text(socket.read_text("utf-8").replace("NoDelay=yes", "NoDelays=yes"), "utf-8")
    assert "NoDelays" in _analyze("verify", socket).stderr


def test_systemd_waits_for_a_stop_as_long_as_the_server_counts_on() -> None:
    assert _read(UNIT).getfloat("Service", "TimeoutStopSec") == Times().supervisor_kill


def test_the_servers_own_watchdog_comes_before_systemds() -> None:
    assert _read(UNIT).getfloat("Service", "WatchdogSec") > Times().loop_exit + Times().loop_warning


def test_a_start_may_wait_for_the_store() -> None:
    assert _read(UNIT).getfloat("Service", "TimeoutStartSec") > STORE_PATIENCE


def test_the_service_is_served_on_the_first_descriptor_of_its_socket() -> None:
    service = _read(UNIT)
    assert "--bind fd://3 " in service.get("Service", "ExecStart")
    assert service.get("Unit", "Requires") == SOCKET.name
    assert _read(SOCKET).get("Socket", "ListenStream") == ServerConfig().bind
