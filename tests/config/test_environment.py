"""`.env` beside the tenants file: read, never stronger than the environment, never repeated in an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from frontdesk.config import ConfigError, load_env


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"FD_SET": "from outside"})


def test_what_is_not_set_is_set_and_what_is_set_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\nFD_SET=from the file\nexport FD_NEW='một hai'\nFD_PASSWORD=pa$$w${HOME}rd\n", encoding="utf-8"
    )
    assert load_env(tmp_path) == tmp_path / ".env"
    ours = {name: value for name, value in os.environ.items() if name.startswith("FD_")}
    assert ours == {"FD_SET": "from outside", "FD_NEW": "một hai", "FD_PASSWORD": "pa$$w${HOME}rd"}


def test_a_folder_without_one_is_fine(tmp_path: Path) -> None:
    assert load_env(tmp_path) is None


@pytest.mark.parametrize("line", ["hunter2", "hunter2 hunter2", "A='hunter2", 'A="hunter2', "=hunter2"])
def test_a_broken_line_is_told_by_its_number_and_not_repeated(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"FD_NEW=1\n\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        load_env(tmp_path)
    assert str(caught.value) == f"{tmp_path}/.env:3: a line that is not NAME=value; one NAME=value a line"
    assert "FD_NEW" not in os.environ


def test_one_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=hunter2\xff\n")
    with pytest.raises(ConfigError, match=r"cannot be read \(it is not UTF-8\)") as caught:
        load_env(tmp_path)
    assert "hunter2" not in str(caught.value)
