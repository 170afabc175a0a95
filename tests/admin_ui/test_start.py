"""The start page, over HTTP on loopback: who learns which businesses are served here."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from frontdesk.plugins.simulator import Simulator
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


@pytest.mark.parametrize("headers", FROM_AFAR)
async def test_nobody_else_learns_of_any(desk: Any, serving: Any, headers: dict[str, str]) -> None:
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server, serving(server.server) as url:
        page = await read(f"{url}/", headers)
        assert "There is nothing to see here." in page
        for told in ("Riverside", "clinic", "Hoa Sen", "school", "shop"):
            assert told not in page
        assert (await read(f"{url}/tenants.json", headers)).strip() == "[]"
