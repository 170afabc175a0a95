"""A process that dies at a named step, in process: the work under way stops there and writes nothing more."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from .. import crashpoints


class Died(BaseException):
    """Stands in for SIGKILL: nothing handles it."""


class Death:
    """Armed at one point. Leave the desk once `happened`, and start another one on the same folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, point: str, nth: int) -> None:
        if point not in crashpoints.POINTS:
            raise ValueError(f"{point} is no crash point; there are {', '.join(crashpoints.POINTS)}")
        self.happened = False
        monkeypatch.setattr(crashpoints, "os", SimpleNamespace(kill=self._die, getpid=os.getpid))
        monkeypatch.setitem(crashpoints._armed, point, nth)
        monkeypatch.setitem(crashpoints._signals, point, signal.SIGKILL)

    def _die(self, *_: Any) -> None:
        self.happened = True
        raise Died
