"""What can go wrong at Twilio, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

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
class Fault:
    """Happens to the next `times` requests (0: to every one) of an operation that match `to`, `body` and `content_sid`."""

    kind: FaultKind
    operation: Operation = "send"
    times: int = 1
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
        self.met.clear()

    def take(self, operation: Operation, given: Mapping[str, str]) -> Fault | None:
        """The fault that this request meets, counted down; None: it is served as ever."""
        for index, fault in enumerate(self._waiting):
            if fault.operation != operation or (fault.to and fault.to != given.get("To")):
                continue
            if fault.body not in given.get("Body", "") or fault.content_sid not in ("", given.get("ContentSid")):
                continue
            if fault.times == 1:
                del self._waiting[index]
            elif fault.times > 1:
                self._waiting[index] = replace(fault, times=fault.times - 1)
            self.met.append(fault)
            return fault
        return None
