"""What can go wrong at HubSpot, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..faults import Counted, FaultQueue

FaultKind = Literal[
    "error",  # answers `status` with `body`
    "limit",  # 429 of the policy `policy`
    "hang",  # takes the request, answers nothing for `seconds`, then as ever
    "hang_after",  # it is done, then nothing is answered for `seconds`
    "drop",  # the connection breaks, nothing is done
    "accept_then_drop",  # it is done, then the connection breaks
    "garbage",  # HTTP 200 with a body that is no JSON
    "nonsense",  # HTTP 200 with JSON that is no answer
    "expired",  # 401: the token is not taken
    "partial",  # of a batch the first record is refused (207), with `category`
]


@dataclass(frozen=True, kw_only=True)
class Fault(Counted):
    """Happens to the next `times` requests (0: to every one) whose path contains `path`."""

    kind: FaultKind
    path: str = ""
    status: int = 500
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    policy: str = "TEN_SECONDLY_ROLLING"
    category: str = "CONFLICT"
    seconds: float = 30.0


class Faults(FaultQueue[Fault]):
    """Those of this stand-in."""

    def take(self, path: str) -> Fault | None:
        """The fault that this request meets; None: it is served as ever."""
        return self.first(lambda fault: fault.path in path)
