"""How the whole server is, as its admins see it."""

from __future__ import annotations

from typing import Any

from frontdesk import Plugin, hookimpl
from frontdesk.auth import Principal
from frontdesk.model import Instance
from frontdesk.store.collections import INSTANCES, SERVER_AUDIT
from frontdesk.testing.plugins import ScriptedModel

ADMIN = Principal(id="1", name="root", display_name="Root", admin=True)


class Ill(Plugin):
    """Says that it is not well."""

    @hookimpl
    async def check_health(self) -> dict[str, Any]:
        return {"ok": False, "detail": "the CRM is away"}


PLUGINS = {"model": ScriptedModel, "ill": Ill}


async def test_everything_is_seen_at_one_glance(desk: Any) -> None:
    tenants = {f"shop-{number:03d}": {"name": f"Tiệm {number}"} for number in range(120)}
    async with desk(plugins=PLUGINS, tenants={"clinic": {}, **tenants}) as server:
        office, now = server.server.office, server.server.store.now()
        await server.server.runtimes.get("clinic")
        await server.server.runtimes.tend()
        server.server.quarantine.add("shop-001", "model", "blocked the loop for 31 s")
        other = Instance(
            id="other-1",
            host="other",
            pid=7,
            started_at=now,
            seen_at=now,
            data={"version": "0.0.9", "release": "old"},
        )
        await server.server.store.shared.insert(INSTANCES, other)
        await server.server.store.due.put("turn", "clinic", "gone", now)
        state = await office.server.state()
        assert (state.store, state.queue, state.tenants_file, state.tenants) == ("ok", "ok", "ok", 121)
        assert {(each.host, each.release, each.ours) for each in state.processes if each.host == "other"} == {
            ("other", "old", False)
        }
        assert [each.ours for each in state.processes if each.version == state.version] == [True]
        assert {(each.tenant, each.plugin, each.state) for each in state.troubles} == {
            ("shop-001", "model", "quarantined"),
            ("clinic", "ill", "not well"),
        }
        assert {each.kind for each in state.waiting} == {"turn", "lane", "task"}
        first = await office.server.tenants()
        second = await office.server.tenants("", first.after)
        assert len(first.tenants) == len(second.tenants) == 50
        assert [each.id for each in (await office.server.tenants("tiệm 17")).tenants] == ["shop-017"]
        assert await office.server.release(ADMIN, "shop-001", "model")
        assert not await office.server.release(ADMIN, "shop-001", "model")
        (entry,) = await server.server.store.shared.find(SERVER_AUDIT, {}, order_by="at")
        assert (entry.what, entry.about) == ("plugin.released", "shop-001/model")
