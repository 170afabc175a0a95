"""What can go wrong at Transcribe or Polly, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..faults import Counted, FaultQueue

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
class Fault(Counted):
    """Happens to the next `times` requests (0: to every one), of `operation` alone if it is named."""

    kind: FaultKind = "error"
    error: str = "InternalFailureException"
    message: str = "a fault of the stand-in"
    seconds: float = 30.0
    operation: str = ""


class Faults(FaultQueue[Fault]):
    """Those of this stand-in."""

    def take(self, operation: str) -> Fault | None:
        """The fault that this request meets; None: it is served as ever."""
        return self.first(lambda fault: not fault.operation or fault.operation == operation)
