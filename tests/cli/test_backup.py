"""What `frontdesk backup` and `frontdesk restore` refuse; tests/docs/test_operate.py runs them for good."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from frontdesk.cli import main


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_database_server_is_not_ours_to_back_up(
    example: dict[str, Any], write: Callable[..., Path], capsys: pytest.CaptureFixture[str], command: str
) -> None:
    path = write({**example, "server": {"store": "mongodb://localhost:27017/frontdesk"}})
    assert main([command, "b.db", "--file", str(path)]) == 1
    said = capsys.readouterr().err
    assert said == f"frontdesk {command}: the store is a database server; back it up with its own snapshots\n"


def test_a_store_that_is_not_there_is_not_made(
    example: dict[str, Any], write: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["backup", str(tmp_path / "b.db"), "--file", str(write(example))]) == 1
    assert "nothing has been stored yet" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["tenants.yaml"]


def test_a_folder_that_is_not_there_is_told_by_the_name_that_was_given(
    example: dict[str, Any], write: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = write(example)
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data/frontdesk.db")) as store:
        store.execute("CREATE TABLE something (id)")
    target = tmp_path / "none" / "b.db"
    assert main(["backup", str(target), "--file", str(file)]) == 1
    said = capsys.readouterr().err
    assert f"{target}: the backup failed: No such file or directory. Name a file" in said


def test_a_url_whose_secret_is_missing_is_told_by_its_name(
    example: dict[str, Any],
    write: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STORE_URL", raising=False)
    path = write({**example, "server": {"store": {"env": "STORE_URL"}}})
    assert main(["restore", "b.db", "--file", str(path)]) == 1
    assert "STORE_URL" in capsys.readouterr().err
