"""What can go wrong at a vendor, put in a queue by a test and taken out by the requests that match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A fault that happens to the next `times` requests (0: to every one)."""

    times: int = 1


F = TypeVar("F", bound=Counted)


class FaultQueue(Generic[F]):
    """Each request takes at most one, the oldest that matches."""

    def __init__(self) -> None:
        self._waiting: list[F] = []
        self.met: list[F] = []
        """Those that requests took, in that order."""

    def add(self, *faults: F) -> None:
        self._waiting.extend(faults)

    def clear(self) -> None:
        self._waiting.clear()

    def first(self, matches: Callable[[F], bool]) -> F | None:
        """The oldest that *matches*, counted down; None: the request is served as ever."""
        for place, fault in enumerate(self._waiting):
            if not matches(fault):
                continue
            if fault.times == 1:
                del self._waiting[place]
            elif fault.times > 1:
                self._waiting[place] = replace(fault, times=fault.times - 1)
            self.met.append(fault)
            return fault
        return None
