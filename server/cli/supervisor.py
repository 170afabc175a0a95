"""What systemd is told of a process that it started with `Type=notify` (sd_notify(3)); to nobody, where it did not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger(__name__)


class Supervisor:
    """The datagram socket of `$NOTIFY_SOCKET`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # An address that begins with @ is an abstract one, which is written with a zero byte.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        microseconds = environment.get("WATCHDOG_USEC", "")
        self._watched = int(microseconds) / 1_000_000 if microseconds.isascii() and microseconds.isdigit() else 0.0
        self._beat: asyncio.TimerHandle | None = None

    def ready(self) -> None:
        """It is served from now on; with `WatchdogSec` the loop says at a third of it that it lives, until it ends."""
        self._tell("READY=1")
        if self._watched and self._beat is None:
            self._alive()

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1")

    def _alive(self) -> None:
        self._tell("WATCHDOG=1")
        self._beat = asyncio.get_running_loop().call_later(self._watched / 3, self._alive)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as datagrams:
                datagrams.setblocking(False)
                datagrams.sendto(state.encode(), self._address)
        except OSError as err:
            log.warning("supervisor_not_told", what=state, reason=str(err))
