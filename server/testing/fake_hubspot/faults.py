"""What can go wrong at HubSpot, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

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
class Fault:
    """Happens to the next `times` requests (0: to every one) whose path contains `path`."""

    kind: FaultKind
    path: str = ""
    times: int = 1
    status: int = 500
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    policy: str = "TEN_SECONDLY_ROLLING"
    category: str = "CONFLICT"
    seconds: float = 30.0


class Faults:
    """The queue: each request takes at most one, the oldest that matches."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self.met: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        self._waiting.extend(faults)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, path: str) -> Fault | None:
        """The fault that this request meets, counted down; None: it is served as ever."""
        for place, fault in enumerate(self._waiting):
            if fault.path not in path:
                continue
            if fault.times == 1:
                del self._waiting[place]
            elif fault.times > 1:
                self._waiting[place] = replace(fault, times=fault.times - 1)
            self.met.append(fault)
            return fault
        return None
