"""How many requests a token may make in a minute, at this process."""

from __future__ import annotations

import math
from typing import NamedTuple

from ...clock import Clock

WINDOW = 60.0
MOST = 10_000
"""Tokens that are counted at once; more, and those of an old window are forgotten."""


class Room(NamedTuple):
    """What is left of the window."""

    left: int
    """Requests; negative: this one was too many."""
    resets: int
    """Seconds until the next window."""


class Rates:
    """Counts requests per token in windows of a minute."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self.per_minute = per_minute
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, who: str, most: int = 0) -> Room:
        """Count one request of *who*, who may make *most* (without it `per_minute`)."""
        now = self._clock.monotonic()
        if len(self._windows) >= MOST:
            self._windows = {id: kept for id, kept in self._windows.items() if now - kept[0] < WINDOW}
        began, count = self._windows.get(who, (now, 0))
        if now - began >= WINDOW:
            began, count = now, 0
        self._windows[who] = began, count + 1
        return Room((most or self.per_minute) - count - 1, max(1, math.ceil(began + WINDOW - now)))
