"""Plugins' pages: mounted under their name and tenant, with the right instance; a bad one has none and stops nobody."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from quart import Blueprint
from structlog.testing import capture_logs

from frontdesk import NeedsAttention, Plugin, current_plugin, hookimpl
from frontdesk.step import Step

SEEN: list[Any] = []


class Pages(Plugin):
    """Shows who it is."""

    calls: ClassVar[int] = 0

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Blueprint) -> None:
        cls.calls += 1
        blueprint.add_url_rule("/", "start", _start)
        blueprint.add_url_rule("/sync/<int:number>", "sync", _sync)
        blueprint.add_url_rule("/broken", "broken", _broken)


async def _start() -> str:
    SEEN.append(Step.running)
    plugin = current_plugin()
    return f"{plugin.name} of {plugin.tenant.id}"


def _sync(number: int) -> str:
    time.sleep(0.01)  # a view that is not async runs in a thread
    return f"{current_plugin().tenant.id} {number}"


async def _broken() -> str:
    raise ValueError("a defect")


class BrokenPages(Plugin):
    @classmethod
    @hookimpl
    def routes(cls, blueprint: Blueprint) -> None:
        blueprint.add_url_rule("/", "start", _start)
        raise RuntimeError("the template is missing")


class NotStarting(Pages):
    @hookimpl
    async def start(self) -> None:
        raise NeedsAttention("pay the bill of account 4711")


TENANTS = {"clinic": {}, "school": {}, "shop": {"plugins": ["phone"]}}


async def get(server: Any, path: str) -> tuple[int, str]:
    page = await server.server.quart.test_client().get(path)
    return page.status_code, await page.get_data(as_text=True)


async def test_each_tenant_has_its_own_instance_under_its_own_path(desk):
    SEEN.clear()
    Pages.calls = 0
    async with desk(plugins={"pages": Pages}, tenants=TENANTS) as server:
        assert await get(server, "/plugins/pages/clinic/") == (200, "pages of clinic")
        assert await get(server, "/plugins/pages/school/") == (200, "pages of school")
        assert await get(server, "/plugins/pages/school/sync/7") == (200, "school 7")
    assert Pages.calls == 1
    assert [tuple(seen) for seen in SEEN] == [("clinic", "pages", "routes"), ("school", "pages", "routes")]


async def test_who_does_not_use_it_and_who_does_not_exist_have_no_page(desk):
    async with desk(plugins={"pages": Pages}, tenants=TENANTS) as server:
        assert (await get(server, "/plugins/pages/shop/"))[0] == 404
        assert (await get(server, "/plugins/pages/nobody/"))[0] == 404
        assert (await get(server, "/plugins/nothing/clinic/"))[0] == 404


async def test_a_plugin_that_does_not_run_says_so_and_not_why(desk):
    async with desk(plugins={"pages": NotStarting}) as server:
        status, text = await get(server, "/plugins/pages/clinic/")
        assert status == 503
        assert "pages is not running" in text
        assert "4711" not in text


async def test_one_that_cannot_add_its_pages_has_none_and_the_others_have_theirs(desk):
    with capture_logs() as logs:
        async with desk(plugins={"broken": BrokenPages, "pages": Pages}) as server:
            assert (await get(server, "/plugins/broken/clinic/"))[0] == 404
            assert await get(server, "/plugins/pages/clinic/") == (200, "pages of clinic")
            lan = server.contact("Lan")
            await lan.says("Chào")
    (told,) = [entry for entry in logs if entry["event"] == "plugin_without_pages"]
    assert (told["plugin"], told["hook"]) == ("broken", "routes")
    assert told["reason"].startswith("RuntimeError at test_plugin_routes.py:")


async def test_a_view_that_raises_is_its_own_page_only(desk):
    async with desk(plugins={"pages": Pages}) as server:
        assert (await get(server, "/plugins/pages/clinic/broken"))[0] == 500
        assert (await get(server, "/plugins/pages/clinic/"))[0] == 200
