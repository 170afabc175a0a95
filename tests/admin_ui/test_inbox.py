"""The inbox: the list beside which everything else stands."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from quart import Quart

from frontdesk.admin_ui import inbox
from frontdesk.admin_ui.gate import Here
from frontdesk.auth import Principal
from frontdesk.model import NOBODY, Commit, Contact, Conversation, Message
from frontdesk.services import conversation_list
from frontdesk.store import Insert
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, MESSAGES
from frontdesk.testing.plugins import ScriptedModel

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = {"settle": {"quiet_seconds": 0}}
DESK = {
    "tenants": {
        "clinic": {"name": "Riverside Dental", "time_zone": "Europe/London", "language": "en-GB", **AT_ONCE},
        "school": {"name": "Trung tâm Anh ngữ Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi", **AT_ONCE},
        "quiet": {"name": "Nobody's", "time_zone": "UTC", "language": "en"},
    },
    "plugins": {"model": ScriptedModel},
}
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
PEOPLE = (
    ("Nguyễn Thị Minh Hằng", "Dạ em muốn đặt lịch khám răng cho bé vào sáng thứ Bảy này được không ạ?"),
    ("Đặng Văn Lâm", "Cảm ơn em nhé"),
    ("Anna Schmidt", "Is it possible to move my appointment to Friday afternoon?"),
    ("Trần Quốc Bảo", "bao nhiêu tiền một buổi vậy shop"),
    ("Lê Ngọc Ánh", "👍"),
    ("Olga Petrova", "Добрый день! Вы работаете в воскресенье?"),
    ("", "hello"),
    (HOSTILE, HOSTILE),
    (
        "Phạm Thị Hồng Nhung với một cái tên dài không thể nào vừa trên một dòng",
        "Vâng ạ, chị chờ em chút, em kiểm tra lại.",
    ),
)


async def fill(screens: Any, tenant: str, count: int) -> None:
    """Conversations `one-0` … as they are on a busy day: the first wrote last."""
    now: datetime = screens.desk.server.store.now()
    repository = screens.desk.repository(tenant)
    for number in range(count):
        name, text = PEOPLE[number % len(PEOPLE)]
        ago = timedelta(minutes=2 * number + number**2)
        await repository.write(*_writes(f"one-{number:03}", number, name, text, now - ago))


def _writes(id: str, number: int, name: str, text: str, at: datetime) -> list[Insert[Any]]:
    owner = ("bot", "operator:lan", NOBODY, "bot", "operator:minh", "bot")[number % 6]
    waits = number % 6 in (1, 2)
    conversation = Conversation(
        id=id,
        contact=id,
        channel="phone",
        owner=owner,
        owner_since=at,
        temperature=("hot", "", "warm", "cold", "", "")[number % 6],  # type: ignore[arg-type]
        last_inbound_at=at,
        unanswered_since=at if waits else None,
        last_commit=Commit(turn="t", state="parked", finished=True) if number % 6 == 2 else None,
        created_at=at,
    )
    said = [
        Message(
            id=f"{id}.1",
            conversation=id,
            direction="inbound",
            state="received" if waits else "answered",
            text=text,
            author="contact",
            at=at,
        )
    ]
    if not waits:
        state = ("delivered", "read", "failed", "sent", "queued")[number % 5]
        answer = "Dạ vâng ạ, bên em còn 9:00 và 10:30. Anh chị chọn giờ nào ạ?"
        said.append(
            Message(
                id=f"{id}.2",
                conversation=id,
                direction="outbound",
                state=state,
                text=answer,
                author=owner,
                at=at + timedelta(seconds=20),
            )  # type: ignore[arg-type]
        )
    contact = Contact(id=id, name=name, phone=f"+84901234{number:03}" if number % 5 else "", created_at=at)
    return [Insert(CONTACTS, contact), *(Insert(MESSAGES, each) for each in said), Insert(CONVERSATIONS, conversation)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def school(screens: Any) -> None:
    await fill(screens, "school", 60)


def rows(page: Page) -> Any:
    return page.locator(".inbox-row")


async def names(page: Page) -> list[str]:
    return [text.strip() for text in await page.locator(".inbox-name").all_inner_texts()]


async def test_with_nothing_and_with_little(screens: Any) -> None:
    page = await screens.signed_in("viewer", "quiet")
    await page.goto("/t/quiet/inbox")
    await expect(page.get_by_role("heading", name="Nobody has written yet")).to_be_visible()
    await screens.looks(page, "inbox-empty")


async def test_with_much_in_both_languages(screens: Any, school: None) -> None:
    for language, title in (("en", "Conversations"), ("vi", "Các cuộc trò chuyện")):
        page = await screens.signed_in("agent", "school", language=language, name=f"lan {language}")
        await page.goto("/t/school/inbox")
        await expect(page.get_by_role("list", name=title)).to_be_visible()
        await screens.looks(page, f"inbox-{language}")


async def test_a_message_appears_by_itself_and_nothing_jumps_meanwhile(screens: Any, school: None) -> None:
    page = await screens.signed_in("agent", "school")
    async with page.expect_response(re.compile("/inbox/events")):
        await page.goto("/t/school/inbox")
    first = (await names(page))[0]
    newcomer = screens.desk.contact("Vũ Khánh Linh", tenant="school")
    await newcomer.says("Cho em hỏi học phí")
    await expect(rows(page).first).to_contain_text("Vũ Khánh Linh")
    await expect(rows(page).nth(1)).to_contain_text(first)
    await expect(rows(page).first).to_contain_text("You said")  # the answer, in the same row
    # Who has scrolled down keeps what they look at, and is told.
    await page.locator("#inbox-scroll").evaluate("it => { it.scrollTop = 600 }")
    looked_at = page.locator('[data-id="one-008"]')
    before = await looked_at.bounding_box()
    await screens.desk.contact("Bùi Gia Huy", tenant="school").says(HOSTILE)
    await expect(page.get_by_role("button", name=re.compile("new above"))).to_be_visible()
    assert await looked_at.bounding_box() == before
    await page.get_by_role("button", name=re.compile("new above")).click()
    await expect(rows(page).first).to_contain_text("Bùi Gia Huy")
    await expect(page.get_by_role("button", name=re.compile("new above"))).to_be_hidden()


async def test_a_busy_list_tells_nothing_more_once_the_session_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy day there is always something new: whether it may still be told must not wait for a quiet moment."""
    monkeypatch.setattr(inbox, "MAY_EVERY", 0.0)
    minh = Principal(id="minh", name="minh", display_name="Minh", roles={"school": "viewer"})
    signed_in: list[Principal | None] = [minh, minh, replace(minh, roles={})]

    class Busy:
        asked = 0

        @asynccontextmanager
        async def watch(self, tenant: str) -> AsyncIterator[Any]:
            yield self

        async def changed(self, seconds: float) -> dict[str, None]:
            self.asked += 1
            assert self.asked < 10, "it goes on"
            return {"one": None}

        async def page(self, *asked: Any, **more: Any) -> conversation_list.Page:
            return conversation_list.Page(())

        async def signed_in(self, cookie: str) -> Principal | None:
            return signed_in.pop(0)

    busy, now = Busy(), datetime(2026, 11, 28, tzinfo=UTC)
    office = SimpleNamespace(conversation_feed=busy, conversations=busy, accounts=busy, now=lambda: now)
    here = Here(minh, SimpleNamespace(id="school"), "en", ZoneInfo("UTC"), now)  # type: ignore[arg-type]
    async with Quart("inbox").app_context():
        told = [each async for each in inbox._events(office, here, conversation_list.Filters(), "cookie")]  # type: ignore[arg-type]
    assert sum("event: gone" in each for each in told) == 2 and not signed_in


async def test_filters_are_links_and_older_ones_come_page_by_page_also_without_javascript(
    screens: Any, school: None
) -> None:
    page = await screens.signed_in("viewer", "school", javascript=False)
    await page.goto("/t/school/inbox")
    seen = await rows(page).count()
    await page.get_by_role("link", name="Older conversations").click()
    assert await rows(page).count() and seen == 40
    await page.locator(".inbox-whose a", has_text="Nobody").click()
    assert await rows(page).count() == 10
    await page.locator(".chip", has_text="Warm").click()
    assert await rows(page).count() == 10
    await page.locator(".chip", has_text="Hot").click()
    await expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
    await page.get_by_role("link", name="Show all conversations").click()
    await page.get_by_role("searchbox").fill("dang van lam")
    await page.get_by_role("searchbox").press("Enter")
    assert await rows(page).count() == 7 and set(await names(page)) == {"Đặng Văn Lâm"}


async def test_a_search_answers_while_one_types_and_marks_what_was_said(screens: Any, school: None) -> None:
    page = await screens.signed_in("agent", "school")
    await page.goto("/t/school/inbox")
    await page.keyboard.press("/")
    await page.keyboard.type("lich kham")
    await expect(page.locator("mark").first).to_have_text("lịch")
    await expect(rows(page)).to_have_count(7)
    assert "q=lich+kham" in page.url or "q=lich%20kham" in page.url
    await screens.looks(page, "inbox-search")
    await page.get_by_role("searchbox").fill("khongcogi")
    await expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()


async def test_the_list_is_gone_through_by_keyboard(screens: Any, school: None) -> None:
    page = await screens.signed_in("agent", "school")
    await page.goto("/t/school/inbox?owner=nobody")
    for key in ("j", "ArrowDown", "k", "j"):
        await page.keyboard.press(key)
    wanted = await rows(page).nth(1).get_attribute("data-id")
    assert await page.evaluate("document.activeElement.closest('.inbox-row').dataset.id") == wanted
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(f"/inbox/{wanted}"))
    await expect(page.locator('.inbox-link[aria-current="true"]')).to_have_count(1)


async def test_what_no_list_has_is_not_found(screens: Any, school: None) -> None:
    page = await screens.signed_in("viewer", "school")
    answer = await page.goto("/t/school/inbox?after=nonsense")
    assert answer is not None and answer.status == 404
    screens.complaints.clear()
    await page.goto("/t/school/inbox?owner=everybody&temperature=boiling")
    assert await rows(page).count() == 40
