"""The server processes that work on a store."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from ..model import Instance
from ..store import Between, Store
from ..store.collections import INSTANCES

PIDS = "pids"
"""In an instance's data: its pid namespace."""
FRESH = timedelta(seconds=90)
"""A process writes its row every 30 s, and takes it away when it ends in order."""


async def alive(store: Store) -> list[Instance]:
    """Those that were seen of late: of one that was killed nobody knows before FRESH has passed."""
    seen = {"seen_at": Between(store.now() - FRESH, None)}
    return await store.shared.find(INSTANCES, seen, order_by="seen_at", limit=1000)


@dataclass(frozen=True)
class Census:
    """How many share the store: good enough to divide by. Who is dead is certain."""

    processes: int = 1
    """How many there are, the one that asks among them; without those that are dead."""
    dead: frozenset[str] = frozenset()
    """Ids of those that died of late where their pids are ours to look up, and left their row."""


async def census(store: Store) -> Census:
    """Who works on the store, as this process can tell. Raises StoreError."""
    here, ourselves = pid_namespace(), os.getpid()
    seen = await alive(store)
    near = {one.id: one.pid for one in seen if here and one.data.get(PIDS) == here}
    dead = frozenset(id for id, pid in near.items() if not _exists(pid))
    # One of our own pid is who we were before: a process that became another program, or died and left it to us.
    before = sum(pid == ourselves for pid in near.values())
    return Census(max(1, 1 + len(seen) - before - len(dead)), dead)


def row(id: str, now: datetime) -> Instance:
    """What this process shows of itself."""
    data = {PIDS: pid_namespace()}
    return Instance(id=id, host=socket.gethostname(), pid=os.getpid(), started_at=now, seen_at=now, data=data)


@cache
def pid_namespace() -> str:
    """Where our pid means us: the running kernel, and the pid namespace (a container's). Empty: unknown (not on Linux).

    Not the host's name: containers may bear one name, and a pid of the one is nobody in the other.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
