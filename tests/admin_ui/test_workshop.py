"""The workshop as operators see it: edit, try on the phone beside it, publish, roll back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from frontdesk import ModelReply, Plugin, ToolCall, hookimpl, tool

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


class Calendar(Plugin):
    """Changes the world."""

    @tool(deed=True, repeatable=True)
    async def book(self, day: str) -> str:
        """Book a visit."""
        raise AssertionError("a rehearsal books nothing")


class Model(Plugin):
    """Says who it is, with a fact; books when asked to."""

    @hookimpl
    async def think(self, request: Any) -> ModelReply:
        last = request.messages[-1]
        if "book" in last.text:
            return ModelReply(tool_calls=(ToolCall(id="1", name="book", arguments={"day": EVIL}),), model="m")
        facts = " ".join(fact.answer for fact in request.tenant.facts)
        return ModelReply(text=f"{request.tenant.persona.name} {facts} {EVIL}", model="m")


FACTS = [{"topic": "Địa chỉ", "answer": "12 Lý Thường Kiệt."}, {"topic": "Học phí", "answer": "1.500.000 đồng."}]
DESK = {
    "plugins": {"model": Model, "calendar": Calendar},
    "tenants": {
        "clinic": {"name": "Riverside Dental", "time_zone": "Europe/London", "language": "en"},
        "school": {
            "name": "Trung tâm Anh ngữ Hoa Sen",
            "time_zone": "Asia/Ho_Chi_Minh",
            "language": "vi",
            "persona": {"name": "Mai", "role": "lễ tân", "tone": {"notes": "Xưng em, gọi anh chị."}},
            "facts": FACTS,
        },
    },
}


async def ask(page: Any, text: str) -> None:
    await page.locator("#phone-text").fill(text)
    await page.keyboard.press("Enter")


async def test_a_persona_is_tried_before_it_is_saved_then_published_and_rolled_back(screens: Any) -> None:
    page = await screens.signed_in("manager", tenant="school", name="Lan Anh")
    office = screens.desk.server.office
    await page.goto("/t/school/workshop")
    name = page.locator('[name="f.persona.name"]')
    await name.fill("Lan Hương")
    await ask(page, f"xin chào {EVIL}")
    await expect(page.locator(".bubble-bot")).to_contain_text("Lan Hương 12 Lý Thường Kiệt.")
    await ask(page, "book please")
    await expect(page.get_by_text("Would have done, and did not:")).to_be_visible()
    assert await page.locator("img[src=x]").count() == 0 and office.tenant("school").persona.name == "Mai"
    await expect(name).to_have_value("Lan Hương")
    await page.locator("summary", has_text="Học phí").click()
    await page.get_by_role("button", name="Remove").last.click()
    await page.get_by_role("button", name="Keep the draft").click()
    await expect(page.get_by_text("A draft by lan-anh differs from what is in force in 2 places.")).to_be_visible()
    await ask(page, "xin chào")
    await screens.looks(page, "workshop")
    await page.get_by_role("link", name="Look through and publish").click()
    await expect(page.locator(".line-old").first).to_be_visible()
    await screens.looks(page, "workshop-publish")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_text("Published. Contacts meet it")).to_be_visible()
    tenant = office.tenant("school")
    assert tenant.persona.name == "Lan Hương" and [fact.topic for fact in tenant.facts] == ["Địa chỉ"]
    await page.get_by_role("link", name="Earlier versions").click()
    await screens.looks(page, "workshop-versions")
    await page.get_by_role("button", name="Go back to it 1").click()
    await expect(page.get_by_text("Version 1 is in force again.")).to_be_visible()
    assert office.tenant("school").persona.name == "Mai" and len(office.tenant("school").facts) == 2


async def test_what_is_wrong_is_told_at_its_field_and_on_the_phone(screens: Any) -> None:
    page = await screens.signed_in("manager", tenant="school", language="vi", size="narrow")
    await page.goto("/t/school/workshop")
    await page.locator('[name="f.persona.name"]').fill("")
    await expect(page.get_by_text("Cần điền mục này.").or_(page.get_by_text("Quá ngắn")).first).to_be_visible()
    await ask(page, "xin chào")
    await expect(page.locator(".phone-trouble")).to_contain_text("Bản nháp chưa đúng")
    await page.get_by_role("button", name="Giữ bản nháp").click()
    await expect(page.get_by_text("Chưa lưu gì")).to_be_visible()
    screens.complaints.clear()  # the browser notes the 422
    await screens.looks(page, "workshop-wrong")
    await page.goto("/t/school/workshop/prompt")
    await expect(page.get_by_text("Xưng em, gọi anh chị.")).to_be_visible()
    await screens.looks(page, "workshop-prompt")


async def test_without_javascript_the_kept_draft_answers(screens: Any) -> None:
    page = await screens.signed_in("manager", javascript=False)
    await page.goto("/t/clinic/workshop")
    await page.locator('[name="f.facts[0].topic"]').fill("Parking")
    await page.locator('[name="f.facts[0].answer"]').fill("Behind the house.")
    await page.get_by_role("button", name="Keep the draft").click()
    await ask(page, "where do I park?")
    await expect(page.locator(".bubble-bot")).to_contain_text("Behind the house.")
    await ask(page, "thank you")
    await expect(page.locator(".bubble-contact")).to_have_count(2)
    await page.goto("/t/clinic/workshop")
    await page.get_by_role("button", name="Throw it away").click()
    await expect(page.get_by_text("The draft is gone.")).to_be_visible()
