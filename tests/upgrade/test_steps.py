"""An upgrade's steps, what it refuses, and the way back: with real processes, which are stand-ins for releases."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk.upgrade import UpgradeRefused
from frontdesk.upgrade.releases import Release
from frontdesk.upgrade.steps import RolledBack

from .conftest import NEW, Machine, make_release

BACKUP = f"HOME/data/backups/{NEW}.db"
FILE = "/etc/tenants.yaml"
STEPS = (
    "Install",
    "Check",
    "Back up",
    "Bring what is stored to the form of 1.0",
    "Switch",
    "Restart",
    "Bring what is stored to the form of 2.0",
)
KILLED = """
import json, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import Machine
home, pid, port, at, behaviour = json.loads(sys.argv[2])
class Deadly(list):
    def append(self, line):
        if line.startswith(at):
            os.kill(os.getpid(), signal.SIGKILL)
Machine(Path(home), pid, port, Deadly()).upgrade(within=1, **behaviour).run()
"""


def killed(machine: Machine, at: str, **behaviour: object) -> None:
    """An upgrade that is killed when it says that it begins with *at*, or by its own command for a restart."""
    given = json.dumps([str(machine.home), machine.pid, machine.port, at, behaviour])
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), given]
    died = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert died.returncode == -signal.SIGKILL, died.stderr


def test_what_is_done_in_which_order(machine: Machine) -> None:
    steps = [each.replace("the new release", "2.0") for each in machine.upgrade().plan()]
    done = machine.upgrade().run()
    assert [each for each in machine.said if not each.startswith((" ", "1.0 in"))] == steps
    assert all(each.startswith(begin) for each, begin in zip(steps, STEPS, strict=True))
    assert machine.commands() == [
        "1.0 --version",
        "1.0 --version",
        "2.0 --version",
        f"2.0 check {FILE}",
        "2.0 migrate --schemas",
        f"1.0 backup {BACKUP} --file {FILE}",
        f"1.0 migrate --file {FILE}",
        f"2.0 migrate --file {FILE}",
    ]
    assert machine.answer().version == "2.0"
    assert (done.journal.old_version, done.journal.new_version, done.migrated, done.resumed) == (
        "1.0",
        "2.0",
        True,
        False,
    )
    assert Path(done.journal.backup).read_text() == "all that is stored"
    assert machine.releases.current().name == NEW and machine.is_clean()
    assert machine.releases.previous.resolve() == machine.home / ".venv"
    assert "  installed 2.0; with it, as before: frontdesk-plugin-weather==1.2" in machine.said


def test_telling_the_steps_does_none(machine: Machine) -> None:
    machine.upgrade().plan()
    assert machine.commands() == ["1.0 --version"]
    assert sorted(path.name for path in machine.home.iterdir()) == [
        ".venv",
        "commands",
        "current",
        "data",
        "server.log",
    ]


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"check": 1}, "2.0 does not take the tenants file: `frontdesk check /etc/tenants.yaml` failed"),
        ({"schemas": {"messages": 3}}, r"more than one release away in what it stores: messages \(1 here, 3 there\)"),
        ({"schemas": "none"}, "migrate --schemas: found '\"none\"' where JSON should be"),
    ],
)
def test_what_is_refused_before_anything_is_replaced(machine: Machine, behaviour: dict[str, object], said: str) -> None:
    with pytest.raises(UpgradeRefused, match=said):
        machine.upgrade(**behaviour).run()
    assert not [each for each in machine.commands() if "backup" in each or "migrate --file" in each]
    assert machine.answer().version == "1.0"
    assert machine.releases.current().name == ".venv" and machine.is_clean()
    assert not (machine.releases.folder / NEW).exists()


def test_without_a_backup_nothing_is_replaced(machine: Machine) -> None:
    behaviour = machine.home / ".venv/behaviour.json"
    behaviour.write_text(json.dumps({**json.loads(behaviour.read_text()), "backup": 1}))
    with pytest.raises(UpgradeRefused, match="there is no backup"):
        machine.upgrade().run()
    assert machine.releases.current().name == ".venv" and machine.answer().version == "1.0"


@pytest.mark.parametrize("status", [503, None], ids=["never-ready", "ends-at-once"])
def test_a_release_that_does_not_get_ready_is_taken_back(machine: Machine, status: int | None) -> None:
    with pytest.raises(RolledBack) as told:
        machine.upgrade(within=1.5, ready=status).run()
    for word in (
        "2.0 was not accepted: not ready within 1.5 s",
        "1.0 is current again and answers",
        f"{NEW}.db",
        "the log",
    ):
        assert word in str(told.value)
    assert machine.answer().version == "1.0" and machine.answer().ready
    assert machine.releases.current().name == ".venv" and machine.is_clean()
    assert f"2.0 migrate --file {FILE}" not in machine.commands()


def test_a_restart_that_fails_is_not_waited_for(machine: Machine) -> None:
    with pytest.raises(RolledBack, match=r"1\.0 is current again and answers"):
        machine.upgrade(within=1000, restart="exit 3").run()
    assert "  exit 3: exit code 3" in machine.said
    assert machine.releases.current().name == ".venv" and machine.is_clean()


def test_a_server_that_goes_on_with_the_old_release_is_told(machine: Machine) -> None:
    with pytest.raises(RolledBack, match=r"says: ready \(1\.0 in \.venv\), so it was not restarted, or is not started"):
        machine.upgrade(within=0.5, restart="true").run()
    assert machine.releases.current().name == ".venv" and machine.is_clean()


def test_what_nobody_needs_is_deleted_and_nothing_else(machine: Machine) -> None:
    folder = machine.releases.folder
    for name in ("20250101-000000", "20260101-000000", "mine"):
        make_release(folder / name, "0.9")
    machine.releases.remember(Release(folder / "20260101-000000"))
    with pytest.raises(RolledBack):
        machine.upgrade(within=1, ready=503).run()
    assert sorted(path.name for path in folder.iterdir()) == ["20260101-000000", NEW, "lock", "mine"]
    machine.upgrade().run()
    assert sorted(path.name for path in folder.iterdir()) == [NEW, "lock", "mine"]


def test_documents_that_cannot_be_rewritten_are_no_reason_to_go_back(machine: Machine) -> None:
    done = machine.upgrade(migrate=1).run()
    assert not done.migrated and machine.answer().version == "2.0" and machine.is_clean()


@pytest.mark.parametrize("at", [STEPS[0], STEPS[2], *STEPS[4:]])
def test_killed_at_any_step_it_goes_on_when_it_is_run_again(machine: Machine, at: str) -> None:
    killed(machine, at)
    served = machine.answer()
    assert served.ready and served.version == ("2.0" if at == STEPS[-1] else "1.0")
    done = machine.upgrade().run()
    assert done.resumed == (at in STEPS[-2:])
    assert machine.answer().version == "2.0"
    assert machine.releases.current().name == NEW and machine.is_clean()
    assert machine.commands()[-1] == f"2.0 migrate --file {FILE}"


def test_killed_while_it_goes_back_it_goes_back_when_it_is_run_again(machine: Machine) -> None:
    killed(machine, "Switch HOME/current back".replace("HOME", str(machine.home)), ready=503)
    with pytest.raises(RolledBack, match=r"2\.0 was not accepted: not ready within 1 s"):
        machine.upgrade().run()
    assert machine.answer().version == "1.0" and machine.answer().ready
    assert machine.releases.current().name == ".venv" and machine.is_clean()


def test_killed_between_the_way_back_and_the_restart_it_restarts_when_it_is_run_again(machine: Machine) -> None:
    once = f"{machine.home}/once"
    restart = f"if [ -e {once} ]; then kill -9 $PPID; else touch {once}; {machine.restart}; fi"
    killed(machine, "never", ready=503, restart=restart)
    assert machine.releases.current().name == ".venv" and machine.answer().version == "2.0"
    with pytest.raises(RolledBack):
        machine.upgrade().run()
    assert machine.answer().version == "1.0" and machine.answer().ready and machine.is_clean()


def test_an_interrupted_upgrade_may_end_in_going_back(machine: Machine) -> None:
    killed(machine, "Restart", ready=503)
    with pytest.raises(RolledBack):
        machine.upgrade(within=1).run()
    assert machine.answer().version == "1.0" and machine.is_clean()


def test_where_nobody_answers_or_another_release_nothing_is_begun(machine: Machine) -> None:
    machine.home.joinpath("current").unlink()
    make_release(machine.home / "other", "1.1")
    machine.home.joinpath("current").symlink_to("other")
    with pytest.raises(
        UpgradeRefused, match=r"answers 1\.0 in \.venv, and .*/current leads to .*/other: have the server"
    ):
        machine.upgrade().run()
    machine.port = 9
    with pytest.raises(UpgradeRefused, match=r"nobody answers on http://127\.0\.0\.1:9/readyz"):
        machine.upgrade().run()
    assert machine.commands() == []


def test_two_at_once_are_one_too_many(machine: Machine) -> None:
    with machine.releases.locked(), pytest.raises(UpgradeRefused, match=r"another upgrade of .* is running"):
        machine.upgrade().run()
