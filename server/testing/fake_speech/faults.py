"""What can go wrong at Transcribe or Polly, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

FaultKind = Literal[
    "error",  # answers `error`
    "hang",  # takes the request, answers nothing for `seconds`, then as ever
    "drop",  # the connection breaks, nothing is done
    "took",  # does what was asked, then the connection breaks
    "garbage",  # HTTP 200 with a body that means nothing
]

STATUS = {
    "ThrottlingException": 400,
    "LimitExceededException": 429,
    "InternalFailureException": 500,
    "ServiceFailureException": 500,
    "ConflictException": 409,
    "NotFoundException": 404,
    "AccessDeniedException": 400,
    "UnrecognizedClientException": 400,
    "ExpiredTokenException": 400,
}
"""Of those that are not 400 by default. Polly throttles with 400 (facts/vendor-apis.md, 3.4)."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Happens to the next `times` requests (0: to every one), of `operation` alone if it is named."""

    kind: FaultKind = "error"
    error: str = "InternalFailureException"
    message: str = "a fault of the stand-in"
    seconds: float = 30.0
    times: int = 1
    operation: str = ""


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

    def take(self, operation: str) -> Fault | None:
        """The fault that this request meets, counted down; None: it is served as ever."""
        for place, fault in enumerate(self._waiting):
            if fault.operation and fault.operation != operation:
                continue
            if fault.times == 1:
                del self._waiting[place]
            elif fault.times > 1:
                self._waiting[place] = replace(fault, times=fault.times - 1)
            self.met.append(fault)
            return fault
        return None
