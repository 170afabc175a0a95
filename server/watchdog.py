"""A thread that notices when a plugin blocks the loop: names it within 2 s, ends the process after 30 s.

What blocks the loop cannot be stopped from inside it. The process exits for its supervisor (systemd, the auto-scaling
group), and the plugin starts quarantined for that tenant: written to a file, because the store needs the loop.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable

import structlog

from .quarantine import Quarantine
from .step import Running, Step

log = structlog.get_logger(__name__)

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h: the supervisor restarts us."""


class Watchdog:
    """Watches the loop it is started in."""

    def __init__(
        self,
        quarantine: Quarantine,
        *,
        warn_after: float = 2.0,
        exit_after: float = 30.0,
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        self._quarantine = quarantine
        self._warn_after = warn_after
        self._exit_after = exit_after
        self._leave = leave
        self._beat = time.monotonic()
        self._ended = threading.Event()
        self._handle: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._pulse()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._handle is not None:
            self._handle.cancel()
        if self._thread is not None:
            self._thread.join()

    def _pulse(self) -> None:
        self._beat = time.monotonic()
        self._handle = self._loop.call_later(self._warn_after / 8, self._pulse)

    def _watch(self) -> None:
        warned = 0.0
        while not self._ended.wait(self._warn_after / 8):
            silent = time.monotonic() - self._beat
            if silent < self._warn_after * 0.75:
                warned = 0.0
                continue
            running = Step.running
            if silent >= max(self._warn_after * 0.75, warned * 2):
                warned = silent
                self._report(silent, running)
            if silent >= self._exit_after:
                self._give_up(running)
                return

    def _report(self, silent: float, running: Running | None) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        stack = "".join(traceback.format_stack(frame)[-6:]) if frame else ""
        owner = running._asdict() if running else {}
        log.error("loop_blocked", seconds=round(silent, 1), stack=stack, **owner)

    def _give_up(self, running: Running | None) -> None:
        if running is not None:
            self._quarantine.add(
                running.tenant, running.plugin, f"{running.hook} blocked the server for {self._exit_after:g} s"
            )
        log.critical("loop_blocked_exit", code=EXIT_CODE)
        self._leave(EXIT_CODE)
