"""Who looks at a conversation, as it is stored (services/onlookers.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Onlooker:
    """An operator who has a conversation open. `id` is `conversation/name`."""

    id: str
    version: int = 1
    conversation: str
    name: str
    """The operator's, as in `operator:NAME`."""
    seen_at: datetime
    wrote_at: datetime | None = None
    """When they last typed; None: they have not, or have sent it."""
