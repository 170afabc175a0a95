"""The page of the whole server, for admins."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

DESK = {
    "tenants": {f"shop-{number:03d}": {"name": f"Tiệm {number}"} for number in range(80)}
    | {"clinic": {"name": "Riverside Dental <script>alert(1)</script>"}}
}


async def test_an_admin_sees_how_the_server_is_and_starts_a_plugin_again(screens: Any) -> None:
    screens.desk.server.quarantine.add("shop-001", "model", "blocked the loop for 31 s")
    page = await screens.signed_in("owner", "clinic", admin=True)
    await page.goto("/server")
    await expect(page.get_by_text("blocked the loop for 31 s")).to_be_visible()
    await screens.looks(page, "server")
    await page.get_by_role("button", name="Start it again").click()
    await expect(page.get_by_text("It starts again within half a minute.")).to_be_visible()
    await page.get_by_label("Name or id").fill("tiệm 77")
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator(".server-tenant")).to_have_count(1)
    await page.goto("/server")
    await page.get_by_role("link", name="More businesses").click()
    await expect(page.locator(".server-tenant")).to_have_count(31)


async def test_it_is_there_in_vietnamese_and_for_admins_only(screens: Any) -> None:
    page = await screens.signed_in("owner", "clinic", admin=True, language="vi")
    await page.goto("/server")
    await expect(page.get_by_role("heading", name="81 doanh nghiệp")).to_be_visible()
    await screens.looks(page, "server-vi")
    page = await screens.signed_in("owner", "clinic")
    assert (await page.goto("/server")).status == 403
    screens.complaints.clear()  # the browser notes the 403
