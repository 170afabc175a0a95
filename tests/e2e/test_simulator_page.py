"""The phone in a real browser: what somebody sees who has never seen Frontdesk."""

from __future__ import annotations

import asyncio
import re
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from frontdesk import ModelReply, ModelRequest, ToolCall
from frontdesk.clock import SystemClock
from frontdesk.testing.plugins import ScriptedModel

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}

pytestmark = [
    pytest.mark.browser,
    # A browser that goes on before a script has come cuts off Quart's opening of the file, which the collector closes then.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <_io.FileIO name=.*/static/:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is missing: apt-get install chromium"),
]

FACTS = {
    "clinic": [{"topic": "prices", "questions": "How much is a check-up?", "answer": "A check-up is £58."}],
    "school": [{"topic": "học phí", "questions": "Học phí bao nhiêu?", "answer": "Học phí là 4.200.000đ một khóa."}],
}
TENANTS = {
    "clinic": {"name": "Riverside Dental", "time_zone": "Europe/London", "language": "en-GB"},
    "school": {"name": "Trung tâm Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"},
}


class Facts(ScriptedModel):
    """Answers from the tenant's facts, when told to go on; asks for words when there are none."""

    gate: asyncio.Event | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.script = [self._answer] * 20

    async def _answer(self, request: ModelRequest) -> ModelReply:
        if self.gate is not None:
            await self.gate.wait()
        said = request.messages[-1]
        known = {question: fact.answer for fact in self.tenant.facts for question in fact.questions}
        text = self.tenant.say("not_understood_media") if said.media else known.get(said.text, f"“{said.text}”?")
        return ModelReply(text=text, model="facts")


class Desk:
    """The server, and the browser in front of it."""

    def __init__(self, desk: Any, browser: Browser, serving: Any, port: int, stack: AsyncExitStack) -> None:
        self.desk = desk
        self._browser = browser
        self._serving = serving
        self._stack = stack
        self.port = port
        self.complaints: list[str] = []

    async def open(self, tenant: str = "clinic", size: dict[str, int] | None = None) -> Page:
        context = await self._browser.new_context(viewport=size or WIDE, locale="fr-FR")  # type: ignore[arg-type]
        self._stack.push_async_callback(context.close)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        await page.goto(f"http://localhost:{self.port}/plugins/simulator/{tenant}/")
        return page

    async def hold_the_model(self, tenant: str = "clinic") -> asyncio.Event:
        """The model thinks until the event is set."""
        model = await self.desk.plugin("model", tenant)
        model.gate = asyncio.Event()
        return model.gate


@pytest.fixture
async def front(desk: Any, serving: Any) -> AsyncIterator[Any]:
    """`front = await front()`: starts the server; the settle time of both tenants can be told."""
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        stack.push_async_callback(browser.close)

        async def begin(settle: float = 0.2) -> tuple[Desk, AsyncExitStack]:
            waits = {"quiet_seconds": settle, "fragment_seconds": settle, "media_seconds": settle}
            tenants = {id: {**told, "facts": FACTS[id], "settle": waits} for id, told in TENANTS.items()}
            simulator = entry_points(group="frontdesk.plugins")["simulator"].load()
            server = await stack.enter_async_context(
                desk(plugins={"simulator": simulator, "model": Facts}, tenants=tenants, clock=SystemClock())
            )
            line = await stack.enter_async_context(AsyncExitStack())
            url = await line.enter_async_context(serving(server.server))
            return Desk(server, browser, serving, int(url.rpartition(":")[2]), stack), line

        yield begin


async def says(page: Page, text: str) -> Locator:
    """Write a message; its bubble."""
    await page.get_by_role("textbox").fill(text)
    await page.keyboard.press("Enter")
    return page.locator(".mine").last


def theirs(page: Page) -> Locator:
    return page.locator("#bubbles .theirs")


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\x99" * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("tenant", "question", "answer", "panel", "placeholder"),
    [
        ("clinic", "How much is a check-up?", "A check-up is £58.", "The answer has been read", "Message"),
        ("school", "Học phí bao nhiêu?", "Học phí là 4.200.000đ một khóa.", "Câu trả lời đã được xem", "Nhắn tin"),
    ],
)
async def test_a_tapped_question_is_answered_in_the_tenants_language(
    front: Any, tenant: str, question: str, answer: str, panel: str, placeholder: str
) -> None:
    desk, _ = await front()
    page = await desk.open(tenant)
    await expect(page.get_by_role("textbox")).to_have_attribute("placeholder", placeholder)
    await page.get_by_role("button", name=question).click()
    await expect(theirs(page)).to_contain_text(answer)
    await expect(page.locator("#doing")).to_have_text(panel)
    await expect(page.locator("#empty")).to_be_hidden()
    assert desk.complaints == []


async def test_dots_are_seen_while_the_bot_thinks_and_go_when_it_answers(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open()
    goes_on = await desk.hold_the_model()
    await says(page, "Are you there?")
    await expect(page.locator("#typing")).to_be_visible()
    await expect(page.locator("#presence")).to_have_text("typing…")
    await expect(page.locator("#doing")).to_have_text("Thinks about the answer")
    goes_on.set()
    await expect(theirs(page)).to_contain_text("“Are you there?”?")
    await expect(page.locator("#typing")).to_be_hidden()
    await expect(page.locator("#presence")).to_have_text("online")


async def test_a_message_goes_from_clock_to_ticks_to_blue(front: Any) -> None:
    desk, _ = await front(settle=2)
    page = await desk.open()
    goes_on = asyncio.Event()

    async def hold(route: Any) -> None:
        await goes_on.wait()
        await route.continue_()

    await page.route("**/webhooks/**", hold)
    bubble = await says(page, "How much is a check-up?")
    await expect(bubble.locator(".tick")).to_have_class("tick pending")
    goes_on.set()
    await expect(bubble.locator(".tick")).to_have_class("tick delivered")
    await expect(page.locator("#doing")).to_have_text("Waits a moment, in case more is coming")
    await expect(bubble.locator(".tick")).to_have_class("tick read")
    await expect(bubble.locator(".tick")).to_have_attribute("title", "Read")


async def test_a_picture_with_a_caption_is_shown_and_acknowledged(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open("school")
    picture = {"name": "răng.png", "mimeType": "image/png", "buffer": png(64, 48)}
    await page.locator("#file").set_input_files(picture)  # type: ignore[arg-type]
    await page.get_by_role("textbox", name="Nhắn tin").fill("Xem giúp em")
    await page.get_by_role("button", name="Gửi", exact=True).click()
    image = page.locator(".mine img")
    await expect(image).to_have_attribute("alt", "Xem giúp em")
    await expect(theirs(page)).to_contain_text("em chưa xem được hình ảnh")
    assert await image.evaluate("image => image.naturalWidth") == 64
    await expect(page.locator("#attached")).to_be_hidden()
    assert desk.complaints == []


async def test_a_sample_voice_note_can_be_sent_and_played(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open()
    await page.get_by_role("button", name="Send a sample voice note").click()
    await expect(theirs(page)).to_contain_text("voice notes")
    await page.get_by_role("button", name="Play the voice note").click()
    await expect(page.locator(".wave .played").last).to_be_attached()
    assert desk.complaints == []


async def test_a_file_that_cannot_be_sent_says_why(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open()
    note = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"hello"}
    await page.locator("#file").set_input_files(note)  # type: ignore[arg-type]
    await expect(page.get_by_role("alert")).to_contain_text("no JPEG, PNG, GIF or WebP")
    lie = {"name": "lie.png", "mimeType": "image/png", "buffer": b"hello"}
    await page.locator("#file").set_input_files(lie)  # type: ignore[arg-type]
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("no JPEG, PNG, GIF or WebP")
    await expect(page.locator(".mine")).to_have_count(0)


async def test_a_reload_keeps_the_conversation_and_the_draft(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open()
    await says(page, "How much is a check-up?")
    await expect(theirs(page)).to_have_count(1)
    await page.get_by_role("textbox").fill("And on Satur")
    await page.reload()
    await expect(theirs(page)).to_contain_text("A check-up is £58.")
    await expect(page.locator(".mine")).to_have_count(1)
    await expect(page.get_by_role("textbox")).to_have_value("And on Satur")


async def test_without_a_connection_a_bar_tells_so_and_what_was_written_is_sent_later_once(
    front: Any, serving: Any
) -> None:
    desk, line = await front()
    page = await desk.open()
    await says(page, "One")
    await expect(theirs(page)).to_have_count(1)
    await line.aclose()
    await expect(page.locator("#offline")).to_contain_text("No connection to Frontdesk since")
    bubble = await says(page, "Two")
    await expect(bubble.locator(".tick")).to_have_class("tick pending")
    async with serving(desk.desk.server, desk.port):
        await expect(page.locator("#offline")).to_be_hidden(timeout=15_000)
        await expect(theirs(page)).to_have_count(2, timeout=15_000)
        await expect(page.locator(".mine .text")).to_have_text(["One", "Two"])
        await expect(bubble.locator(".tick")).to_have_class("tick read")


async def test_a_new_contact_starts_with_nothing(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open()
    await says(page, "How much is a check-up?")
    await expect(theirs(page)).to_have_count(1)
    before = await page.locator("#me").text_content()
    await page.locator(".panel").get_by_role("button", name="New contact").click()
    await expect(page.locator("#empty")).to_be_visible()
    await expect(page.locator(".bubble:visible")).to_have_count(0)
    await expect(page.locator("#me")).not_to_have_text(before or "")
    await expect(page.get_by_role("textbox")).to_be_focused()


async def test_what_is_written_is_text_and_never_markup(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open()
    text = "<img src=x onerror=alert(1)>\n<b>đậm</b>"
    await says(page, text)
    await expect(page.locator(".mine .text")).to_have_text(text, use_inner_text=True)
    await expect(theirs(page).locator(".text")).to_contain_text("<b>đậm</b>")
    await expect(page.locator("#bubbles img, #bubbles b")).to_have_count(0)


async def test_enter_sends_and_shift_enter_breaks_the_line(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open()
    await page.get_by_role("textbox").press_sequentially("one")
    await page.keyboard.press("Shift+Enter")
    await page.get_by_role("textbox").press_sequentially("two")
    await page.keyboard.press("Enter")
    await expect(page.locator(".mine .text")).to_have_text("one\ntwo", use_inner_text=True)


def offers(text: str, *choices: dict[str, str]) -> ModelReply:
    """A model's answer with choices below it."""
    return ModelReply(
        text=text, tool_calls=(ToolCall(id="c", name="offer_choices", arguments={"choices": [*choices]}),)
    )


async def test_a_tapped_button_is_what_the_contact_says_and_is_tapped_once(front: Any) -> None:
    desk, _ = await front()
    model = await desk.desk.plugin("model")
    model.script.insert(0, offers("Shall I keep the place?", {"title": "Yes, please"}, {"title": "No, thanks"}))
    page = await desk.open()
    await says(page, "Hello")
    group = page.get_by_role("group", name="Choices")
    yes, no = group.get_by_role("button", name="Yes, please"), group.get_by_role("button", name="No, thanks")
    for button in (yes, no):
        box = await button.bounding_box()
        assert box is not None and box["height"] >= 44
    await yes.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".mine .text")).to_have_text(["Hello", "Yes, please"])
    await expect(theirs(page)).to_have_count(2)
    await expect(yes).to_have_accessible_name("Yes, please (chosen)")
    await expect(no).to_have_attribute("aria-disabled", "true")
    await no.click(force=True)
    await page.reload()
    await expect(yes).to_have_accessible_name("Yes, please (chosen)")
    await no.click(force=True)
    await expect(theirs(page)).to_have_count(2)
    await expect(page.locator(".mine")).to_have_count(2)
    assert desk.complaints == []


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_more_choices_are_a_list_that_lies_on_the_phones_glass(front: Any, size: dict[str, int]) -> None:
    desk, _ = await front()
    model = await desk.desk.plugin("model", "school")
    courses = ({"title": f"Khoá {no}", "description": "tối thứ Ba và thứ Năm"} for no in range(1, 11))
    model.script.insert(0, offers("Anh chị quan tâm khoá nào ạ?", *courses))
    page = await desk.open("school", size)
    await says(page, "Xin chào")
    opens = page.get_by_role("button", name="Chọn")
    sheet = page.get_by_role("dialog", name="Chọn")
    await opens.click()
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await expect(opens).to_be_focused()
    await opens.click()
    inside, glass = await sheet.bounding_box(), await page.locator(".glass").bounding_box()
    assert inside is not None and glass is not None
    assert abs(inside["x"] - glass["x"]) <= 1 and abs(inside["width"] - glass["width"]) <= 1
    assert abs(inside["y"] + inside["height"] - glass["y"] - glass["height"]) <= 1
    last = sheet.get_by_role("button", name="Khoá 10")
    await last.scroll_into_view_if_needed()
    await last.click()
    await expect(sheet).to_be_hidden()
    await expect(page.locator(".mine").last).to_contain_text("Khoá 10tối thứ Ba và thứ Năm")
    await expect(theirs(page)).to_have_count(2)
    await opens.click(force=True)
    await expect(sheet).to_be_hidden()
    assert desk.complaints == []


async def test_the_panel_says_that_a_person_was_called(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open("school")
    await says(page, "Học phí bao nhiêu?")
    await expect(theirs(page)).to_have_count(1)
    contact = await page.evaluate("() => localStorage.getItem('frontdesk.simulator.school.contact')")
    conversations = (await desk.desk.plugin("simulator", "school")).conversations
    conversation = await conversations.of("simulator", contact)
    await desk.desk.server.ownership.hand_off("school", conversation.id, "Muốn gặp thầy cô")
    await expect(page.locator("#owner")).to_have_text("Chưa ai: đã gọi nhân viên")
    await expect(page.locator("#detail")).to_have_text("Đã báo cho nhân viên: Muốn gặp thầy cô")
    colours = [
        await page.locator(part).evaluate("part => getComputedStyle(part).color")
        for part in ("#owner", ".panel .button")
    ]
    assert colours[0] == colours[1], "a person who answers is no alarm"
    await says(page, "Có ai không?")
    await expect(page.locator("#doing")).to_have_text("Im lặng, để nhân viên trả lời")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_phone_says_who_answers_next_and_gives_back_to_the_bot(front: Any, size: dict[str, int]) -> None:
    desk, _ = await front()
    page = await desk.open("clinic", size)
    answers, button = page.locator("#answers"), page.get_by_role("button", name="Give back to the bot")
    await expect(answers).to_have_text(re.compile(".+, the bot, answers"))
    await says(page, "How much is a check-up?")
    await expect(theirs(page)).to_have_count(1)
    await expect(button).to_be_hidden()
    contact = await page.evaluate("() => localStorage.getItem('frontdesk.simulator.clinic.contact')")
    conversation = await (await desk.desk.plugin("simulator")).conversations.of("simulator", contact)
    await desk.desk.server.ownership.hand_off("clinic", conversation.id, "asked for a person")
    await expect(answers).to_have_text("Waiting for a person")
    await expect(page.locator("#again")).to_have_text(re.compile(r"^Back to the bot at .*\d\d:\d\d$"))
    await says(page, "Is anybody there?")
    box = await button.bounding_box()
    assert box is not None and box["height"] >= 44 and box["x"] + box["width"] <= size["width"]
    await button.click()
    await expect(theirs(page)).to_have_count(2)
    await expect(answers).to_have_text(re.compile(".+, the bot, answers"))
    await expect(button).to_be_hidden()
    assert desk.complaints == []


async def test_on_a_phone_it_fills_the_screen(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open(size=NARROW)
    box = await page.locator(".phone").bounding_box()
    assert box == {"x": 0, "y": 0, **NARROW}
    await expect(page.locator(".panel")).to_be_hidden()
    send = await page.locator("#voice").bounding_box()
    assert send is not None and send["width"] >= 44 and send["y"] + send["height"] <= NARROW["height"]
    assert await page.evaluate("() => document.documentElement.scrollWidth") == NARROW["width"]


async def test_times_are_those_of_the_business(front: Any) -> None:
    desk, _ = await front()
    london, hanoi = await desk.open("clinic"), await desk.open("school")
    clocks = [await page.locator("#clock").text_content() for page in (london, hanoi)]
    assert all(re.fullmatch(r"\d\d:\d\d", clock or "") for clock in clocks)
    assert clocks[0] != clocks[1]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_by_the_keyboard_alone_one_gets_to_the_phone_of_another_business(
    front: Any, size: dict[str, int]
) -> None:
    desk, _ = await front()
    page = await desk.open("clinic", size)
    switch = page.get_by_role("button", name="Write to another business")
    menu = page.get_by_role("navigation", name="Businesses on this server")
    await switch.focus()
    await page.keyboard.press("Enter")
    await expect(switch).to_have_attribute("aria-expanded", "true")
    await expect(menu.get_by_role("link", name="Riverside Dental")).to_be_focused()
    await expect(menu.get_by_role("link", name="Riverside Dental")).to_have_attribute("aria-current", "page")
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(switch).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowDown")
    await expect(menu.get_by_role("link", name="Trung tâm Hoa Sen")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/plugins/simulator/school/$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Trung tâm Hoa Sen")
    assert desk.complaints == []


async def test_a_long_name_of_a_business_is_read_whole_on_a_narrow_phone(front: Any) -> None:
    desk, _ = await front()
    page = await desk.open("school", {"width": 320, "height": 640})
    name = page.get_by_role("heading", level=1)
    await name.evaluate("name => name.textContent = 'Trung tâm Anh ngữ Hoa Sen Láng Hạ'")
    assert await name.evaluate("name => name.scrollHeight <= name.clientHeight && name.scrollWidth <= name.clientWidth")
