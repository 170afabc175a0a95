"""What is kept of the pushes to other systems: how far each contact is at each plugin."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

SyncState = Literal["pending", "synced", "failed"]


@dataclass(frozen=True, kw_only=True)
class Sync:
    """A contact at a plugin that pushes contacts. `id` is `PLUGIN.CONTACT`."""

    id: str
    version: int = 1
    plugin: str
    contact: str
    state: SyncState = "pending"
    """`failed`: it was refused, and waits for a person or for the next change."""
    wanted: tuple[str, ...] = ()
    """Kinds (pushes.KINDS) that have changed since they were pushed."""
    under_way: tuple[str, ...] = ()
    """Kinds that are being pushed; after a crash they are pushed again."""
    since: datetime
    """When the oldest change happened that is not pushed."""
    at: datetime
    """When it is pushed next; of one that is not pending, when it was last looked at."""
    attempts: int = 0
    """Since it was last taken."""
    alone: bool = False
    """Something in its batch was refused as a whole: it goes by itself."""
    error: str = ""
    """Why the last attempt failed, for people; empty: it did not."""
    references: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Kind → what the plugin finds it by."""
    link: str = ""
    """To the contact at the vendor."""
    told_until: datetime | None = None
    """Up to the message of this moment the conversation was pushed; None: nothing of it."""
    synced_at: datetime | None = None
    """When everything was last taken."""
