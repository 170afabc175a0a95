"""A purge deletes all of one tenant, nothing of another, and nothing at all while somebody serves it."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import pytest

from frontdesk.budget.limits import Rate
from frontdesk.model import Instance, Lease
from frontdesk.services import purge
from frontdesk.services.instances import FRESH, PIDS, fingerprint, pid_namespace
from frontdesk.services.purge import PurgeRefused
from frontdesk.store import StoreUnavailable
from frontdesk.store.collections import BUDGETS, COLLECTIONS, CONVERSATIONS, DUE, INSTANCES, MESSAGES
from frontdesk.testing.plugins import ScriptedModel

BOTH = {"clinic": {}, "clinic-2": {}}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(purge, "PAUSE", 0.0)


async def left(server):
    """The clinic leaves the file, and the row of the server says so."""
    core = server.server
    core.adopt(core.written.only(["clinic-2"]))
    await core.presence.write()
    return core


async def purged(core, declared=("clinic-2",)):
    return await purge.purge(core.store, core.media, core.clock, "clinic", declared)


async def test_it_goes_on_where_it_was_interrupted_and_leaves_everybody_else_alone(desk, monkeypatch):
    async with desk(plugins={"model": ScriptedModel}, tenants=BOTH) as server:
        core = server.server
        for tenant in BOTH:
            lan = server.contact("Lan", tenant=tenant)
            await lan.says("Hello.")
            await lan.hears()
            await core.media.put(tenant, b"a picture", "image/png")
            await core.store.due.put("lane", tenant, "later", core.store.now().replace(year=2099))
        await server.quiet()
        await left(server)
        other = [await core.store.bulk.page(each, tenant="clinic-2") for each in COLLECTIONS if each.tenant_data]

        remove, calls = core.store.bulk.remove, []

        async def dies(collection, documents):
            calls.append(collection.name)
            if len(calls) == 3:
                raise StoreUnavailable("away")
            await remove(collection, documents)

        monkeypatch.setattr(core.store.bulk, "remove", dies)
        with pytest.raises(StoreUnavailable):
            await purged(core)
        assert "clinic" in await core.store.bulk.tenants(), "it is still known to have data"
        deleted = await purged(core)
        assert deleted["messages"] + deleted["conversations"] > 0
        assert await core.store.bulk.tenants() == ["clinic-2"]
        assert {row.tenant for row in await core.store.shared.find(DUE, {}, limit=100)} == {"clinic-2"}
        assert await purged(core) == {}
        kept = [await core.store.bulk.page(each, tenant="clinic-2") for each in COLLECTIONS if each.tenant_data]
        assert kept == other
        assert await core.media.purge("clinic-2") == 1


async def test_what_comes_in_while_it_deletes_is_deleted_too_and_who_never_ends_writing_is_told(desk, monkeypatch):
    async with desk(plugins={"model": ScriptedModel}, tenants=BOTH) as server:
        core = await left(server)
        lan, tenant = server.contact("Lan"), core.suspended["clinic"].tenant
        slept, late = core.clock.sleep, 2

        async def meanwhile(seconds):
            nonlocal late
            if seconds == purge.PAUSE and late:
                late -= 1
                await core.inbox.accept(tenant, "phone", lan.inbound("Anybody there?"))
            await slept(seconds)

        monkeypatch.setattr(core.clock, "sleep", meanwhile)
        assert (await purged(core))["messages"] == 2, "also when there was nothing at first"
        assert await core.store.bulk.tenants() == []
        assert await core.suspensions.ids() == []
        late = 1000
        with pytest.raises(PurgeRefused, match="after 60 rounds there is still something new of clinic"):
            await purged(core)
        assert await core.suspensions.ids() == ["clinic"]


async def test_a_server_that_starts_with_an_older_file_while_it_deletes_stops_it(desk, monkeypatch):
    async with desk(plugins={"model": ScriptedModel}, tenants=BOTH) as server:
        core = await left(server)
        slept = core.clock.sleep

        async def meanwhile(seconds):
            if seconds == purge.PAUSE:
                now = core.store.now()
                row = Instance(id="new", host="desk-2", pid=7, started_at=now, seen_at=now)
                await core.store.shared.insert(INSTANCES, row)
            await slept(seconds)

        monkeypatch.setattr(core.clock, "sleep", meanwhile)
        with pytest.raises(PurgeRefused, match=r"by the server on desk-2 \(process 7\)"):
            await purged(core)


async def test_nothing_is_deleted_while_a_server_has_other_tenants_or_none_that_it_tells(desk):
    async with desk(plugins={"model": ScriptedModel}, tenants=BOTH) as server:
        core, lan = server.server, server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        with pytest.raises(PurgeRefused, match=r"clinic may still be served, by the server on \S+ \(process \d+\)"):
            await purged(core)
        await left(server)
        for data in ({}, {"tenants": fingerprint(["clinic"])}):
            now = core.store.now()
            row = Instance(id="other", host="desk-2", pid=7, started_at=now, seen_at=now, data=data)
            await core.store.shared.insert(INSTANCES, row)
            with pytest.raises(PurgeRefused, match=r"by the server on desk-2 \(process 7\)"):
                await purged(core)
            await core.store.shared.delete(INSTANCES, row)
        assert len(await core.store.for_tenant("clinic").find(MESSAGES, {}, limit=9)) == 2
        assert await core.suspensions.ids() == []
        long_ago = now - FRESH - timedelta(seconds=1)
        dead = Instance(id="dead", host="desk-2", pid=7, started_at=long_ago, seen_at=long_ago)
        await core.store.shared.insert(INSTANCES, dead)
        ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        await ended.wait()
        here = {PIDS: pid_namespace()}
        killed = Instance(id="killed", host="h", pid=ended.pid, started_at=now, seen_at=now, data=here)
        await core.store.shared.insert(INSTANCES, killed)
        assert (await purged(core))["messages"] == 2, "nobody waits for the dead"


async def test_nothing_is_deleted_while_a_conversation_is_worked_on(desk):
    async with desk(plugins={"model": ScriptedModel}, tenants=BOTH) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        core = await left(server)
        repository, now = core.store.for_tenant("clinic"), core.store.now()
        conversation = await lan.conversation()
        for lease, until in (("turn_lease", now + timedelta(minutes=5)), ("lane_lease", now + timedelta(minutes=6))):
            held = {"turn_lease": None, "lane_lease": None, lease: Lease(token="t", until=until)}
            conversation = await repository.update(CONVERSATIONS, conversation, **held)
            with pytest.raises(PurgeRefused, match=f"a conversation of clinic .* after {until:%H:%M:%S} UTC"):
                await purged(core)
        await repository.update(CONVERSATIONS, conversation, lane_lease=Lease(token="t", until=now))
        assert (await purged(core))["conversations"] == 1


async def test_a_server_counts_as_serving_until_what_it_had_begun_is_done_and_its_shares_are_given_back(desk):
    async with desk(plugins={"model": ScriptedModel}, tenants=BOTH) as server:
        core = server.server
        rate = Rate(amount=10)
        async with core.runtimes.use("clinic"):
            await core.budgets.reserve("clinic", "send/phone/desk", rate)
            core.adopt(core.written.only(["clinic-2"]))
            assert not await core.presence.write()
            with pytest.raises(PurgeRefused, match="may still be served"):
                await purged(core)
            await core.budgets.reserve("clinic", "send/phone/desk", rate)

        async def settled():
            row = await core.store.shared.get(INSTANCES, core.instance)
            return row.data["tenants"] == fingerprint(["clinic-2"])

        began = server.clock.monotonic()
        await server.until("the row says so", settled)
        assert server.clock.monotonic() - began < 20, "not only when the row is written anyway"
        assert core.budgets.tenants() == set()
        assert (await purged(core))["budgets"] == 1
        await core.budgets.tend()
        await core.budgets.close()
        assert await core.store.for_tenant("clinic").find(BUDGETS, {}, limit=9) == []
