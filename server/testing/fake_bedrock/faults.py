"""What can go wrong at Bedrock, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

FaultKind = Literal[
    "error",  # answers `error`, an exception of the service
    "hang",  # takes the request, answers nothing for `seconds`, then as ever
    "drop",  # takes the request, then the connection breaks
    "cut",  # the answer breaks off in the middle
    "trickle",  # the answer comes byte by byte, over `seconds`
    "garbage",  # HTTP 200 with a body that is no JSON
]

STATUS = {
    "ThrottlingException": 429,
    "ModelNotReadyException": 429,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
    "ValidationException": 400,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "UnrecognizedClientException": 403,
    "ExpiredTokenException": 403,
}
"""The last two are no exceptions of the service: AWS's front door answers them."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Happens to the next `times` requests (0: to every one), of `model` alone if it is named."""

    kind: FaultKind = "error"
    error: str = "InternalServerException"
    message: str = "a fault of the stand-in"
    seconds: float = 30.0
    times: int = 1
    model: str = ""


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

    def take(self, model: str) -> Fault | None:
        """The fault that this request meets, counted down; None: it is served as ever."""
        for place, fault in enumerate(self._waiting):
            if fault.model and fault.model != model:
                continue
            if fault.times == 1:
                del self._waiting[place]
            elif fault.times > 1:
                self._waiting[place] = replace(fault, times=fault.times - 1)
            self.met.append(fault)
            return fault
        return None
