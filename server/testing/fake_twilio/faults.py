"""What can go wrong at Twilio, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..faults import Counted, FaultQueue

Operation = Literal["send", "list", "fetch", "delete", "media", "typing", "content"]
FaultKind = Literal[
    "delay",  # answers `seconds` later than it would
    "error",  # answers `status` and `code`, nothing accepted
    "drop_before",  # the connection breaks, nothing accepted
    "drop_after",  # accepted, then the connection breaks
    "hang_before",  # nothing accepted, no answer for `seconds`
    "hang_after",  # accepted, no answer for `seconds`
    "error_after",  # accepted, but answers `status` and `code`
]
Phase = Literal["before", "after"]


@dataclass(frozen=True, kw_only=True)
class Fault(Counted):
    """Happens to the next `times` requests (0: to every one) of an operation that match `to`, `body` and `content_sid`."""

    kind: FaultKind
    operation: Operation = "send"
    seconds: float = 30.0
    status: int = 500
    code: int = 0
    message: str = "a fault of the fake"
    html: bool = False
    """An `error` whose body is a proxy's page instead of Twilio's JSON."""
    to: str = ""
    body: str = ""
    """A part of the message's text."""
    content_sid: str = ""
    """The template's; such a message has no text."""

    @property
    def phase(self) -> Phase:
        return "after" if self.kind.endswith("_after") else "before"


class Faults(FaultQueue[Fault]):
    """Those of this stand-in."""

    def clear(self) -> None:
        super().clear()
        self.met.clear()

    def take(self, operation: Operation, given: Mapping[str, str]) -> Fault | None:
        """The fault that this request meets; None: it is served as ever."""

        def matches(fault: Fault) -> bool:
            if fault.operation != operation or (fault.to and fault.to != given.get("To")):
                return False
            return fault.body in given.get("Body", "") and fault.content_sid in ("", given.get("ContentSid"))

        return self.first(matches)
