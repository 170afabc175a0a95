"""The tenant's calendars at Google. What is here is a place for it: the branch `google` fills it."""

from __future__ import annotations

from typing import Any


class GoogleCalendars:
    """A `Keeper` (calendars.py) of calendars at Google."""

    def __init__(self, plugin: Any) -> None:
        raise NotImplementedError("backend: google is not there yet")
