"""What pip is given. tests/upgrade/test_wheels.py has it install."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from frontdesk.config import load_env
from frontdesk.upgrade import UpgradeRefused, installing
from frontdesk.upgrade.installing import Pip
from frontdesk.upgrade.releases import Release


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The commands that were run, in place of them; the old environment has a plugin and uvloop, which nothing requires."""
    commands: list[list[str]] = []

    def run(command: Sequence[str]) -> str:
        commands.append(list(command))
        if "list" in command:
            alone = '{"name": "frontdesk"}, {"name": "Frontdesk_Plugin.Weather"}, {"name": "uvloop"}'
            return f"[{alone}]" if "--not-required" in command else f'[{alone}, {{"name": "PyYAML"}}]'
        if "freeze" in command:
            return "frontdesk-plugin-weather==1.2\n# Editable install with no version control (x==1)\n-e /srv/x\nuvloop==1\n"
        if "install" in command:
            taken = Path(command[command.index("--requirement") + 1]).read_text().split("\n")
            commands.append([*(path.name for path in sorted(Path(command[7]).glob("*"))), *taken])
        (tmp_path / "new/bin").mkdir(parents=True, exist_ok=True)
        (tmp_path / "new/bin/frontdesk").touch()
        return ""

    monkeypatch.setattr(installing, "_run", run)
    return commands


def test_neither_pip_nor_what_it_builds_is_given_the_secrets_of_env(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FD_FROM_OUTSIDE", "kept")
    monkeypatch.delenv("FD_SECRET", raising=False)
    (tmp_path / ".env").write_text("FD_SECRET=s3cret\n")
    load_env(tmp_path)
    try:
        said = installing._run(["/usr/bin/env"])
    finally:
        (tmp_path / ".env").unlink()
        load_env(tmp_path)
    assert "s3cret" not in said
    assert "FD_FROM_OUTSIDE=kept" in said


def install(folder: Path, source: str, *also: str) -> list[str]:
    return Pip(source, also).install(Release(folder / "old"), Release(folder / "new"))


def test_what_stands_beside_frontdesk_is_taken_over(ran: list[list[str]], tmp_path: Path) -> None:
    assert install(tmp_path, "0.2.0") == ["frontdesk-plugin-weather==1.2", "-e /srv/x", "uvloop==1"]
    freeze, venv, pip, taken_over = ran[2:]
    assert freeze[-2:] == ["--exclude=frontdesk", "--exclude=pyyaml"]
    assert venv == [f"{tmp_path}/old/bin/python", "-m", "venv", f"{tmp_path}/new"]
    assert pip[0] == f"{tmp_path}/new/bin/python" and pip[7] == "frontdesk==0.2.0"
    assert taken_over[:3] == ["frontdesk-plugin-weather==1.2", "-e /srv/x", "uvloop==1"]


@pytest.mark.parametrize(
    ("also", "left_out"),
    [
        ("frontdesk.plugin_weather>=2", "frontdesk-plugin-weather"),
        ("/srv/frontdesk_plugin_weather-2.0-py3-none-any.whl", "frontdesk-plugin-weather"),
    ],
)
def test_what_is_said_otherwise_is_not_taken_over(
    ran: list[list[str]], tmp_path: Path, also: str, left_out: str
) -> None:
    install(tmp_path, "0.2.0", also)
    assert f"--exclude={left_out}" in ran[2] and also in ran[4]


def test_a_folder_is_built_from_a_copy_without_what_builds_and_data_left_in_it(
    ran: list[list[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "clone"
    for name in ("build", ".venv", "releases", "data", "server"):
        (folder / name).mkdir(parents=True)
    (folder / "current").symlink_to(".venv")
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).touch()
    install(tmp_path, str(folder))
    pip, there = ran[4:]
    assert there[:4] == ["constraints.txt", "current", "pyproject.toml", "server"]
    assert pip[8:10] == ["--constraint", f"{pip[7]}/constraints.txt"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["build", ".venv", "releases", "data", "server", "current", "pyproject.toml", "constraints.txt"]
    )


@pytest.mark.parametrize("source", ["/srv/frontdesk-2.0-py3-none-any.whl", "./nowhere", "frontdesk-2.0.whl"])
def test_a_source_that_is_not_there_is_told_at_once(source: str) -> None:
    with pytest.raises(UpgradeRefused, match="is not there"):
        Pip(source).check()


def test_a_folder_without_sources_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UpgradeRefused, match=r"has no pyproject\.toml"):
        Pip(str(tmp_path)).check()
    for source in ("0.2.0", "frontdesk", "frontdesk[otel]==2", "git+https://example.com/frontdesk.git", __file__):
        Pip(source).check()


def test_what_pip_says_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python"
    python.write_text("#!/bin/sh\necho 'No module named pip' >&2; exit 1\n")
    python.chmod(0o755)
    with pytest.raises(UpgradeRefused, match=r"pip .*list.*:\nNo module named pip"):
        Pip("0.2.0").install(Release(tmp_path), Release(tmp_path / "new"))
