"""What can go wrong at Bedrock, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..faults import Counted, FaultQueue

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
class Fault(Counted):
    """Happens to the next `times` requests (0: to every one), of `model` alone if it is named."""

    kind: FaultKind = "error"
    error: str = "InternalServerException"
    message: str = "a fault of the stand-in"
    seconds: float = 30.0
    model: str = ""


class Faults(FaultQueue[Fault]):
    """Those of this stand-in."""

    def take(self, model: str) -> Fault | None:
        """The fault that this request meets; None: it is served as ever."""
        return self.first(lambda fault: not fault.model or fault.model == model)
