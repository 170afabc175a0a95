"""A conversation as operators work in it, in a real browser."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from frontdesk import ApprovedTemplate
from frontdesk.mind import ModelReply, ToolCall, Usage
from frontdesk.model import Memory
from frontdesk.store.collections import MESSAGES, ONLOOKERS

from .conftest import SHOTS
from .talked import BOT, CONFIGURATION, HOSTILE, Story, everything, png, wav

pytestmark = pytest.mark.asyncio(loop_scope="module")
DESK = CONFIGURATION
MAP = "https://www.openstreetmap.org/?mlat=10.770000&mlon=106.700000#map=17/10.770000/106.700000"


def line(page: Page) -> Any:
    """The line that tells who answers."""
    return page.locator("#standing")


async def cookie_of(page: Page) -> dict[str, str]:
    return {each["name"]: each["value"] for each in await page.context.cookies()}


async def test_a_conversation_shows_every_kind_of_message_and_who_answers(screens: Any) -> None:
    story = await everything(screens)
    page = await screens.signed_in("agent", name="Hoa Phạm")
    await page.goto(story.url)
    thread = page.get_by_role("log")
    await expect(thread.get_by_text("Em muốn đến sáng thứ năm")).to_be_visible()
    await expect(thread.locator("audio")).to_have_count(1)
    await expect(thread.locator("strong", has_text="1.500.000đ")).to_be_visible()
    await expect(thread.get_by_role("link", name="Show on the map")).to_have_attribute("href", MAP)
    await expect(thread.get_by_text("send a template.")).to_be_visible()
    await expect(line(page)).to_contain_text("Bot answers")
    await expect(page.locator("#contact")).to_contain_text("+84 901 234 567")
    await expect(page.locator("#contact")).to_contain_text("Vietnamese")
    await expect(page.locator("#contact-cards")).to_contain_text("120")
    await screens.looks(page, "conversation")
    if SHOTS:
        await thread.evaluate("log => { log.scrollTop = 0 }")
        await screens.looks(page, "conversation-above")
    await page.locator(".entry", has_text="Anh Minh gọi lại").get_by_role("button", name="Leave it").click()
    await expect(thread.get_by_text("A person looked at it and left it unsent.")).to_be_visible()


async def test_it_reads_as_well_in_vietnamese(screens: Any) -> None:
    story = await everything(screens, "Trần Văn Đức")
    await screens.desk.server.ownership.hand_off("clinic", story.id, "Khách muốn gặp bác sĩ")
    await story.contact.says("Có ai ở đó không ạ?")
    page = await screens.signed_in("agent", language="vi")
    await page.goto(story.url)
    await expect(line(page)).to_contain_text("Chưa ai nhận")
    await expect(page.locator("#brief")).to_contain_text("Có ai ở đó không ạ?")
    await screens.looks(page, "conversation-vi")


async def test_a_new_message_appears_within_a_second_and_neither_place_nor_draft_is_lost(screens: Any) -> None:
    story = await Story(screens, "Live").begins()
    for no in range(30):
        await story.has(no - 60, text=f"earlier {no}")
    page = await screens.signed_in("agent")
    await page.goto(story.url)
    log = page.get_by_role("log")
    await page.get_by_label("Write to the contact").fill("half a sentence")
    # At the end one stays at the end.
    async with asyncio.timeout(5):
        await story.contact.says("And on Friday?")
        await page.get_by_role("log").get_by_text("And on Friday?", exact=True).wait_for()
    await expect(log.get_by_text("You said: And on Friday?")).to_be_in_viewport()
    # Further up one stays where one is.
    await log.evaluate("log => { log.scrollTop = 300 }")
    await expect(page.get_by_role("button", name="New messages")).to_be_hidden()
    await story.contact.says("Hello?")
    await expect(page.get_by_role("button", name="New messages")).to_be_visible()
    assert await log.evaluate("log => log.scrollTop") == 300
    await page.get_by_role("button", name="New messages").click()
    await expect(log.get_by_text("You said: Hello?")).to_be_in_viewport()
    await expect(page.get_by_label("Write to the contact")).to_have_value("half a sentence")


async def test_who_writes_takes_over_a_double_click_sends_once_and_the_bot_gets_it_back(screens: Any) -> None:
    story = await Story(screens, "Writes").begins()
    page = await screens.signed_in("agent", name="Mai Lê")
    await page.goto(story.url)
    box, log = page.get_by_label("Write to the contact"), page.get_by_role("log")
    await box.fill("Chào chị, em là Mai")
    await page.reload()
    await expect(box).to_have_value("Chào chị, em là Mai")
    await page.get_by_role("button", name="Take over and send").dblclick()
    await expect(log.get_by_text("Chào chị, em là Mai")).to_have_count(1)
    await expect(log.get_by_text("Mai Lê took over")).to_be_visible()
    await expect(line(page)).to_contain_text("You answer · back to the bot in 30 minutes")
    await expect(box).to_have_value("")
    assert await story.contact.hears() == "Chào chị, em là Mai"
    assert len(await story.contact.received()) == 2
    # By keyboard: a note, a second line, and back.
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.get_by_label("Write to the contact").fill("ghi chú")
    await page.keyboard.press("Control+Enter")
    await expect(log.get_by_text("Note by Mai Lê, for operators only")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("b")
    await expect(line(page)).to_contain_text("Bot answers")
    await expect(log.get_by_text("Mai Lê gave it back to the bot")).to_be_visible()
    await page.keyboard.press("t")
    await expect(line(page)).to_contain_text("You answer")
    assert len(await story.contact.received()) == 2
    audit = await screens.desk.server.office.audit.entries("clinic")
    assert {"conversation.taken", "conversation.given_back", "message.written", "note.written"} <= {
        e.what for e in audit
    }


async def test_what_another_answers_is_told_and_can_be_taken_from_them(screens: Any) -> None:
    story = await Story(screens, "Two").begins()
    one, two = await screens.signed_in("agent", name="Anh Vũ"), await screens.signed_in("agent", name="Bình Lý")
    await one.goto(story.url)
    await two.goto(story.url)
    await expect(one.locator("#onlookers")).to_contain_text("Bình Lý is looking")
    await two.get_by_label("Write to the contact").press_sequentially("Để em")
    await expect(one.locator("#onlookers")).to_contain_text("Bình Lý is writing")
    await one.get_by_role("button", name="Take over", exact=True).click()
    await expect(line(two)).to_contain_text("Anh Vũ answers")
    await two.get_by_role("button", name="Take over and send").click()
    refused = two.get_by_role("alert")
    await expect(refused).to_contain_text("Anh Vũ answers this conversation. Take it from them first.")
    await expect(two.get_by_label("Write to the contact")).to_have_value("Để em")
    await refused.get_by_role("button", name="Take it from Anh Vũ").click()
    await expect(line(two)).to_contain_text("You answer")
    await expect(line(one)).to_contain_text("Bình Lý answers")
    await two.get_by_role("button", name="Send").click()
    await expect(one.get_by_role("log").get_by_text("Để em")).to_be_visible()
    screens.complaints.clear()  # the browser notes the 409
    await two.close()
    await expect(one.locator("#onlookers")).to_be_empty()
    assert len(await story.repository.find(ONLOOKERS, {"conversation": story.id}, order_by="name")) == 1


async def test_when_the_window_is_closed_a_template_is_chosen_filled_in_and_sent(screens: Any) -> None:
    story = await Story(screens, "Late").begins()
    await story.changed(last_inbound_at=story.now(-60 * 30), window_from=None)
    phone = await screens.desk.plugin("phone", "clinic")
    phone.templates = (
        ApprovedTemplate(
            id="HX1",
            name="Appointment reminder",
            text="Hello {{1}}, see you on {{2}}.",
            language="en",
            examples={"1": "Lan"},
        ),
        ApprovedTemplate(id="HX2", name="Price list", text="Our prices: https://riverside.example"),
    )
    screens.desk.server.office.talk.templates._told.clear()
    page = await screens.signed_in("agent")
    await page.goto(story.url)
    await expect(line(page)).to_contain_text("Bot answers · window closed, 2 templates fit")
    await page.get_by_text("Appointment reminder").click()
    await page.get_by_label("Value of {{1}}").fill("Late")
    await page.get_by_label("Value of {{2}}").fill("Thursday <b>9</b>")
    await expect(page.locator(".bubble-preview").first).to_have_text("Hello Late, see you on Thursday <b>9</b>.")
    await screens.looks(page, "conversation-template")
    await page.get_by_role("button", name="Send the template").first.dblclick()
    await expect(page.get_by_role("log").get_by_text("Hello Late, see you on Thursday <b>9</b>.")).to_be_visible()
    assert await story.contact.hears() == "Hello Late, see you on Thursday <b>9</b>."
    assert [sent.template.id for sent in phone.sent if sent.template is not None] == ["HX1"]


async def test_what_a_contact_chose_is_text_wherever_it_stands(screens: Any) -> None:
    story = await Story(screens, HOSTILE).begins(HOSTILE)
    paper = await story.file(b"%PDF-1.4", "application/pdf")
    page_like = await story.file(b"<script>parent.document.title=1</script>", "text/html")
    await story.has(1, kind="voice", text=HOSTILE, data={"transcribed": True})
    await story.has(1.2, kind="voice", data={"unheard": HOSTILE})
    await story.has(1.4, kind="voice", data={"unheard": "noisy"})
    await story.has(1.6, kind="voice", data={"hearing_until": "2099-01-01T00:00:00+00:00"})
    await story.has(2, kind="document", media=(paper, page_like), data={"filename": HOSTILE})
    await story.has(3, kind="location", data={"latitude": 1.0, "longitude": 2.0, "label": HOSTILE, "address": HOSTILE})
    await story.has(
        4, kind="other", data={"contacts": [{"name": HOSTILE, "phones": [HOSTILE]}], "answers": {HOSTILE: HOSTILE}}
    )
    await story.has(5, kind="button", text=HOSTILE, data={"payload": HOSTILE, "description": HOSTILE})
    await story.has(6, text="x", data={"referral": {"Headline": HOSTILE, "SourceUrl": "javascript:alert(1)"}})
    await story.has(10, text="y", data={"referral": {"Headline": "z", "SourceUrl": "https://["}})
    await story.has(7, text=HOSTILE, state="failed", error=f"1: {HOSTILE}", **BOT)
    await story.has(8, text=HOSTILE, state="read", data={"choices": [{"id": HOSTILE, "title": HOSTILE}]}, **BOT)
    await story.note(HOSTILE, 9)
    await story.known(Memory(text=HOSTILE, quote=HOSTILE, author="bot", at=story.now()), language=HOSTILE)
    await screens.desk.server.ownership.hand_off("clinic", story.id, HOSTILE)
    page = await screens.signed_in("agent")
    for address in (story.url, f"{story.url}/why"):
        await page.goto(address)
        await expect(page).to_have_title(re.compile("Frontdesk$"))
        if address == story.url:
            for told in ("Not transcribed", "What is said in it cannot be made out", "Is being put into words"):
                await expect(page.get_by_role("log").get_by_text(told)).to_be_visible()
        if address == story.url:
            await expect(page.locator("#contact-cards")).to_contain_text("120")
        assert (
            await page.evaluate("[...document.querySelectorAll('script:not([src]), img[src=x], [onerror]')].length")
            == 0
        )
        assert await page.evaluate("[...document.querySelectorAll('a[href^=\"javascript\"]')].length") == 0
        # What comes by the stream is drawn by the same templates; the page has had its first event when this is there.
    await page.goto(story.url)
    await story.contact.says(HOSTILE + " again")
    await expect(page.get_by_role("log").get_by_text("again")).to_be_visible()
    assert await page.evaluate("document.querySelectorAll('#talk script, #talk img[src=x]').length") == 0
    await expect(page).to_have_title(re.compile("Frontdesk$"))


async def test_files_are_for_operators_of_the_tenant_alone_and_never_run(screens: Any) -> None:
    story = await Story(screens, "Files").begins()
    page_like = await story.file(b"<script>1</script>", "text/html")
    voice, picture = await story.file(wav(), "audio/wav"), await story.file(png(), "image/svg+xml")
    message = await story.has(1, kind="document", media=(voice, page_like, picture), data={"filename": 'a"\r\nb.html'})
    mine, foreign = await screens.signed_in("viewer"), await screens.signed_in("owner", "school")
    url = f"{screens.url}{story.url}/files/{message.id}"
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{url}/0", allow_redirects=False) as answer:
            assert answer.status == 303 and "/sign-in" in answer.headers["Location"]
        for cookies, address in (
            (await cookie_of(foreign), f"{url}/0"),
            (await cookie_of(foreign), f"{url}/0".replace("/t/clinic/", "/t/school/")),
            (await cookie_of(mine), f"{url}/3"),
            (await cookie_of(mine), f"{screens.url}{story.url}/files/nothing/0"),
        ):
            async with http.get(address, cookies=cookies) as answer:
                assert answer.status == 404
    async with aiohttp.ClientSession(cookies=await cookie_of(mine)) as http:
        async with http.get(f"{url}/0", headers={"Range": "bytes=4-7"}) as answer:
            assert (answer.status, await answer.read()) == (206, wav()[4:8])
            assert answer.headers["Content-Range"] == f"bytes 4-7/{len(wav())}"
            assert answer.headers["Content-Type"] == "audio/wav"
        async with http.get(f"{url}/0", headers={"Range": "bytes=-4"}) as answer:
            assert await answer.read() == wav()[-4:]
        async with http.get(f"{url}/0", headers={"Range": f"bytes={len(wav())}-"}) as answer:
            assert answer.status == 416
        for no in (1, 2):
            async with http.get(f"{url}/{no}") as answer:
                assert answer.headers["Content-Type"] == "application/octet-stream"
                assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%22%0D%0Ab.html"
                assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                await answer.read()


async def test_a_file_is_sent_and_one_that_whatsapp_does_not_take_is_refused(screens: Any) -> None:
    story = await Story(screens, "Sends").begins()
    page = await screens.signed_in("agent")
    await page.goto(story.url)
    drawing = {"name": "x.svg", "mimeType": "image/svg+xml", "buffer": b"<svg onload='alert(1)'/>"}
    await page.get_by_label("Attach a file").set_input_files(drawing)
    await page.get_by_role("button", name="Take over and send").click()
    await expect(page.get_by_role("alert")).to_contain_text("WhatsApp does not take this file")
    screens.complaints.clear()
    await page.get_by_label("Attach a file").set_input_files(
        {"name": "răng.png", "mimeType": "image/png", "buffer": png()}
    )
    await page.get_by_label("Write to the contact").fill("Như này ạ")
    await page.get_by_role("button", name="Take over and send").click()
    await expect(page.get_by_role("log").get_by_text("Như này ạ")).to_be_visible()
    await expect(page.locator(".bubble-image img")).to_have_js_property("naturalWidth", 120)


async def test_on_a_phone_one_goes_from_the_list_to_the_conversation_to_the_contact_and_back(screens: Any) -> None:
    first, second = await Story(screens, "First in line").begins(), await Story(screens, "Second in line").begins()
    page = await screens.signed_in("agent", size="narrow")
    await page.goto("/t/clinic/inbox")
    await page.get_by_role("link", name="First in line").click()
    await expect(page.get_by_role("heading", name="First in line")).to_be_visible()
    await expect(page).to_have_url(re.compile(f"{first.url}$"))
    await expect(page).to_have_title("First in line · Riverside Dental · Frontdesk")
    await expect(page.get_by_role("link", name="Second in line")).to_be_hidden()
    await page.get_by_role("link", name="About the contact").click()
    await expect(page.locator("#contact")).to_contain_text("What is known of them")
    await expect(page.get_by_role("log")).to_be_hidden()
    await page.get_by_role("link", name="Back to the conversation").click()
    await page.get_by_label("Write to the contact").fill("a draft for the first")
    await page.get_by_role("link", name="Back to the list").click()
    await page.get_by_role("link", name="Second in line").click()
    # What is open is live, and has a draft of its own.
    await expect(page.get_by_label("Write to the contact")).to_have_value("")
    await second.contact.says("Still there?")
    await expect(page.get_by_role("log").get_by_text("Still there?", exact=True)).to_be_visible()
    await page.get_by_role("link", name="Back to the list").click()
    await page.get_by_role("link", name="First in line").click()
    await expect(page.get_by_label("Write to the contact")).to_have_value("a draft for the first")
    await expect(page.get_by_role("log").get_by_text("Still there?")).to_have_count(0)


async def test_earlier_messages_come_without_moving_what_is_read(screens: Any) -> None:
    story, oldest = await Story(screens, "Long").begins(), None
    for no in range(90):
        message = await story.has(no - 200, text=f"line {no}")
        oldest = oldest or message
    await story.known(Memory(text="Said so", quote="line 0", message=oldest.id, author="bot", at=story.now()))
    page = await screens.signed_in("viewer")
    await page.goto(story.url)
    log = page.get_by_role("log")
    await expect(page.get_by_label("Write to the contact")).to_have_count(0)
    await log.evaluate("log => { log.scrollTop = 0 }")
    first = log.get_by_text("line 52", exact=True)
    before = (await first.bounding_box())["y"]
    await page.get_by_role("link", name="Earlier messages").click()
    await expect(log.get_by_text("line 20", exact=True)).to_be_attached()
    assert abs((await first.bounding_box())["y"] - before) < 60
    await page.get_by_role("link", name="Earlier messages").click()
    await expect(log.get_by_text("The conversation begins here.")).to_be_attached()
    texts = await log.locator(".bubble-text").all_inner_texts()
    assert [text for text in texts if text.startswith("line")] == [f"line {no}" for no in range(90)]
    # What a memory stands on is found however far back it is.
    await page.reload()
    await page.get_by_role("link", name="“line 0”").click()
    await expect(log.get_by_text("line 0", exact=True)).to_be_in_viewport()


async def test_it_works_without_javascript(screens: Any) -> None:
    story = await Story(screens, "Plain").begins()
    page = await screens.signed_in("agent", javascript=False)
    await page.goto(story.url)
    await page.get_by_label("Write to the contact").fill("Không có script")
    await page.get_by_role("button", name="Take over and send").click()
    await expect(page.get_by_role("log").get_by_text("Không có script")).to_be_visible()
    await page.get_by_role("button", name="Give back").click()
    await expect(page.get_by_text("The bot answers again")).to_be_visible()
    await expect(line(page)).to_contain_text("Bot answers")


async def test_what_is_known_of_a_contact_is_corrected_and_forgotten(screens: Any) -> None:
    story = await Story(screens, "Known").begins()
    await story.known(*(Memory(text=f"fact {no}", author="bot", at=story.now()) for no in range(2)))
    page = await screens.signed_in("agent", size="narrow")
    await page.goto(story.url)
    await page.get_by_role("link", name="About the contact").click()
    contact = page.get_by_role("complementary", name="Contact")
    await contact.get_by_text("Correct or forget").first.click()
    await contact.get_by_label("What is right").first.fill("fact zero")
    await contact.get_by_role("button", name="Correct", exact=True).first.click()
    await expect(page.get_by_text("Corrected")).to_be_visible()
    assert [memory.text for memory in (await story.contact.contact()).memories] == ["fact zero", "fact 1"]
    await page.get_by_role("link", name="About the contact").click()
    await screens.looks(page, "contact")
    await contact.get_by_text("Correct or forget").nth(1).click()
    await contact.get_by_role("button", name="Forget").click()
    await expect(page.get_by_text("Forgotten")).to_be_visible()
    assert [memory.text for memory in (await story.contact.contact()).memories] == ["fact zero"]


async def test_why_the_bot_said_it_is_told_step_by_step(screens: Any) -> None:
    model = await screens.desk.plugin("model", "clinic")
    usage = Usage(input_tokens=1200, output_tokens=40, cost=0.0031, currency="USD")
    call = ToolCall(id="1", name="book", arguments={"at": "Thursday 9"})
    asked = ModelReply(text="", tool_calls=(call,), model="scripted", usage=usage)
    story = await Story(screens, "Why").begins()
    model.script = [asked, ModelReply(text="Booked: Thursday at 9.", model="scripted", usage=usage)]
    await story.contact.says("Thursday at 9, please")
    await story.contact.hears()
    page = await screens.signed_in("viewer")
    await page.goto(story.url)
    await page.locator(".entry", has_text="Booked: Thursday at 9.").get_by_role("link", name="Why?").click()
    await expect(page.get_by_role("heading", name="Why did it say that")).to_be_visible()
    told = page.get_by_role("region", name="What happened")
    await expect(told).to_contain_text("The contact sent a text: “Thursday at 9, please”")
    await expect(told).to_contain_text("The tool book (booking) took")
    await expect(page.get_by_text("2,400 / 80")).to_be_visible()
    await expect(page.get_by_text("$0.0062")).to_be_visible()
    await screens.looks(page, "why")
    await told.get_by_text("Data").nth(1).click()
    await expect(told.locator("pre").nth(1)).to_contain_text('"count": 1')
    await page.get_by_role("link", name="Turn before").click()
    await expect(told).to_contain_text("Hello, how much is whitening?")
    await expect(page.get_by_role("link", name="Turn after")).to_be_visible()
    assert (await page.goto(f"{story.url}/why/99")).status == 404
    screens.complaints.clear()


async def test_an_ended_session_ends_what_is_open(screens: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from frontdesk.admin_ui import talk_live

    monkeypatch.setattr(talk_live, "HEARTBEAT", 0.1)
    story = await Story(screens, "Ends").begins()
    page = await screens.signed_in("agent", name="Ends Soon")
    await page.goto(story.url)
    await expect(page.get_by_role("log").get_by_text("You said")).to_be_visible()
    accounts = screens.desk.server.office.accounts
    operator = next(each for each in await accounts.everybody() if each.display_name == "Ends Soon")
    await accounts.end_sessions(operator.id)
    await page.wait_for_url("**/sign-in**")


async def test_an_empty_conversation_says_what_will_appear(screens: Any) -> None:
    story = await Story(screens, "Nothing").begins()
    for message in await story.contact.messages():
        await story.repository.delete(MESSAGES, message)
    page = await screens.signed_in("agent")
    await page.goto(story.url)
    await expect(page.get_by_text("Nothing has been said yet.")).to_be_visible()
    await screens.looks(page, "conversation-empty")
    assert (await page.goto("/t/clinic/inbox/nobody")).status == 404
    screens.complaints.clear()
