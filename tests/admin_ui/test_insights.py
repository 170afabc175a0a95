"""The page of insights: figures that open their conversations, charts with their tables, a range of days."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import expect

from frontdesk.model import Contact, Message
from frontdesk.store.collections import CONTACTS, MESSAGES
from frontdesk.testing.builders import fill

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


async def test_nothing_has_happened(screens: Any) -> None:
    page = await screens.signed_in("viewer", "clinic")
    await page.goto("/t/clinic/insights")
    await expect(page.get_by_role("heading", name="Nothing has happened in this time")).to_be_visible()
    await screens.looks(page, "insights-empty")


async def test_a_number_opens_the_conversations_behind_it(screens: Any) -> None:
    repository, now = screens.desk.repository("clinic"), screens.desk.server.store.now()
    for number in range(60):
        id, at = f"c{number}", now - timedelta(minutes=number)
        await repository.insert(
            CONTACTS, Contact(id=id, name=HOSTILE if number == 0 else f"Contact {number}", created_at=at)
        )
        await repository.insert(
            MESSAGES, Message(id=f"m{number}", conversation=id, direction="inbound", state="received", at=at)
        )
    page = await screens.signed_in("viewer", "clinic", javascript=False)
    await page.goto("/t/clinic/insights?days=7")
    await page.get_by_role("link", name="New contacts 60").click()
    await expect(page.locator(".behind li")).to_have_count(50)
    await expect(page.get_by_text(HOSTILE)).to_be_visible()
    await page.get_by_role("link", name="Earlier ones").click()
    await expect(page.locator(".behind li")).to_have_count(10)
    assert (await page.goto("/t/clinic/insights/input_tokens")).status == 404
    screens.complaints.clear()  # the browser notes the 404


async def test_charts_are_drawn_and_have_their_tables(screens: Any) -> None:
    server = screens.desk.server
    await fill(server.store, server.people, "school", 400)
    page = await screens.signed_in("owner", "school", language="vi")
    await page.goto("/t/school/insights?days=7")
    await expect(page.get_by_text("lần đầu")).to_have_count(0, timeout=20_000)
    await screens.looks(page, "insights-vi")
    await page.locator(".chart summary").first.click()
    await expect(page.locator(".chart tbody").first.locator("tr")).to_have_count(7)
    drawn = await page.evaluate(
        "[...document.querySelectorAll('canvas')].map((c) => Chart.getChart(c)?.data.datasets.length)"
    )
    assert drawn == [2, 2, 3, 1]
    await screens.looks(page, "insights-table-vi")
    await page.get_by_role("link", name=re.compile("cuộc trò chuyện", re.IGNORECASE)).first.click()
    await screens.looks(page, "insights-cases-vi")
