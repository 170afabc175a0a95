"""Wakes: "look at this due row". A queue only wakes; `due` holds the truth, so a wake lost, doubled or late is harmless."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from ..clock import Clock
from ..errors import StartupError
from ..model import DueKind

GROUP = "frontdesk.queues"


@dataclass(frozen=True, slots=True)
class Wake:
    """Look at the due row of (kind, tenant, ref)."""

    kind: DueKind
    tenant: str
    ref: str


class Queue(Protocol):
    """What carries wakes from whoever wrote a due row to whoever works on it."""

    costly: bool
    """Whether a wake leaves the process for a service that takes its time and its price (near.py)."""

    async def start(self) -> None: ...

    async def wake(self, wake: Wake, delay: float = 0.0) -> None:
        """Deliver about *delay* seconds from now, at least once; best effort: the sweep repairs a lost wake."""
        ...

    async def receive(self) -> Wake:
        """The next wake; waits for one."""
        ...

    async def check(self) -> None:
        """Raise OSError if wakes cannot be carried now."""
        ...

    async def dead_letters(self) -> int | None:
        """How many wakes nobody could read and were put aside, about; None: this queue puts none aside.

        Raises OSError if that is not known now.
        """
        ...

    async def leave(self) -> None:
        """Nobody here receives any more: what waits is for the other processes. Wakes are still taken."""
        ...

    async def stop(self) -> None: ...


QueueFactory = Callable[[str, Clock], Queue]


def open_queue(setting: str, clock: Clock) -> Queue:
    """The engine that `server.queue` names: its name alone, or a URL with its name as the scheme.

    Raises StartupError listing what there is.
    """
    engine, url, _ = setting.partition("://")
    points = {point.name: point for point in entry_points(group=GROUP)}
    if engine not in points:
        near = difflib.get_close_matches(engine, points, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(points))}"
        raise StartupError(f"server.queue: no queue engine is called {engine!r}; {hint}")
    factory: QueueFactory = points[engine].load()
    try:
        return factory(setting if url else "", clock)
    except ValueError as err:
        raise StartupError(str(err)) from err
