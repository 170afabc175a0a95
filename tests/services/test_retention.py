"""A running server deletes what it need not keep (tests/store/test_contract_retention.py holds each store to it)."""

from __future__ import annotations

from datetime import timedelta

from frontdesk.model import Instance, Task
from frontdesk.store.collections import INSTANCES, TASKS


async def test_a_running_server_deletes_old_tasks_and_the_rows_of_dead_processes(desk):
    async with desk() as server:
        old = server.clock.now() - timedelta(days=31)
        repository, shared = server.repository(), server.server.store.shared
        await repository.insert(TASKS, Task(id="p/t/k", plugin="p", name="t", at=old, state="done"))
        await shared.insert(INSTANCES, Instance(id="dead", host="h", pid=1, started_at=old, seen_at=old))

        async def gone():
            return (await repository.get(TASKS, "p/t/k"), await shared.get(INSTANCES, "dead")) == (None, None)

        await server.until("both are gone", gone)
        assert await shared.get(INSTANCES, server.server.instance) is not None
