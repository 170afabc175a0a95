"""How many server processes there are on a store."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from datetime import timedelta
from typing import Any

from frontdesk.model import Instance
from frontdesk.services.instances import FRESH, Census, census, pid_namespace
from frontdesk.store.collections import INSTANCES


async def test_who_died_on_this_machine_is_not_counted_and_of_others_only_who_was_seen_of_late(desk: Any) -> None:
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await dead.wait()
    here, ours = socket.gethostname(), pid_namespace()
    async with desk() as running:
        store = running.server.store
        seen = {
            "us, under an earlier name": (ours, os.getpid(), timedelta(0)),
            "dead": (ours, dead.pid, timedelta(0)),
            "alive": (ours, os.getppid(), timedelta(0)),
            "in a container": ("a container of the same name", dead.pid, timedelta(0)),
            "elsewhere, long ago": (ours, 2, FRESH + timedelta(seconds=1)),
        }
        for id, (pids, pid, ago) in seen.items():
            at = store.now() - ago
            row = Instance(id=id, host=here, pid=pid, started_at=at, seen_at=at, data={"pids": pids})
            await store.shared.insert(INSTANCES, row)
        row = Instance(id="older release", host=here, pid=dead.pid, started_at=store.now(), seen_at=store.now())
        await store.shared.insert(INSTANCES, row)
        assert await census(store) == Census(processes=4, dead=frozenset({"dead"})), "us, one beside us, two elsewhere"
