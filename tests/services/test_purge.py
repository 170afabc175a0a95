"""A purge deletes all of one tenant and nothing of another, and goes on where it was interrupted."""

from __future__ import annotations

import pytest

from frontdesk.services.purge import purge
from frontdesk.store import StoreUnavailable
from frontdesk.store.collections import COLLECTIONS, DUE
from frontdesk.testing.plugins import ScriptedModel


async def test_it_goes_on_where_it_was_interrupted_and_leaves_everybody_else_alone(desk, monkeypatch):
    tenants = {"clinic": {}, "clinic-2": {}}
    async with desk(plugins={"model": ScriptedModel}, tenants=tenants) as server:
        core = server.server
        for tenant in tenants:
            lan = server.contact("Lan", tenant=tenant)
            await lan.says("Hello.")
            await lan.hears()
            await core.media.put(tenant, b"a picture", "image/png")
            await core.store.due.put("lane", tenant, "later", core.store.now().replace(year=2099))
        await server.quiet()
        other = [await core.store.bulk.page(each, tenant="clinic-2") for each in COLLECTIONS if each.tenant_data]

        remove, calls = core.store.bulk.remove, []

        async def dies(collection, documents):
            calls.append(collection.name)
            if len(calls) == 3:
                raise StoreUnavailable("away")
            await remove(collection, documents)

        monkeypatch.setattr(core.store.bulk, "remove", dies)
        with pytest.raises(StoreUnavailable):
            await purge(core.store, core.media, "clinic")
        assert "clinic" in await core.store.bulk.tenants(), "it is still known to have data"
        deleted = await purge(core.store, core.media, "clinic")
        assert deleted["messages"] + deleted["conversations"] > 0
        assert await core.store.bulk.tenants() == ["clinic-2"]
        assert {row.tenant for row in await core.store.shared.find(DUE, {}, limit=100)} == {"clinic-2"}
        assert await purge(core.store, core.media, "clinic") == {}
        kept = [await core.store.bulk.page(each, tenant="clinic-2") for each in COLLECTIONS if each.tenant_data]
        assert kept == other
        assert await core.media.purge("clinic-2") == 1
