"""Where /readyz is asked, and how the server is started again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from frontdesk.config import ServerConfig
from frontdesk.upgrade import UpgradeRefused
from frontdesk.upgrade.gate import url_of
from frontdesk.upgrade.restarting import RestartFailed, way_to_restart

SYSTEMCTL = """#!/bin/sh
echo "$@" >> {log}
[ "$1" = show ] && printf 'LoadState={load}\\nActiveState={active}\\n' && exit 0
[ "$1" = restart ] && exit {code}
exit 1
"""


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:8001", "http://[::1]:8001"),
        ("localhost:8000", "http://localhost:8000"),
    ],
)
def test_the_server_is_asked_where_it_listens(bind: str, url: str) -> None:
    assert url_of(ServerConfig().bound_to(bind)) == url


@pytest.mark.parametrize("bind", ["fd://3", "unix:/run/frontdesk.sock"])
def test_what_has_no_port_must_be_said(bind: str) -> None:
    with pytest.raises(UpgradeRefused, match="say with --url"):
        url_of(ServerConfig().bound_to(bind))


def systemd(folder: Path, monkeypatch: pytest.MonkeyPatch, load: str, active: str, code: int = 0) -> Path:
    """A systemd that has the unit in such a state; the file of what it was told."""
    script, log = folder / "systemctl", folder / "told"
    script.write_text(SYSTEMCTL.format(log=log, load=load, active=active, code=code))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return log


@pytest.mark.parametrize("active", ["active", "activating", "failed"])
def test_systemd_restarts_its_unit_also_one_that_has_failed_too_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, active: str
) -> None:
    log = systemd(tmp_path, monkeypatch, "loaded", active)
    way = way_to_restart("")
    assert way.shown == "systemctl restart frontdesk.service"
    way(30)
    assert log.read_text().splitlines()[1:] == ["reset-failed frontdesk.service", "restart frontdesk.service"]


@pytest.mark.parametrize(("load", "active"), [("not-found", "inactive"), ("loaded", "inactive")])
def test_without_a_unit_that_runs_a_command_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: str, active: str
) -> None:
    log = systemd(tmp_path, monkeypatch, load, active)
    with pytest.raises(UpgradeRefused, match="--restart"):
        way_to_restart("")
    way_to_restart(f"echo by hand >> {log}")(30)
    assert log.read_text().endswith("by hand\n")


def test_a_restart_that_fails_or_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemd(tmp_path, monkeypatch, "loaded", "active", code=1)
    with pytest.raises(RestartFailed, match=r"systemctl restart frontdesk\.service: exit code 1"):
        way_to_restart("")(30)
    with pytest.raises(RestartFailed, match=r"did not end within 0\.2 s"):
        way_to_restart("sleep 60")(0.2)
