"""What working on a due row can come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from .model import Due

SUSPENDED_PAUSE = timedelta(seconds=30)
"""When to look again whether a tenant that is not in the tenants file has come back: its work is kept, not done."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is left: the row may go, unless somebody has written it since."""


@dataclass(frozen=True, slots=True)
class Again:
    """Look again at a time (store time)."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody else is on it: they find the row ripe when they end, and until then each sweep asks."""


Outcome = Finished | Again | Taken


class Processor(Protocol):
    """Works on the due rows of one kind."""

    async def process(self, due: Due) -> Outcome: ...
