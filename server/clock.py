"""Time as everything in Frontdesk sees it: aware UTC, whole milliseconds (what DocumentDB stores), injectable."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the core and the plugins are given in place of the machine's clock."""

    def now(self) -> datetime:
        """The present moment: aware UTC, truncated to milliseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when *seconds* have passed on this clock."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call *callback* on the loop when *seconds* have passed; cheaper than a task that sleeps."""
        ...


class Timer(Protocol):
    """What `Clock.call_later` gives."""

    def cancel(self) -> object:
        """Do not call any more."""
        ...


class SystemClock:
    """The machine's clock, *ahead* seconds before it (negative: behind), as on a machine whose clock is wrong."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, ahead: float = 0.0) -> None:
        self._ahead = round(timedelta(seconds=ahead) / timedelta(milliseconds=1))

    def now(self) -> datetime:
        # Asked 27 times for a message: this costs half of cutting what datetime.now says.
        read = time.time_ns() // 1_000_000 + self._ahead  # noqa: TID251  this is the one place that reads it
        return datetime.fromtimestamp(read / 1000, UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(max(0.0, seconds), callback)


def system_clock(environment: Mapping[str, str]) -> SystemClock:
    """The machine's clock; FRONTDESK_CLOCK_AHEAD (seconds) makes it wrong for the tests of several processes.

    Raises ValueError for what is no number of seconds.
    """
    ahead = environment.get("FRONTDESK_CLOCK_AHEAD", "0")
    try:
        return SystemClock(float(ahead))
    except (ValueError, OverflowError) as err:
        raise ValueError(f"FRONTDESK_CLOCK_AHEAD={ahead}: write the seconds it is ahead, such as 60 or -60") from err


def milliseconds(moment: datetime) -> datetime:
    """*moment* in UTC with its microseconds cut to whole milliseconds, as every store keeps it.

    Raises ValueError for a naive datetime: a time without a zone is a bug.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment!r}; use an aware datetime")
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
