"""How the server is started again: systemd, or whatever the operator says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from frontdesk.config import environment_from_outside

from . import UpgradeRefused

UNIT = "frontdesk.service"
LOOK_SECONDS = 30.0


class RestartFailed(Exception):
    """The message says what was run, and what came of it."""


@dataclass(frozen=True)
class Restart:
    """Commands that start the server again, as `current` has it."""

    commands: Sequence[Sequence[str]]
    shown: str
    """The one that counts, as it may be typed."""
    log: str = ""
    """Where the server's log is to be read, if that is known."""

    def __call__(self, seconds: float) -> None:
        """Run them, *seconds* at most. Raises RestartFailed if the last one fails."""
        for command in self.commands:
            try:
                code = subprocess.run(command, timeout=seconds, check=False, env=environment_from_outside()).returncode  # noqa: S603  systemctl, or what the operator wrote
            except OSError as err:
                raise RestartFailed(f"{self.shown}: {err}") from err
            except subprocess.TimeoutExpired as err:
                raise RestartFailed(f"{self.shown}: it did not end within {seconds:g} s") from err
        if code:
            raise RestartFailed(f"{self.shown}: exit code {code}")


def way_to_restart(given: str) -> Restart:
    """By the operator's command, else by systemd. Raises UpgradeRefused if there is neither."""
    if given:
        return Restart([["/bin/sh", "-c", given]], given)
    systemctl = shutil.which("systemctl")
    if systemctl and _runs(systemctl):
        # Of a release that failed at every start systemd would not try another one soon.
        commands = [[systemctl, "reset-failed", UNIT], [systemctl, "restart", UNIT]]
        return Restart(commands, f"systemctl restart {UNIT}", f"journalctl -u {UNIT}")
    raise UpgradeRefused(
        f"systemd runs no {UNIT} here; say how the server is restarted: --restart 'systemctl restart other.service', or "
        "whatever ends it and starts it again"
    )


def _runs(systemctl: str) -> bool:
    """Whether systemd has the unit and it is not stopped: one that fails is tried again."""
    command = [systemctl, "show", "--property=LoadState,ActiveState", UNIT]
    try:
        shown = subprocess.run(  # noqa: S603  systemctl
            command, capture_output=True, text=True, timeout=LOOK_SECONDS, check=False, env=environment_from_outside()
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    state = dict(line.partition("=")[::2] for line in shown.stdout.splitlines())
    return state.get("LoadState") == "loaded" and state.get("ActiveState") not in ("inactive", None)
