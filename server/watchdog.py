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
        late: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._quarantine = quarantine
        self._warn_after = warn_after
        self._exit_after = exit_after
        self._leave = leave
        self._late = late
        self._beat = time.monotonic()
        self._ended = threading.Event()
        self._handle: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch; *late* is told with each beat how many seconds late the loop was."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._begin_beat()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._handle is not None:
            self._handle.cancel()
        if self._thread is not None:
            self._thread.join()

    def _pulse(self) -> None:
        self._late(max(0.0, time.monotonic() - self._begun - self._warn_after / 8))
        self._begin_beat()

    def _begin_beat(self) -> None:
        self._beat = self._begun = time.monotonic()
        self._handle = self._loop.call_later(self._warn_after / 8, self._pulse)

    def _watch(self) -> None:
        warned = 0.0
        interval = self._warn_after / 8
        asked = time.monotonic()
        while not self._ended.wait(interval):
            now = time.monotonic()
            if now - asked > interval + self._warn_after:
                # This thread stood still, too (a stopped process, a suspended machine): the loop gets its time anew.
                log.warning("process_stood_still", seconds=round(now - asked, 1), **_owner(Step.running))
                self._beat = now
            asked = now
            silent = now - self._beat
            if silent < self._warn_after * 0.75:
                warned = 0.0
                continue
            blamed = Step.running
            if silent >= max(self._warn_after * 0.75, warned * 2):
                warned = silent
                self._report(silent, blamed)
            if silent >= self._exit_after:
                self._give_up(blamed)
                return

    def _report(self, silent: float, blamed: Running | None) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        stack = "".join(traceback.format_stack(frame)[-6:]) if frame else ""
        log.error("loop_blocked", seconds=round(silent, 1), stack=stack, **_owner(blamed))

    def _give_up(self, blamed: Running | None) -> None:
        if blamed is not None:
            reason = f"{blamed.hook} blocked the server for {self._exit_after:g} s"
            try:
                self._quarantine.add(blamed.tenant, blamed.plugin, reason)
            except OSError as err:
                log.critical("not_quarantined", reason=str(err), **_owner(blamed))
        log.critical("loop_blocked_exit", code=EXIT_CODE, **_owner(blamed))
        self._leave(EXIT_CODE)


def _owner(label: Running | None) -> dict[str, str]:
    return label._asdict() if label is not None else {}
