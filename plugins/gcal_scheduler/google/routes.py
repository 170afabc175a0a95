"""Where Google comes to, below /plugins/gcal_scheduler/TENANT."""

from __future__ import annotations

from typing import Any


def add(blueprint: Any) -> None:
    """Add the views."""
