"""What a limit is, and what asking for a part of it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor
from typing import Protocol, Self

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *amount* things in any *period*, spread evenly over it."""

    amount: int
    period: timedelta = SECOND

    def __post_init__(self) -> None:
        if self.amount < 1 or self.period <= timedelta(0):
            raise ValueError(f"{self}: a rate is at least one thing in a period longer than nothing")

    @classmethod
    def per_second(cls, number: float) -> Self:
        """*number* a second, rounded down to whole ones; less than one is one in a longer time. Raises ValueError."""
        if not number > 0:
            raise ValueError(f"{number} a second: a rate is more than nothing")
        return cls(floor(number)) if number >= 1 else cls(1, SECOND / number)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """At most *amount* between two moments, in the smallest units there are (of money: whole millionths), spent once."""

    amount: int
    begins: datetime
    ends: datetime


Limit = Rate | Ceiling


class Share(Protocol):
    """What this process holds of one limit."""

    def settle(self, reservation: Reservation, actual: int) -> None: ...

    async def tend(self) -> bool:
        """Write what has to be written, give back what is not used; whether nothing is left to keep."""
        ...

    async def close(self) -> None:
        """Give back what is not used."""
        ...


@dataclass(frozen=True, slots=True)
class Reservation:
    """*amount* is ours, until it is settled."""

    share: Share
    amount: int
    lease: int = 0
    """Which of the share's leases it was taken from."""


@dataclass(frozen=True, slots=True)
class NotBefore:
    """Nothing was reserved; asking again before this moment (store time) is in vain."""

    at: datetime
