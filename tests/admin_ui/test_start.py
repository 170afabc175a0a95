"""The start page, over HTTP on loopback: who learns which businesses are served here."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest
import yaml

from frontdesk.plugins.simulator import Simulator
from frontdesk.services import overview
from frontdesk.testing.plugins import ScriptedModel

PLUGINS = {"simulator": Simulator, "model": ScriptedModel}
TENANTS: dict[str, Any] = {
    "clinic": {"name": "Riverside Dental"},
    "school": {"name": "Hoa Sen", "plugins": [{"simulator": {"open_to": "everyone"}}]},
    "shop": {"name": "Secret Shop", "plugins": ["phone"]},
}
FROM_AFAR = [{"X-Forwarded-For": "203.0.113.9"}, {"Host": "desk.example.com"}]


async def read(url: str, headers: dict[str, str] | None = None) -> str:
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_whoever_sits_at_the_machine_sees_the_businesses_with_a_phone(desk: Any, serving: Any) -> None:
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server, serving(server.server) as url:
        page = await read(f"{url}/")
        assert "Riverside Dental" in page and "/plugins/simulator/school/" in page
        assert "Secret Shop" not in page, "there is nothing to open"
        assert '"simulator":"/plugins/simulator/clinic/"' in await read(f"{url}/tenants.json")


async def test_of_many_businesses_a_page_is_shown_and_the_others_are_found(
    desk: Any, serving: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(overview, "PAGE", 3)
    many = {f"shop-{number}": {"name": f"Tiệm số {number}"} for number in range(7)}
    async with desk(plugins=PLUGINS, tenants=many) as server, serving(server.server) as url:
        looked: list[str] = []
        line = overview.Overview._line
        monkeypatch.setattr(overview.Overview, "_line", lambda self, id: looked.append(id) or line(self, id))
        first = await read(f"{url}/")
        assert looked == ["shop-0", "shop-1", "shop-2", "shop-3"], "no more are unpacked than are shown"
        assert "shop-2" in first and "shop-3" not in first.replace("after=shop-3", "")
        (more,) = re.findall(r'href="(/\?after=[^"]*)"', first)
        second = await read(f"{url}{more}")
        assert "shop-3" in second and "shop-5" in second and "shop-2" not in second
        found = await read(f"{url}/?q=TIỆM SỐ 6")
        assert "shop-6" in found and "shop-5" not in found
        assert "has that in its name or id" in await read(f"{url}/?q=nobody")
        assert (await read(f"{url}/tenants.json")).count('"id"') == 3


async def test_what_is_changed_over_the_file_is_shown_and_why_such_a_change_is_not_in_force(
    desk: Any, serving: Any
) -> None:
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server, serving(server.server) as url:
        core = server.server
        await core.overlays.set(core.written, "clinic", "persona.name", "Minh", "lan")
        await core.take_changes()
        page = await read(f"{url}/")
        assert page.count("Changed over the tenants file: <code>persona.name</code>") == 1
        assert 'class="banner"' not in page
        core.overlays.banners = {"clinic": "stored changes do not fit, the file alone is in force: <b>"}
        page = await read(f"{url}/")
        assert "the file alone is in force: &lt;b&gt; <code>frontdesk overlay show clinic</code>" in page
        assert "Changed over the tenants file" not in page


async def test_a_business_is_unpacked_for_one_search_and_again_when_it_is_declared_otherwise(
    desk: Any, monkeypatch: Any
) -> None:
    many = {f"shop-{number}": {"name": f"Tiệm số {number}"} for number in range(7)}
    async with desk(plugins=PLUGINS, tenants=many) as server:
        core = server.server
        shown = overview.Overview(core.runtimes, core.registry)
        unpacked: list[str] = []
        made = overview.Overview._made
        monkeypatch.setattr(overview.Overview, "_made", lambda self, id: unpacked.append(id) or made(self, id))

        async def names(search: str) -> list[str]:
            return [each.name for each in (await shown.open_to("127.0.0.1", {"host": "localhost"}, search)).tenants]

        assert await names("số 6") == ["Tiệm số 6"]
        assert unpacked == list(many)
        assert await names("số 5") == ["Tiệm số 5"]
        assert unpacked == list(many), "the second time nothing is unpacked"

        path = core.file.path
        data = yaml.safe_load(path.read_text("utf-8"))
        del data["tenants"]["shop-0"]
        data["tenants"]["shop-6"]["name"] = "Tiệm mới"
        path.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
        assert await core.reloader.reload()
        unpacked.clear()
        assert await names("tiệm mới") == ["Tiệm mới"]
        assert unpacked == ["shop-6"]
        assert await names("shop-0") == await names("số 6") == []
        assert "shop-0" not in shown._index


@pytest.mark.parametrize("headers", FROM_AFAR)
async def test_nobody_else_learns_of_any(desk: Any, serving: Any, headers: dict[str, str]) -> None:
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server, serving(server.server) as url:
        page = await read(f"{url}/", headers)
        assert "There is nothing to see here." in page
        for told in ("Riverside", "clinic", "Hoa Sen", "school", "shop"):
            assert told not in page
        assert (await read(f"{url}/tenants.json", headers)).strip() == "[]"
