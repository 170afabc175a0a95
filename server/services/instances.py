"""The server processes that work on a store."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import structlog

from ..clock import Clock
from ..model import Instance
from ..store import Between, Store, StoreError
from ..store.collections import INSTANCES
from ..version import VERSION

log = structlog.get_logger(__name__)

PIDS = "pids"
"""In an instance's data: its pid namespace."""
TENANTS = "tenants"
"""In an instance's data: the fingerprint of the tenants it works for."""
VERSION_KEY, RELEASE_KEY = "version", "release"
"""In an instance's data: which Frontdesk it is, and the name of the environment it was begun in."""
RELEASE = Path(sys.prefix).name
"""The environment this process was begun in: what tells two releases of one version apart."""
FRESH = timedelta(seconds=90)
"""A process writes its row every 30 s, and takes it away when it ends in order."""
FORGET_SECONDS = 2.0
"""How long a stop tries to take the row away."""
LEAVING_EVERY = 1.0
"""Seconds between two looks whether what was begun for tenants that left the file is done."""


async def alive(store: Store) -> list[Instance]:
    """Those that were seen of late: of one that was killed nobody knows before FRESH has passed."""
    seen = {"seen_at": Between(store.now() - FRESH, None)}
    return await store.shared.find(INSTANCES, seen, order_by="seen_at", limit=1000)


def fingerprint(tenants: Collection[str]) -> str:
    """The same for the same tenants, however many, in whatever order."""
    return hashlib.sha256("\n".join(sorted(tenants)).encode()).hexdigest()[:32]


class Presence:
    """This process's row: that it lives, and for which tenants it works."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        id: str,
        declared: Callable[[], Collection[str]],
        leaving: Callable[[], Awaitable[Collection[str]]],
    ) -> None:
        """*leaving*: who is not declared any more, and for whom something may be written yet."""
        self._store = store
        self._clock = clock
        self._id = id
        self._declared = declared
        self._leaving = leaving
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Other tenants are declared: have `follow` say so."""
        self._changed.set()

    async def follow(self) -> None:
        """Wait for a change and write it; again, until all that was begun for who has left is done. Raises StoreError."""
        await self._changed.wait()
        self._changed.clear()
        settled = False
        try:
            settled = await self.write()
        finally:
            if not settled:
                self._changed.set()
        if not settled:
            await self._clock.sleep(LEAVING_EVERY)

    async def write(self) -> bool:
        """Write the row; whether the tenants in it are those that are declared. Raises StoreError."""
        shared = self._store.shared
        while True:
            seen = await shared.get(INSTANCES, self._id)
            leaving = await self._leaving()
            now, data = self._store.now(), _data({*self._declared(), *leaving})
            if seen is None:
                if await shared.insert(INSTANCES, row(self._id, now, data)):
                    return not leaving
            elif await shared.update(INSTANCES, seen, seen_at=now, data={**seen.data, **data}):
                return not leaving

    async def forget(self) -> None:
        """We are gone: what wants no server on its store need not wait. It is a courtesy; the row goes by its age, too."""
        try:
            async with asyncio.timeout(FORGET_SECONDS):
                seen = await self._store.shared.get(INSTANCES, self._id)
                if seen is not None:
                    await self._store.shared.delete(INSTANCES, seen)
        except (StoreError, TimeoutError) as err:
            log.info("instance_not_forgotten", reason=type(err).__name__)


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


def row(id: str, now: datetime, data: dict[str, Any]) -> Instance:
    """What this process shows of itself."""
    return Instance(id=id, host=socket.gethostname(), pid=os.getpid(), started_at=now, seen_at=now, data=data)


def _data(tenants: Collection[str]) -> dict[str, Any]:
    return {PIDS: pid_namespace(), TENANTS: fingerprint(tenants), VERSION_KEY: VERSION, RELEASE_KEY: RELEASE}


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
