"""What can go wrong at Google, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

FaultKind = Literal[
    "error",  # answers `status` and `reason`, nothing done
    "hang_before",  # nothing done, no answer for `seconds`
    "hang_after",  # done, no answer for `seconds`
    "drop_before",  # the connection breaks, nothing done
    "drop_after",  # done, then the connection breaks
    "garbage",  # HTTP 200 with a proxy's page, nothing done
]

MESSAGES = {
    "rateLimitExceeded": "Rate Limit Exceeded",
    "userRateLimitExceeded": "User Rate Limit Exceeded",
    "quotaExceeded": "Calendar usage limits exceeded.",
    "authError": "Invalid Credentials",
    "backendError": "Backend Error",
    "fullSyncRequired": "Sync token is no longer valid, a full sync is required.",
}
DOMAINS = {"rateLimitExceeded": "usageLimits", "userRateLimitExceeded": "usageLimits", "quotaExceeded": "usageLimits"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Happens to the next `times` requests (0: to every one) of the method `of` (`events.insert`, `token`), or of any."""

    kind: FaultKind = "error"
    of: str = ""
    status: int = 503
    reason: str = "backendError"
    seconds: float = 30.0
    times: int = 1


class Faults:
    """The queue: each request takes at most one, the oldest that matches."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self.met: list[Fault] = []
        """Those that requests took, in that order."""

    def add(self, *faults: Fault) -> None:
        self._waiting.extend(faults)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str) -> Fault | None:
        """The fault that this request meets, counted down; None: it is served as ever."""
        for place, fault in enumerate(self._waiting):
            if fault.of not in ("", method):
                continue
            if fault.times == 1:
                del self._waiting[place]
            elif fault.times > 1:
                self._waiting[place] = replace(fault, times=fault.times - 1)
            self.met.append(fault)
            return fault
        return None
