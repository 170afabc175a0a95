"""Makes a new environment with pip. Options of pip's are given as its own variables: PIP_INDEX_URL, PIP_CONSTRAINT, …"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from frontdesk.config import environment_from_outside

from . import UpgradeRefused
from .releases import FOLDER, Release

PACKAGE = "frontdesk"
CONSTRAINTS = "constraints.txt"
LAST_LINES = 15
"""Of what pip says when it fails."""

_NOT_SOURCES = (".*", FOLDER, "build", "dist", "data", "__pycache__", "*.egg-info")
"""Of a folder: `build` would bring modules back that are gone since; environments and data are large."""
_VERSION = re.compile(r"\d[\w.!+-]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Pip:
    """Installs *source*, and beside it what stands on its own in the old environment: plugins above all."""

    source: str
    """A version, a requirement, a wheel, or a folder with the sources."""
    also: Sequence[str] = ()
    """More requirements; what they name is not taken over from the old environment."""

    def check(self) -> None:
        """Raises UpgradeRefused for a source that cannot be one."""
        path = Path(self.source)
        if path.is_dir():
            if not (path / "pyproject.toml").is_file():
                raise UpgradeRefused(f"{path} has no pyproject.toml; name the folder with the sources of Frontdesk")
        elif not path.is_file() and "://" not in self.source and ("/" in self.source or path.suffix == ".whl"):
            raise UpgradeRefused(f"{path} is not there; name a version, a wheel, or a folder with the sources")

    def install(self, old: Release, new: Release) -> list[str]:
        """Make the environment *new*; what was taken over from *old*, as requirements. Raises UpgradeRefused."""
        taken_over = self._beside(old)
        _run([str(old.python), "-m", "venv", str(new.path)])
        with self._sources() as sources, tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(taken_over) + "\n")
            file.flush()
            _run([*_pip(new), "install", "--quiet", *sources, *self.also, "--requirement", file.name])
        if not new.command.exists():
            raise UpgradeRefused(f"{self.source} installed no command frontdesk; name a release of Frontdesk")
        return taken_over

    @contextmanager
    def _sources(self) -> Iterator[list[str]]:
        """What pip is given for the release."""
        path = Path(self.source)
        if path.is_dir():
            with tempfile.TemporaryDirectory(prefix="frontdesk-") as folder:
                # A copy: a build in the folder itself would leave files there.
                copy = Path(folder) / "sources"
                shutil.copytree(path, copy, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_SOURCES))
                constraints = copy / CONSTRAINTS
                yield [str(copy), *(["--constraint", str(constraints)] if constraints.is_file() else [])]
        elif path.is_file():
            yield [str(path.absolute())]
        elif _VERSION.fullmatch(self.source):
            yield [f"{PACKAGE}=={self.source}"]
        else:
            yield [self.source]

    def _beside(self, old: Release) -> list[str]:
        """What nothing else in *old* requires, as pip writes it down; without Frontdesk, and what `also` names."""
        everything, alone = (_names(old, *more) for more in ([], ["--not-required"]))
        left_out = (everything - alone) | {PACKAGE} | {_normal(_name(each)) for each in self.also}
        said = _run([*_pip(old), "freeze", "--local", *(f"--exclude={name}" for name in sorted(left_out))])
        return [line for line in said.splitlines() if line and not line.startswith("#")]


def _names(release: Release, *more: str) -> set[str]:
    listed = json.loads(_run([*_pip(release), "list", "--local", "--format=json", *more]))
    return {_normal(each["name"]) for each in listed}


def _pip(release: Release) -> list[str]:
    return [str(release.python), "-m", "pip", "--disable-pip-version-check", "--no-input"]


def _name(requirement: str) -> str:
    """The name of the project that a requirement, or the path of a wheel, is about; empty: it cannot be told."""
    path = Path(requirement)
    if path.suffix == ".whl":
        return path.name.partition("-")[0]
    found = _NAME.match(requirement)
    return found[0] if found and not path.exists() else ""


def _normal(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(command: Sequence[str]) -> str:
    """What it prints. Raises UpgradeRefused if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment_from_outside())  # noqa: S603  pip of an environment of ours
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:])
        raise UpgradeRefused(f"{' '.join(command)}:\n{said}")
    return done.stdout
