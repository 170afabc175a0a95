"""Which installations can be upgraded, and what the others are told; the link; as whom data is touched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from frontdesk.upgrade import UpgradeRefused, releases
from frontdesk.upgrade.account import Account, owner_of
from frontdesk.upgrade.releases import Journal, Release, Releases, find

BASE = "/usr"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With two environments, the first of which is current; what is installed is a copy."""
    for name in (".venv", "releases/20261127-101500"):
        (tmp_path / name / "bin").mkdir(parents=True)
    (tmp_path / "current").symlink_to(".venv")
    monkeypatch.setattr(releases, "editable", lambda: None)
    return tmp_path


def test_the_home_is_found_from_the_first_environment_and_from_a_later_one(home: Path) -> None:
    assert find(f"{home}/.venv", BASE) == Releases(home)
    Releases(home).switch(Release(home / "releases/20261127-101500"))
    assert os.readlink(home / "current") == "releases/20261127-101500", "the home may be moved or mounted elsewhere"
    assert find(f"{home}/releases/20261127-101500", BASE) == Releases(home)
    with pytest.raises(UpgradeRefused, match=r"is another one: run .*/current/bin/frontdesk upgrade"):
        find(f"{home}/.venv", BASE)


def test_the_release_before_may_finish_what_was_interrupted(home: Path) -> None:
    found, new = Releases(home), home / "releases/20261127-101500"
    found.write(Journal(old=f"{home}/.venv", new=str(new)))
    found.switch(Release(new))
    assert find(f"{home}/.venv", BASE) == found == find(str(new), BASE)


def test_a_journal_of_another_release_is_read(home: Path) -> None:
    Releases(home).folder.joinpath("upgrade.json").write_text('{"old": "a", "of the future": [1]}')
    assert Releases(home).journal() == Journal(old="a")


@pytest.mark.parametrize(
    ("prefix", "base", "said"),
    [
        (BASE, BASE, "not in a virtual environment of its own"),
        ("{home}/current", BASE, "run {home}/current/bin/frontdesk, not its python"),
        ("{home}/elsewhere/.venv", BASE, "ln -s .venv {home}/elsewhere/current"),
    ],
)
def test_other_installations_are_told_what_to_do(home: Path, prefix: str, base: str, said: str) -> None:
    (home / "elsewhere/.venv").mkdir(parents=True)
    with pytest.raises(UpgradeRefused) as told:
        find(prefix.format(home=home), base)
    assert said.format(home=home) in str(told.value)


def test_a_clone_that_runs_in_place_is_told_how_to_upgrade_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "editable", lambda: "/srv/frontdesk")
    with pytest.raises(UpgradeRefused) as told:
        find(f"{home}/.venv", BASE)
    for line in ("git -C /srv/frontdesk pull", f"{home}/.venv/bin/pip install -e /srv/frontdesk", "frontdesk migrate"):
        assert line in str(told.value)


def test_an_editable_install_is_known_by_what_pip_has_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "frontdesk-99.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: frontdesk\nVersion: 99\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert releases.editable() is None, "from an index"
    note = info / "direct_url.json"
    note.write_text(json.dumps({"url": "file:///srv/frontdesk", "dir_info": {}}))
    assert releases.editable() is None, "a copy of a folder"
    note.write_text(json.dumps({"url": "file:///srv/frontdesk", "dir_info": {"editable": True}}))
    assert releases.editable() == "/srv/frontdesk"


def test_a_home_that_is_somebody_elses_is_refused(home: Path) -> None:
    (home / "releases/lock").mkdir()  # nobody can open that for writing, root neither
    with pytest.raises(UpgradeRefused, match="run it as whoever owns"), Releases(home).locked():
        pass


def test_a_command_that_cannot_be_run_fails(home: Path) -> None:
    told: list[str] = []
    release = Release(home / ".venv")
    assert release.run("check", tell=told.append, account=Account(), folder=home) == 127
    assert f"{home}/.venv/bin/frontdesk" in told[0]
    with pytest.raises(UpgradeRefused, match="--version"):
        release.version()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_root_touches_data_as_its_owner(home: Path) -> None:
    store = home / "frontdesk.db"
    store.touch()
    assert owner_of(store) == Account()
    os.chown(store, 12345, 12346)
    account = owner_of(store)
    script = home / ".venv/bin/frontdesk"
    script.write_text("#!/bin/sh\necho $(id -u) $(id -g) $(id -G)\n")
    script.chmod(0o755)
    for folder in (home, *home.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    told: list[str] = []
    assert Release(home / ".venv").run("x", tell=told.append, account=account, folder=Path("/")) == 0, told
    assert told == ["12345 12346 12346"]
    account.make_folder(home / "backups")
    made = (home / "backups").stat()
    assert (made.st_uid, made.st_gid, oct(made.st_mode)[-3:]) == (12345, 12346, "700")
