"""The releases that are installed on this machine, each a virtual environment of its own, in one home:

    /opt/frontdesk/.venv              the first one, as somebody has made it
    /opt/frontdesk/releases/20261127-101500
    /opt/frontdesk/current            a link to one of them: what is started from now on
    /opt/frontdesk/previous           a link to the one before

A release is started as `current/bin/frontdesk`, whose first line leads to the environment itself: a process that was begun
before a switch goes on with the files that it began with.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from frontdesk.config import environment_from_outside

from . import UpgradeRefused
from .account import Account

LINK = "current"
PREVIOUS = "previous"
FOLDER = "releases"
JOURNAL = "upgrade.json"
LOCK = "lock"
HOW_TO = "docs/how-to/upgrade.md"
LONGEST_ANSWER = 600.0
"""Seconds for a command that only says something."""

NOT_RUN = 127
"""The exit code, as a shell's, of a command that could not be begun."""
NAME = re.compile(r"\d{8}-\d{6}")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Release:
    """One environment."""

    path: Path

    @property
    def name(self) -> str:
        """What its server calls itself on /readyz."""
        return self.path.name

    @property
    def command(self) -> Path:
        return self.path / "bin" / "frontdesk"

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    def version(self) -> str:
        """What its command says. Raises UpgradeRefused if it cannot be run."""
        return self.ask("--version").split()[-1]

    def schemas(self) -> dict[str, int]:
        """Collection → the schema that it writes. Raises UpgradeRefused."""
        said = self.ask("migrate", "--schemas")
        try:
            return {str(name): int(schema) for name, schema in json.loads(said).items()}
        except (AttributeError, TypeError, ValueError) as err:
            raise UpgradeRefused(f"{self.command} migrate --schemas: found {said[:80]!r} where JSON should be") from err

    def ask(self, *arguments: str) -> str:
        """What a command prints. Raises UpgradeRefused if it fails."""
        command = [str(self.command), *arguments]
        try:
            asked = subprocess.run(  # noqa: S603  its own command
                command,
                capture_output=True,
                text=True,
                timeout=LONGEST_ANSWER,
                check=False,
                env=environment_from_outside(),
            )
        except (OSError, subprocess.TimeoutExpired) as err:
            raise UpgradeRefused(f"{' '.join(command)}: {err}") from err
        if asked.returncode:
            raise UpgradeRefused(f"{' '.join(command)}: {(asked.stderr or asked.stdout).strip()}")
        return asked.stdout.strip()

    def run(self, *arguments: str, tell: Tell, account: Account, folder: Path) -> int:
        """Do a command as *account* in *folder*; *tell* is given each line that it prints. Its exit code."""
        command = [str(self.command), *arguments]
        try:
            process = subprocess.Popen(  # noqa: S603  its own command
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=folder,
                env=environment_from_outside(),
                **account.switched(),
            )
        except OSError as err:
            tell(f"{self.command}: {err}")
            return NOT_RUN
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                tell(line.rstrip())
        return process.returncode


@dataclass(frozen=True)
class Journal:
    """What is known from the switch on, until the new release has been accepted or the old one is back.

    A file, which another release may read: what it does not know is left out, what it does not find is empty.
    """

    old: str = ""
    """The path of the environment, as is `new`."""
    new: str = ""
    old_version: str = ""
    new_version: str = ""
    backup: str = ""
    failed: str = ""
    """Why the old release is put back; empty: it is not."""


@dataclass(frozen=True)
class Releases:
    """Those of one home (absolute, without links in it)."""

    home: Path

    @property
    def link(self) -> Path:
        return self.home / LINK

    @property
    def previous(self) -> Path:
        return self.home / PREVIOUS

    @property
    def folder(self) -> Path:
        return self.home / FOLDER

    def current(self) -> Release:
        """What is started from now on."""
        return Release(self.link.resolve())

    def named(self, moment: datetime) -> Release:
        """A new one, which is not made."""
        return Release(self.folder / f"{moment:%Y%m%d-%H%M%S}")  # see NAME

    def switch(self, to: Release) -> None:
        """Start *to* from now on. There is no moment without a current one."""
        self._point(self.link, to)

    def remember(self, old: Release) -> None:
        """Name what was current before."""
        self._point(self.previous, old)

    def sweep(self) -> None:
        """Delete the releases that nobody needs, whole ones and halves: all but the current one and the one before."""
        kept = {self.link.resolve(), self.previous.resolve()}
        for path in self.folder.iterdir():
            if NAME.fullmatch(path.name) and path not in kept:
                shutil.rmtree(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else upgrades meanwhile. Raises UpgradeRefused if somebody does, or if we may not."""
        try:
            self.folder.mkdir(exist_ok=True)
            lock = (self.folder / LOCK).open("a")
        except OSError as err:
            raise UpgradeRefused(f"{self.folder}: {err.strerror}; run it as whoever owns {self.home}") from err
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UpgradeRefused(f"another upgrade of {self.home} is running; wait for its end") from None
            yield

    def journal(self) -> Journal | None:
        """That of an upgrade which was interrupted."""
        return _read(self.folder / JOURNAL)

    def write(self, journal: Journal) -> None:
        """Whole or not at all, and on disk."""
        path, part = self.folder / JOURNAL, self.folder / f"{JOURNAL}.part"
        with part.open("w", encoding="utf-8") as file:
            json.dump(asdict(journal), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync(self.folder)

    def close(self) -> None:
        """There is nothing to go on with."""
        (self.folder / JOURNAL).unlink(missing_ok=True)
        _sync(self.folder)

    def _point(self, link: Path, to: Release) -> None:
        part = link.with_name(f"{link.name}.part")
        part.unlink(missing_ok=True)
        part.symlink_to(os.path.relpath(to.path, self.home))
        part.replace(link)
        _sync(self.home)


def find(prefix: str, base_prefix: str) -> Releases:
    """The home of the release whose `sys.prefix` and `sys.base_prefix` these are.

    Raises UpgradeRefused, with what to do instead, for what is installed in another way.
    """
    path = Path(prefix).resolve()
    if prefix == base_prefix:
        raise UpgradeRefused(
            f"Frontdesk is not in a virtual environment of its own here ({prefix}). In a container, start one of the new "
            f"image on the same data; else see {HOW_TO}."
        )
    if Path(prefix).is_symlink():
        # This process would go on with the new release's files after the switch.
        raise UpgradeRefused(
            f"run {prefix}/bin/frontdesk, not its python: that would be another release after the switch"
        )
    if (clone := editable()) is not None:
        raise UpgradeRefused(_in_place(path, clone))
    home = path.parent.parent if path.parent.name == FOLDER else path.parent
    if (home / LINK).is_symlink():
        return _checked(Releases(home), path)
    raise UpgradeRefused(
        f"{path} is not reached by a link that could be switched. Once, as its owner:\n"
        f"  ln -s {path.name} {path.parent / LINK}\n"
        f"then have the server started as {path.parent / LINK}/bin/frontdesk, restart it, and run\n"
        f"  {path.parent / LINK}/bin/frontdesk upgrade …\n"
        f"{HOW_TO} goes through it."
    )


def editable() -> str | None:
    """The folder that Frontdesk runs from, if it is not copied into its environment (PEP 610); else None."""
    try:
        written = distribution("frontdesk").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    found = json.loads(written or "{}")
    if not found.get("dir_info", {}).get("editable"):
        return None
    return str(found.get("url", "")).removeprefix("file://")


def _in_place(path: Path, clone: str) -> str:
    """What to do with an editable install: the code is the clone's, so there is no old release to go back to."""
    return (
        f"Frontdesk runs from {clone} itself (an editable install): pulling there replaces it, and no release stays "
        "beside it to go back to. So, by hand:\n"
        f"  {path}/bin/frontdesk backup before-upgrade.db\n"
        f"  git -C {clone} pull\n"
        f"  {path}/bin/pip install -e {clone} -c {clone}/constraints.txt\n"
        f"  {path}/bin/frontdesk check\n"
        "then stop the server, start it again, and\n"
        f"  {path}/bin/frontdesk migrate\n"
        f"{HOW_TO} says how to install it so that this command can do it."
    )


def _checked(releases: Releases, path: Path) -> Releases:
    journal = releases.journal()
    interrupted = (journal.old, journal.new) if journal else ()
    if releases.link.resolve() != path and str(path) not in interrupted:
        raise UpgradeRefused(
            f"this is {path}, and {releases.link} is another one: run {releases.link}/bin/frontdesk upgrade"
        )
    return releases


def _read(path: Path) -> Journal | None:
    try:
        written = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    found: Mapping[str, object] = json.loads(written)
    return Journal(**{each.name: str(found.get(each.name, "")) for each in fields(Journal)})


def _sync(folder: Path) -> None:
    """A name that was changed in it is on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
