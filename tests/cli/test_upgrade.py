"""What `frontdesk upgrade` says before it begins; tests/upgrade has what it does."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from frontdesk.cli import main
from frontdesk.testing.process import free_port
from frontdesk.upgrade import releases
from frontdesk.upgrade.releases import Releases

SERVE = "true"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It is as if this were installed as it should be."""
    home = tmp_path / "home"
    (home / ".venv").mkdir(parents=True)
    (home / "current").symlink_to(".venv")
    monkeypatch.setattr(import_module("frontdesk.cli.upgrade"), "find", lambda *_: Releases(home))
    return home


def test_a_clone_in_place_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(releases, "editable", lambda: "/srv/frontdesk")
    assert main(["upgrade", "0.2.0"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Frontdesk runs from /srv/frontdesk itself") and "\n  git -C /srv/frontdesk pull\n" in said


@pytest.mark.parametrize(
    ("server", "arguments", "said"),
    [
        ({"store": "mongodb://localhost:27017/frontdesk"}, [], "upgrade them one after the other"),
        ({}, [], "an upgrade needs a store that a server has made"),
        ({"bind": "fd://3"}, [], "say with --url"),
    ],
)
def test_what_it_is_not_for(
    home: Path,
    example: dict[str, Any],
    write: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    server: dict[str, Any],
    arguments: list[str],
    said: str,
) -> None:
    path = write({**example, "server": server})
    assert main(["upgrade", "0.2.0", "--file", str(path), "--restart", SERVE, *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_server_that_does_not_run_is_not_upgraded(
    home: Path, example: dict[str, Any], write: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/frontdesk.db").touch()
    port = free_port()
    path = write({**example, "server": {"bind": f"127.0.0.1:{port}"}})
    for more in ([], ["--dry-run"]):
        assert main(["upgrade", "0.2.0", "--file", str(path), "--restart", SERVE, *more]) == 1
        assert f"nobody answers on http://127.0.0.1:{port}/readyz" in capsys.readouterr().err


def test_the_schemas_are_printed_for_the_release_before(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--schemas"]) == 0
    assert '"messages": 2' in capsys.readouterr().out
