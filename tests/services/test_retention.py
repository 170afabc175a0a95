"""A running server deletes what it need not keep (tests/store/test_contract_retention.py holds each store to it)."""

from __future__ import annotations

from datetime import timedelta

from frontdesk.model import Instance, Task
from frontdesk.services import retention
from frontdesk.store.collections import INSTANCES, OVERLAY_MARKS, OVERLAYS, TASKS
from frontdesk.stored_settings import Overlay, OverlayMark


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


async def test_the_mark_of_an_overlay_goes_a_day_after_it_when_the_overlay_is_gone(desk, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    async with desk() as server:
        store, now = server.server.store, server.server.store.now()
        old, new = now - timedelta(hours=25), now - timedelta(hours=23)
        marks = {"a": old, "b": old, "purged": old, "c": old, "purged too": old, "purged of late": new}
        for id, at in marks.items():
            await store.shared.insert(OVERLAY_MARKS, OverlayMark(id=id, changed_at=at))
        for id in ("a", "b", "c"):
            await store.for_tenant(id).insert(OVERLAYS, Overlay(id="overlay"))

        async def gone():
            there = {each.id for each in await store.shared.find(OVERLAY_MARKS, {}, limit=10)}
            return there if "purged too" not in there else None

        assert await server.until("it is gone", gone) == {"a", "b", "c", "purged of late"}


async def test_after_each_tenant_the_round_rests_so_that_contacts_do_not_wait_for_it(desk, monkeypatch):
    async with desk() as server:
        rests, took, store = [], 0.0, server.server.store

        class SlowClock:
            def monotonic(self):
                return took

            async def sleep(self, seconds):
                rests.append(seconds)

        for_tenant = store.for_tenant

        def slowly(id):
            nonlocal took
            took += 0.5
            return for_tenant(id)

        monkeypatch.setattr(store, "for_tenant", slowly)
        declared = server.server.declared
        round_ = retention.RetentionDesk(store, lambda: declared, SlowClock())
        server.clock.advance(retention.EVERY.total_seconds())
        await server.until("the round of the server is over", lambda: _rested(round_, rests))
        assert rests == [0.0, *[0.5 * retention.RESTS] * len(declared)]


async def _rested(round_, rests):
    await round_.go_round()
    return rests
