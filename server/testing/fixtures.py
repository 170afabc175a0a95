"""The pytest plugin that comes with Frontdesk: the fixture `desk`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Any]:
    """`async with desk(plugins={"mine": Mine}) as server:` is a whole server in process; see frontdesk.testing.desk."""
    # Imported here: pytest loads this module for every project where Frontdesk is installed.
    from .desk import start_desk

    return partial(start_desk, tmp_path)


@pytest.fixture
def dies_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`death = dies_at("deed.ran")`: whatever reaches that point (the nth time) dies there; see frontdesk.testing.death."""
    from .death import Death

    def arm(point: str, nth: int = 1) -> Death:
        return Death(monkeypatch, point, nth)

    return arm
