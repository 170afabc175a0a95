"""The server processes that work on a store."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Census:
    """Good enough to divide by: two containers that call their hosts by one name take each other for dead."""

    processes: int = 1
    """How many there are, the one that asks among them; without those that died on this machine of late."""
    dead: frozenset[str] = frozenset()
    """Ids of those that died on this machine of late and left their row."""


async def census(store: Store) -> Census:
    """Who works on the store, as this process can tell. Raises StoreError."""
    here, host = os.getpid(), socket.gethostname()
    others = [one for one in await alive(store) if (one.host, one.pid) != (host, here)]
    dead = frozenset(one.id for one in others if one.host == host and not _exists(one.pid))
    return Census(1 + len(others) - len(dead), dead)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
