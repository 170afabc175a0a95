"""How many server processes there are on a store."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from datetime import timedelta
from typing import Any

from frontdesk.model import Instance
from frontdesk.services.instances import FRESH, Census, census
from frontdesk.store.collections import INSTANCES


async def test_who_died_on_this_machine_is_not_counted_and_of_others_only_who_was_seen_of_late(desk: Any) -> None:
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await dead.wait()
    here = socket.gethostname()
    async with desk() as running:
        store = running.server.store
        seen = {
            "us, under an earlier name": (here, os.getpid(), timedelta(0)),
            "dead": (here, dead.pid, timedelta(0)),
            "alive": (here, os.getppid(), timedelta(0)),
            "elsewhere": ("another", dead.pid, timedelta(0)),
            "elsewhere, long ago": ("another", 2, FRESH + timedelta(seconds=1)),
        }
        for id, (host, pid, ago) in seen.items():
            row = Instance(id=id, host=host, pid=pid, started_at=store.now() - ago, seen_at=store.now() - ago)
            await store.shared.insert(INSTANCES, row)
        assert await census(store) == Census(processes=3, dead=frozenset({"dead"})), "us, one beside us, one elsewhere"
