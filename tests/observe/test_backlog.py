"""What waits is asked of the store now and then, and not told when the store cannot say."""

from __future__ import annotations

from datetime import timedelta

from frontdesk.observe import backlog
from frontdesk.observe.backlog import LOOK_EVERY
from frontdesk.store import StoreUnavailable


async def test_rows_that_are_due_are_counted_with_their_age_and_those_of_later_are_not(desk, read):
    async with desk() as server:
        now = server.server.store.now()
        await server.server.worker.stop(0)
        for ref, seconds in (("a", -90), ("b", -5), ("later", 60)):
            await server.server.store.due.put("task", "clinic", ref, now + timedelta(seconds=seconds))
        found = await read(server)
    assert found['frontdesk_due_rows{kind="task"}'] == 2
    assert found['frontdesk_due_oldest_seconds{kind="task"}'] == 90
    assert found['frontdesk_due_rows{kind="turn"}'] == 0


async def test_the_store_is_asked_once_however_often_somebody_reads(desk, read):
    async with desk() as server:
        await server.server.worker.stop(0)
        calls = 'frontdesk_store_call_seconds_count{call="count"}'
        await read(server)
        first = (await read(server))[calls]
        assert (await read(server))[calls] == first
        server.clock.advance(LOOK_EVERY)
        await read(server)
        assert (await read(server))[calls] > first


async def test_yesterdays_figures_are_not_told_when_the_store_is_away(desk, read, monkeypatch):
    async with desk() as server:
        assert "frontdesk_conversations_waiting" in await read(server)
        server.clock.advance(LOOK_EVERY)

        async def away(*_, **__):
            raise StoreUnavailable("gone")

        with monkeypatch.context() as patched:
            patched.setattr(backlog, "_waiting", away)
            found = await read(server)
        assert found["frontdesk_store_up"] == 0
        assert not [name for name in found if name.startswith(("frontdesk_due", "frontdesk_parked"))]
        server.clock.advance(LOOK_EVERY)
        assert (await read(server))["frontdesk_store_up"] == 1


async def test_many_tenants_are_asked_in_rounds(desk, read, monkeypatch):
    monkeypatch.setattr(backlog, "TENANTS_A_LOOK", 2)
    tenants = {f"t{n}": {} for n in range(3)}
    async with desk(tenants=tenants, server={"metrics": {"tenant_label": True}}) as server:
        for looks in (2, 3, 3):
            found = await read(server)
            assert len([name for name in found if name.startswith("frontdesk_conversations_waiting")]) == looks
            server.clock.advance(LOOK_EVERY)
