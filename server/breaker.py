"""A circuit breaker for one hook of one plugin of one tenant, on the injected clock.

Why our own: the libraries at hand (purgatory, pybreaker) read the machine's clock, count a cancelled call as a failure and
let every waiting call through when half open.
"""

from __future__ import annotations

from typing import Literal

from .clock import Clock

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after `threshold` failures in a row; after `seconds` lets one call try again."""

    __slots__ = ("_clock", "_failures", "_opened", "_trying", "seconds", "threshold")

    def __init__(self, clock: Clock, *, threshold: int = 5, seconds: float = 30.0) -> None:
        self._clock = clock
        self.threshold = threshold
        self.seconds = seconds
        self._failures = 0
        self._opened: float | None = None
        self._trying = False

    @property
    def state(self) -> State:
        if self._opened is None:
            return "closed"
        return "open" if self._clock.monotonic() - self._opened < self.seconds else "half-open"

    def admits(self) -> bool:
        """Whether a call may be made now; in the half-open state the first who asks is the one who tries."""
        if self.state == "half-open" and not self._trying:
            self._trying = True
            return True
        return self.state == "closed"

    def succeeded(self) -> None:
        self._failures, self._opened, self._trying = 0, None, False

    def failed(self) -> None:
        self._failures += 1
        self._trying = False
        if self._failures >= self.threshold:
            self._opened = self._clock.monotonic()

    def abandoned(self) -> None:
        """The call was cancelled: it says nothing about the plugin."""
        self._trying = False
