"""How much strangers may write: one visitor must not fill the disk, and not all of them together."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol


class Clock(Protocol):
    """What is asked of the clock here: seconds that never go backwards."""

    def monotonic(self) -> float: ...


class Allowance:
    """So much for each key in each period (seconds), counted in this process; all keys begin anew with the period."""

    def __init__(self, amount: int, period: float, clock: Clock) -> None:
        self._amount = amount
        self._period = period
        self._clock = clock
        self._began = clock.monotonic()
        self._used: Counter[str] = Counter()

    def take(self, key: str = "", amount: int = 1) -> bool:
        """Use some of it; False, and nothing used, if less than that is left."""
        now = self._clock.monotonic()
        if now - self._began >= self._period:
            self._began = now
            self._used.clear()
        if self._used[key] + amount > self._amount:
            return False
        self._used[key] += amount
        return True


def visitor(peer: str) -> str:
    """Who counts as one visitor: the address a request comes from; of IPv6 the network (/64), which is one's own to vary."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    return str(address)
