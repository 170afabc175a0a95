"""The page of failures: causes with their cure, replay and dismissal, due tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import expect

from frontdesk import hookimpl
from frontdesk.model import Contact, Conversation, Message, Route, Task
from frontdesk.plugins.twilio_whatsapp import TwilioWhatsapp
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, MESSAGES, TASKS
from frontdesk.testing.plugins import Phone, ScriptedModel

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


class Speaking(Phone):
    """Knows its provider's codes, as Twilio's plugin does."""

    @classmethod
    def explain(cls, code: str, language: str) -> str:
        return TwilioWhatsapp.explain(code, language)

    @hookimpl
    async def send(self, message: Any) -> str:
        return await Phone.send(self, message)


DESK = {"plugins": {"phone": Speaking, "model": ScriptedModel}}


async def failed(screens: Any, tenant: str, number: int, name: str, error: str, minutes: float) -> None:
    """A contact whom a message did not reach."""
    repository, now = screens.desk.repository(tenant), screens.desk.server.store.now()
    id = f"{tenant}-{number}"
    phone = f"+4477009{number:05d}"
    await repository.insert(CONTACTS, Contact(id=id, name=name, phone=phone, created_at=now))
    conversation = Conversation(id=id, contact=id, channel="phone", external_id=phone, created_at=now)
    await repository.insert(CONVERSATIONS, conversation)
    message = Message(
        id=f"{id}-m",
        conversation=id,
        direction="outbound",
        state="failed",
        at=now - timedelta(minutes=minutes),
        error=error,
        route=Route(channel="phone", address="a", external_id=phone),
    )
    await repository.insert(MESSAGES, message)


async def test_an_empty_page_says_what_will_be_there(screens: Any) -> None:
    page = await screens.signed_in("manager", "school", language="vi")
    await page.goto("/t/school/failures")
    await expect(page.get_by_role("heading", name="Không có gì cần bạn xử lý")).to_be_visible()
    await screens.looks(page, "failures-empty-vi")
    await page.get_by_role("link", name="Việc sắp làm").click()
    await expect(page.get_by_role("heading", name="Chưa có việc nào")).to_be_visible()
    await failed(screens, "school", 2, "Lan", "the model gave no answer within 30 s", 3)
    await page.goto("/t/school/failures")
    await expect(page.get_by_role("heading", name="Mất quá nhiều thời gian")).to_be_visible()
    await expect(page.get_by_text("the model gave no answer within 30 s")).to_have_attribute("lang", "en")


async def test_causes_are_dismissed_together_and_what_contacts_call_themselves_is_text(screens: Any) -> None:
    names = [HOSTILE, "Nguyễn Thị Lan", "Trần Văn Minh", *(f"Contact {n}" for n in range(60))]
    for number, name in enumerate(names):
        await failed(screens, "clinic", number, name, f"63016: refused, request {number}", 3 + number * 37)
    await failed(screens, "clinic", 90, "Late", "too late: its useful_until passed", 900)
    repository, now = screens.desk.repository("clinic"), screens.desk.server.store.now()
    made = {"plugin": "hubspot", "name": "push_deal", "at": now, "state": "failed", "attempts": 10}
    for number in range(2):
        error = f"answered 503 for deal {number}{HOSTILE}"
        await repository.insert(TASKS, Task(id=f"hubspot/push_deal/{number}", error=error, **made))
    page = await screens.signed_in("manager", "clinic")
    await page.goto("/t/clinic/failures")
    cause = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="24 hours"))
    await expect(cause.get_by_text("Code 63016")).to_be_visible()
    await screens.looks(page, "failures")
    await cause.get_by_text("Who is affected").click()
    await expect(cause.get_by_role("link", name=HOSTILE)).to_be_visible()
    await expect(cause.get_by_text("13 more")).to_be_visible()
    await screens.looks(page, "failures-open")
    await cause.get_by_role("button", name="Dismiss", exact=True).first.click()
    await expect(page.get_by_text("1 is dismissed.")).to_be_visible()
    await page.get_by_role("button", name="Dismiss 62").click()
    await expect(page.get_by_text("62 are dismissed.")).to_be_visible()
    await expect(page.get_by_text("Code 63016")).to_have_count(0)
    await page.get_by_role("button", name="Retry 2").click()
    await expect(page.get_by_text("2 are done again.")).to_be_visible()


async def test_a_viewer_sees_and_does_nothing_an_agent_only_one(screens: Any) -> None:
    await failed(screens, "school", 1, "Lan", "63016: refused", 3)
    for role, one, many in (("viewer", 0, 0), ("agent", 1, 0), ("manager", 1, 1)):
        page = await screens.signed_in(role, "school", javascript=False)
        await page.goto("/t/school/failures")
        cause = page.locator(".cause").filter(has_text="63016")
        if role == "manager":  # for others it is open: what the cure names is in there
            await cause.get_by_text("Who is affected").click()
        await expect(cause.get_by_role("button", name="Dismiss", exact=True)).to_have_count(one)
        await expect(cause.get_by_role("button", name="Dismiss 1")).to_have_count(many)


async def test_due_tasks_are_paged_and_cancelled(screens: Any) -> None:
    repository, now = screens.desk.repository("school"), screens.desk.server.store.now()
    for number in range(60):
        task = Task(
            id=f"reminders/remind/{number}", plugin="reminders", name="remind", at=now + timedelta(hours=1 + number)
        )
        await repository.insert(TASKS, task)
    page = await screens.signed_in("agent", "school")
    await page.goto("/t/school/failures/due")
    await screens.looks(page, "failures-due")
    await page.get_by_role("link", name="Later ones").click()
    await expect(page.get_by_role("button", name="Cancel the task")).to_have_count(10)
    await page.get_by_role("button", name="Cancel the task").first.click()
    await expect(page.get_by_text("The task is cancelled.")).to_be_visible()
