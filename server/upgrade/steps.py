"""The steps of an upgrade, in order.

Up to the switch nothing of the old release is touched, and its server serves on. From the switch on a journal says what is
to be finished, or undone.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NoReturn, Protocol

from . import UpgradeRefused
from .account import Account
from .gate import Gate
from .releases import Journal, Release, Releases, Tell
from .restarting import Restart, RestartFailed


class RolledBack(Exception):
    """The new release was not accepted. What happened, and what is there now."""


class Installer(Protocol):
    """Makes environments."""

    @property
    def source(self) -> str:
        """What is installed, as the operator has written it."""
        ...

    def install(self, old: Release, new: Release) -> list[str]:
        """Make *new*; what was taken over from *old*. Raises UpgradeRefused."""
        ...


@dataclass(frozen=True)
class Data:
    """What is upgraded: a tenants file and its store."""

    file: str
    """As a command takes it: an absolute path, or an address."""
    folder: Path
    """In which commands are run."""
    backups: Path
    account: Account
    schemas: Mapping[str, int]
    """Collection → the schema that the running release writes."""


@dataclass(frozen=True)
class Upgraded:
    """How it ended well."""

    journal: Journal
    resumed: bool
    migrated: bool
    """False: some documents could not be rewritten; their lines have been told."""


class Upgrade:
    """One upgrade of one home."""

    def __init__(
        self,
        releases: Releases,
        data: Data,
        installer: Installer,
        restart: Restart,
        gate: Gate,
        now: Callable[[], datetime],
        tell: Tell,
    ) -> None:
        """*tell* is given each step before it is done, and below it, indented, what came of it."""
        self._releases = releases
        self._data = data
        self._installer = installer
        self._restart = restart
        self._gate = gate
        self._now = now
        self._tell = tell

    def plan(self) -> list[str]:
        """What `run` would do, step by step. Raises UpgradeRefused."""
        journal = self._releases.journal()
        if journal is not None and self._is_unfinished(journal):
            return [self._words_of_going_on(journal)]
        old, new = self._releases.current(), self._releases.named(self._now())
        self._look(old)
        return list(self._words(new, old.version(), "the new release").values())

    def run(self) -> Upgraded:
        """Do it, or finish what was interrupted. Raises UpgradeRefused, RolledBack."""
        with self._releases.locked():
            journal = self._releases.journal()
            if journal is not None and self._is_unfinished(journal):
                self._tell(self._words_of_going_on(journal))
                return self._finish(journal, resumed=True)
            old, new = self._releases.current(), self._releases.named(self._now())
            self._look(old)
            self._releases.sweep()
            try:
                journal = self._prepare(old, new)
            except UpgradeRefused:
                shutil.rmtree(new.path, ignore_errors=True)
                raise
            self._releases.write(journal)
            self._say("switch", journal)
            self._releases.switch(new)
            return self._finish(journal, resumed=False)

    def _is_unfinished(self, journal: Journal) -> bool:
        """Whether it came as far as the switch: else it begins anew."""
        return bool(journal.failed) or str(self._releases.current().path) == journal.new

    def _look(self, old: Release) -> None:
        """Refuse what could not be judged afterwards."""
        answer = self._gate.look()
        if answer is None:
            raise UpgradeRefused(
                f"nobody answers on {self._gate.url}/readyz: start the server first, or say with --url where it is"
            )
        if answer.release != old.name:
            raise UpgradeRefused(
                f"on {self._gate.url} answers {answer.version or 'something'} in {answer.release or 'an unknown place'}, "
                f"and {self._releases.link} leads to {old.path}: have the server started as "
                f"{self._releases.link}/bin/frontdesk, and restart it"
            )
        self._tell(f"{answer.version} in {old.path} answers on {self._gate.url}: {answer.status}")

    def _prepare(self, old: Release, new: Release) -> Journal:
        """Everything that can be done beside the old release."""
        backup = self._data.backups / f"{new.name}.db"
        journal = Journal(str(old.path), str(new.path), old.version(), "the new release", str(backup))
        self._say("install", journal)
        taken_over = self._installer.install(old, new)
        journal = replace(journal, new_version=new.version())
        self._tell(f"  installed {journal.new_version}; with it, as before: {', '.join(taken_over) or 'nothing else'}")
        self._say("check", journal)
        self._check(new, journal.new_version)
        self._say("back up", journal)
        try:
            self._data.account.make_folder(backup.parent)
        except OSError as err:
            raise UpgradeRefused(f"{backup.parent}: {err.strerror}; name another folder with --backup-to") from err
        self._must(old, "there is no backup", "backup", str(backup), "--file", self._data.file)
        self._say("bring up", journal)
        self._must(old, "a release reads what the one before it has stored, and no older", *self._migrate)
        return journal

    def _check(self, new: Release, version: str) -> None:
        self._must(new, f"{version} does not take the tenants file", "check", self._data.file)
        theirs = new.schemas()
        apart = [
            f"{name} ({schema} here, {theirs[name]} there)"
            for name, schema in self._data.schemas.items()
            if abs(theirs.get(name, schema) - schema) > 1
        ]
        if apart:
            raise UpgradeRefused(
                f"{version} is more than one release away in what it stores: {', '.join(apart)}. There would be no way "
                "back; upgrade to a release in between first"
            )

    def _must(self, release: Release, otherwise: str, *arguments: str) -> None:
        if self._run(release, *arguments):
            raise UpgradeRefused(
                f"{otherwise}: `frontdesk {shlex.join(arguments)}` failed, as told above. Nothing was replaced"
            )

    def _run(self, release: Release, *arguments: str) -> int:
        return release.run(
            *arguments, tell=lambda line: self._tell(f"  {line}"), account=self._data.account, folder=self._data.folder
        )

    def _finish(self, journal: Journal, *, resumed: bool) -> Upgraded:
        """From the switch on."""
        new = Release(Path(journal.new))
        if not journal.failed:
            self._say("restart", journal)
            journal = replace(journal, failed=self._start(new, resumed))
        if journal.failed:
            self._roll_back(journal)
        self._say("migrate", journal)
        migrated = self._run(new, *self._migrate) == 0
        self._releases.remember(Release(Path(journal.old)))
        self._releases.close()
        self._releases.sweep()
        return Upgraded(journal, resumed, migrated)

    def _start(self, release: Release, resumed: bool) -> str:
        """Restart the server, unless that is done already; empty, or why *release* is not ready."""
        if not (resumed and self._gate.open_for(release)):
            try:
                self._restart(self._gate.within)
            except RestartFailed as err:
                return str(err)
        return self._gate.wait(release)

    def _roll_back(self, journal: Journal) -> NoReturn:
        """Raises RolledBack."""
        # First what is to be done: whoever finds the old release current knows then that it was not enough.
        self._releases.write(journal)
        old = Release(Path(journal.old))
        self._tell(f"  {journal.failed}")
        self._tell(
            f"Switch {self._releases.link} back to {old.path}; restart, if {journal.old_version} does not answer"
        )
        self._releases.switch(old)
        trouble = self._start(old, resumed=True)
        log = f"; the server's log: {self._restart.log}" if self._restart.log else ""
        said = f"{journal.new_version} was not accepted: {journal.failed}{log}."
        backup = f"The backup from before is {journal.backup}."
        if trouble:
            raise RolledBack(
                f"{said}\n{journal.old_version} is current again and does not answer: {trouble}. Mend that, and repeat the "
                f"command.\n{backup}"
            )
        self._releases.close()
        raise RolledBack(
            f"{said}\n{journal.old_version} is current again and answers. It reads what {journal.new_version} has stored "
            f"meanwhile, so nothing was restored.\n{backup}\n{journal.new_version} stays in {journal.new} until the next "
            "upgrade."
        )

    @property
    def _migrate(self) -> tuple[str, ...]:
        return ("migrate", "--file", self._data.file)

    def _say(self, step: str, journal: Journal) -> None:
        new = Release(Path(journal.new))
        self._tell(self._words(new, journal.old_version, journal.new_version)[step])

    def _words(self, new: Release, old_version: str, new_version: str) -> dict[str, str]:
        """What each step does, in order."""
        return {
            "install": f"Install {self._installer.source} into {new.path}",
            "check": f"Check {self._data.file} with {new_version}",
            "back up": f"Back up the store to {self._data.backups / new.name}.db",
            "bring up": f"Bring what is stored to the form of {old_version}",
            "switch": f"Switch {self._releases.link} to {new.path}",
            "restart": f"Restart ({self._restart.shown}), and wait at most {self._gate.within:g} s until {new_version} is "
            "ready; else switch back",
            "migrate": f"Bring what is stored to the form of {new_version}",
        }

    def _words_of_going_on(self, journal: Journal) -> str:
        return (
            f"The upgrade from {journal.old_version} to {journal.new_version} was interrupted: "
            f"{'go back' if journal.failed else 'finish it, or go back'}"
        )
