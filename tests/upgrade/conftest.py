"""A home with releases that are stand-ins, and a supervisor that runs the current one: real processes, without pip."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frontdesk.upgrade.account import Account
from frontdesk.upgrade.gate import Answer, Gate
from frontdesk.upgrade.releases import Release, Releases
from frontdesk.upgrade.restarting import Restart
from frontdesk.upgrade.steps import Data, Upgrade

HERE = Path(__file__).parent
SCHEMAS = {"messages": 1, "conversations": 2}
NOW = datetime(2026, 11, 27, 10, 15, tzinfo=UTC)
NEW = "20261127-101500"
WITHIN, HOLDS, PATIENCE = 30.0, 0.2, 1.0


@contextmanager
def supervised(home: Path, *arguments: str) -> Iterator[tuple[int, int]]:
    """Somebody runs `frontdesk ARGUMENTS` of the current release: its process id, and the port it holds."""
    command = [sys.executable, "-S", str(HERE / "supervisor.py"), str(home), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.terminate()


def make_release(path: Path, version: str, **behaviour: Any) -> None:
    """An environment with a stand-in. *behaviour*: `ready`, a status (None: it ends at once); `schemas`; for a command, its
    exit code."""
    (path / "bin").mkdir(parents=True)
    script = path / "bin" / "frontdesk"
    script.write_text(f"#!{sys.executable} -S\n{(HERE / 'stand_in.py').read_text('utf-8')}", "utf-8")
    script.chmod(0o755)
    how = {"version": version, "ready": 200, "schemas": SCHEMAS, **behaviour}
    (path / "behaviour.json").write_text(json.dumps(how), "utf-8")


@dataclass
class StandIns:
    """Installs a stand-in of 2.0, in place of pip."""

    behaviour: dict[str, Any] = field(default_factory=dict)
    source: str = "frontdesk==2.0"

    def install(self, old: Release, new: Release) -> list[str]:
        make_release(new.path, "2.0", **self.behaviour)
        return ["frontdesk-plugin-weather==1.2"]


@dataclass
class Machine:
    """A machine that serves 1.0, and what an upgrade of it says."""

    home: Path
    pid: int
    port: int
    said: list[str] = field(default_factory=list)

    @property
    def releases(self) -> Releases:
        return Releases(self.home)

    @property
    def restart(self) -> str:
        return f"kill -HUP {self.pid}"

    def gate(self, within: float = WITHIN) -> Gate:
        return Gate(f"http://127.0.0.1:{self.port}", within, HOLDS, PATIENCE)

    def upgrade(self, within: float = WITHIN, restart: str = "", **behaviour: Any) -> Upgrade:
        """To a stand-in of 2.0 that does as *behaviour* says."""
        (self.home / "data").mkdir(exist_ok=True)
        data = Data("/etc/tenants.yaml", self.home, self.home / "data/backups", Account(), SCHEMAS)
        shown = restart or self.restart
        way = Restart([["/bin/sh", "-c", shown]], shown, "the log")
        gate = self.gate(within)
        return Upgrade(self.releases, data, StandIns(behaviour), way, gate, lambda: NOW, self.said.append)

    def answer(self) -> Answer:
        """What the server says now, which may be waited for."""
        answer = self.gate().look()
        assert answer is not None, (self.home / "server.log").read_text()
        return answer

    def commands(self) -> list[str]:
        """Those that releases were given, since the last time; without the servers'."""
        path = self.home / "commands"
        given = path.read_text().replace(str(self.home), "HOME").splitlines()
        path.write_text("")
        return [each for each in given if " serve " not in each]

    def is_clean(self) -> bool:
        """Whether nothing is left to be finished."""
        return self.releases.journal() is None and not [*self.home.glob("*.part"), *self.home.glob("releases/*.part")]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = tmp_path / "opt"
    home.mkdir()
    (home / "current").symlink_to(".venv")
    make_release(home / ".venv", "1.0")
    with supervised(home, "serve", "{fd}") as (pid, port):
        machine = Machine(home, pid, port)
        assert machine.gate().wait(Release(home / ".venv")) == ""
        machine.commands()
        yield machine
    shutil.rmtree(home)
