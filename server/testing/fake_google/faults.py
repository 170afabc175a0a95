"""What can go wrong at Google, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..faults import Counted, FaultQueue

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
class Fault(Counted):
    """Happens to the next `times` requests (0: to every one) of the method `of` (`events.insert`, `token`), or of any."""

    kind: FaultKind = "error"
    of: str = ""
    status: int = 503
    reason: str = "backendError"
    seconds: float = 30.0


class Faults(FaultQueue[Fault]):
    """Those of this stand-in."""

    def take(self, method: str) -> Fault | None:
        """The fault that this request meets; None: it is served as ever."""
        return self.first(lambda fault: fault.of in ("", method))
