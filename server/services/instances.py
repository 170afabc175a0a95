"""The server processes that work on a store."""

from __future__ import annotations

from datetime import timedelta

from ..model import Instance
from ..store import Between, Store
from ..store.collections import INSTANCES

FRESH = timedelta(seconds=90)
"""A process writes its row every 30 s, and takes it away when it ends in order."""


async def alive(store: Store) -> list[Instance]:
    """Those that were seen of late: of one that was killed nobody knows before FRESH has passed."""
    seen = {"seen_at": Between(store.now() - FRESH, None)}
    return await store.shared.find(INSTANCES, seen, order_by="seen_at", limit=1000)
