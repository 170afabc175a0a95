"""A process that dies at a named step, in process: the work under way stops there and writes nothing more."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from .. import crashpoints
from ..leases import Held, LeaseLost


class Died(BaseException):
    """Stands in for SIGKILL: nothing handles it."""


class Death:
    """Armed at one point. Leave the desk once `happened`, and start another one on the same folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, point: str, nth: int) -> None:
        if point not in crashpoints.POINTS:
            raise ValueError(f"{point} is no crash point; there are {', '.join(crashpoints.POINTS)}")
        self.happened = False
        self._dead: asyncio.Task[Any] | None = None
        monkeypatch.setattr(crashpoints, "os", SimpleNamespace(kill=self._die, getpid=os.getpid))
        monkeypatch.setitem(crashpoints._armed, point, nth)
        monkeypatch.setitem(crashpoints._signals, point, signal.SIGKILL)
        monkeypatch.setattr(Held, "release", self._release(Held.release))

    def _die(self, *_: Any) -> None:
        self.happened = True
        self._dead = asyncio.current_task()
        raise Died

    def _release(self, release: Callable[[Held], Awaitable[None]]) -> Callable[[Held], Awaitable[None]]:
        """The dead release nothing: their lease runs out."""

        async def by_the_living(held: Held) -> None:
            if asyncio.current_task() is self._dead:
                raise LeaseLost(held.conversation.id)
            await release(held)

        return by_the_living
