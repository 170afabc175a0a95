"""Tokens and receivers: made, shown once, tested, ended; in both languages, on a desk and on a phone."""

from __future__ import annotations

import re

import pytest

from frontdesk.services.secrets import new_key

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
DESK = {"server": {"webhooks": {"private_addresses": True}}}


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", new_key())


async def test_a_token_is_made_shown_once_used_and_ended(screens):
    page = await screens.signed_in("owner")
    await page.goto("/t/clinic/hooks")
    await screens.looks(page, "hooks-empty")
    await page.get_by_text("Make a token").click()
    await page.get_by_label("What it is for").last.fill("CRM of the clinic")
    await page.get_by_role("button", name="Make the token").click()
    token = await page.locator(".hook-secret").inner_text()
    assert re.fullmatch(r"fdk_[\w-]{43}", token)
    await screens.looks(page, "hooks-token")
    answer = await page.request.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (await answer.json())["roles"] == {"clinic": "viewer"}
    await page.goto("/t/clinic/hooks")
    assert token not in await page.content(), "it is not shown again"
    await page.get_by_role("button", name="End the token CRM of the clinic").click()
    await page.get_by_text("The token opens nothing any more.").wait_for()
    answer = await page.request.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 401


async def test_a_receiver_is_named_tested_switched_off_and_deleted(screens):
    page = await screens.signed_in("owner")
    await page.goto("/t/clinic/hooks")
    await page.get_by_text("Add a receiver").click()
    await page.get_by_label("Address").fill("http://127.0.0.1:9/nobody")
    await page.get_by_label("What it is for").first.fill(HOSTILE)
    await page.get_by_role("button", name="Add the receiver").click()
    await page.get_by_text("Choose at least one event.").wait_for()
    await screens.looks(page, "hooks-wrong")
    screens.complaints.clear()  # of the 422
    await page.get_by_label("A person is needed").check()
    await page.get_by_role("button", name="Add the receiver").click()
    assert (await page.locator(".hook-secret").inner_text()).startswith("whsec_")
    await page.get_by_role("link", name="<script>").click()
    await page.get_by_role("button", name="Send a test").click()
    await page.get_by_text("The receiver did not answer").first.wait_for()
    await page.get_by_text("Not taken").wait_for()
    await screens.looks(page, "hooks-receiver")
    await page.get_by_role("button", name="Switch off").click()
    await page.get_by_text("Switched off: no events").wait_for()
    await page.get_by_text("Delete", exact=True).click()
    await page.get_by_role("button", name="Delete the receiver").click()
    await page.get_by_text("Nobody is told yet").wait_for()


async def test_it_speaks_vietnamese_and_is_for_owners(screens):
    page = await screens.signed_in("owner", "school", language="vi")
    await page.goto("/t/school/hooks")
    await page.get_by_role("heading", name="API và webhook").wait_for()
    await screens.looks(page, "hooks-vi")
    page = await screens.signed_in("manager")
    answer = await page.request.get("/t/clinic/hooks")
    assert answer.status == 403
