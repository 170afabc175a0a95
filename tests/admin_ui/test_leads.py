"""Leads: the board, one lead, two people at once, the file for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from playwright.async_api import expect

from frontdesk.admin_ui import csv_file
from frontdesk.records import Evidence
from frontdesk.store.collections import CONTACTS
from frontdesk.testing.builders import fill

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


async def test_nobody_yet(screens: Any) -> None:
    """The first test of this module: the business has no leads."""
    page = await screens.signed_in("agent", "school", language="vi")
    await page.goto("/t/school/leads")
    await expect(page.get_by_role("heading", name="Chưa có khách tiềm năng nào")).to_be_visible()
    await screens.looks(page, "leads-none")


async def filled(screens: Any) -> Any:
    """The clinic's leads; made once."""
    server = screens.desk.server
    if not await server.leads.count("clinic", "warm"):
        await fill(server.store, server.people, "clinic", 160, language="en")
        await fill(server.store, server.people, "school", 30, language="vi")
    return server


async def hot_one(screens: Any, contact: str = "") -> Any:
    """A lead on top of its column."""
    server = await filled(screens)
    found = await server.leads.list("clinic", "cold", limit=5)
    lead = await server.leads.change(
        "clinic",
        contact or found[-1].contact,
        key=f"top-{found[-1].contact}",
        by="plugin:lead_scoring",
        temperature="hot",
    )
    return lead


async def test_a_card_is_dragged_and_moved_by_the_keyboard_and_the_bot_leaves_it_so(screens: Any) -> None:
    server, lead = await filled(screens), await hot_one(screens)
    page = await screens.signed_in("agent", name="Hoa Phạm")
    await page.goto("/t/clinic/leads")
    card = page.locator(f"#lead-{lead.id}")
    hot = int(await page.locator("h2 [data-count-of=hot]").inner_text())
    await screens.looks(page, "leads")
    await card.locator("blockquote").hover()
    target = await page.locator("#warm .lead-card").nth(1).bounding_box()
    await page.mouse.down()
    await page.mouse.move(target["x"] + 80, target["y"] + 40, steps=80)
    await expect(page.locator("#warm").locator(f"#lead-{lead.id}")).to_be_visible()
    await page.mouse.up()
    await expect(page.locator("#warm").locator(f"#lead-{lead.id}")).to_be_visible()
    await expect(page.get_by_text("is warm now.")).to_be_visible()
    await expect(page.locator("h2 [data-count-of=hot]")).to_have_text(str(hot - 1))
    moved = await server.leads.get("clinic", lead.id)
    assert (moved.temperature, moved.pinned, moved.history[-1].by) == ("warm", True, "operator:hoa-pham")
    (entry,) = await server.office.audit.entries("clinic", what="lead.moved", limit=1)
    assert (entry.about, entry.details) == (lead.id, {"before": "hot", "after": "warm"})
    await card.get_by_role("link").focus()
    await page.keyboard.press("Shift+ArrowRight")
    await expect(page.locator("#cold").locator(f"#lead-{lead.id}")).to_be_visible()
    await expect(card.get_by_role("link")).to_be_focused()
    await card.locator("summary").press("Enter")
    await card.get_by_role("button", name="Move to hot").press("Enter")
    await expect(page.locator("#hot").locator(f"#lead-{lead.id}")).to_be_visible()
    assert (await server.leads.get("clinic", lead.id)).temperature == "hot"


async def test_two_who_move_the_same_card_are_told(screens: Any) -> None:
    server, lead = await filled(screens), await hot_one(screens)
    page = await screens.signed_in("agent")
    await page.goto("/t/clinic/leads")
    other = await server.leads.change("clinic", lead.id, key="other", by="operator:minh", stage="visit booked")
    card = page.locator(f"#lead-{lead.id}")
    await card.get_by_role("link").focus()
    await page.keyboard.press("Shift+ArrowRight")
    await expect(card.get_by_role("alert")).to_contain_text("Somebody else has changed this lead meanwhile")
    await expect(page.locator("#hot").locator(f"#lead-{lead.id}")).to_contain_text("visit booked")
    assert await server.leads.get("clinic", lead.id) == other
    screens.complaints.clear()  # the browser notes the 409


async def test_what_was_typed_is_kept_when_somebody_else_saved_first(screens: Any) -> None:
    server, lead = await filled(screens), await hot_one(screens)
    said = Evidence(quote="I can pay today", message=f"in-{lead.id}-1", field="budget", at=server.clock.now())
    await server.leads.change("clinic", lead.id, key="e", by="bot", fields={"budget": "£300"}, evidence=[said])
    page = await screens.signed_in("agent", name="Minh")
    await page.goto(f"/t/clinic/leads/{lead.id}")
    await expect(page.get_by_role("link", name="In the conversation").first).to_have_attribute(
        "href", f"/t/clinic/inbox/{lead.id}#m-in-{lead.id}-1"
    )
    await screens.looks(page, "lead")
    await page.get_by_label("budget", exact=True).fill("£450")
    await page.get_by_label("Why").fill("she called")
    await server.leads.change("clinic", lead.id, key="o", by="operator:hoa", stage="second visit")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("stage")
    await expect(page.get_by_role("alert")).to_contain_text("second visit")
    await expect(page.get_by_label("budget", exact=True)).to_have_value("£450")
    await screens.looks(page, "lead-meanwhile")
    await expect(page.get_by_label("Stage")).to_have_value("second visit")
    await page.get_by_label("Something else").fill("timing")
    await page.get_by_label("What you know of it").fill("this week")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    now = await server.leads.get("clinic", lead.id)
    assert (now.fields["budget"], now.fields["timing"], now.stage) == ("£450", "this week", "second visit")
    assert now.history[-1].cause == "she called"
    (entry,) = await server.office.audit.entries("clinic", what="lead.changed", limit=1)
    assert entry.about == lead.id and "£450" not in str(entry.details)
    screens.complaints.clear()  # the browser notes the 409


async def test_all_of_it_works_without_scripts_and_in_vietnamese(screens: Any) -> None:
    server = await filled(screens)
    page = await screens.signed_in("agent", language="en", javascript=False)
    await page.goto("/t/clinic/leads")
    (first, *_rest) = await server.leads.list("clinic", "cold", limit=1)
    card = page.locator(f"#lead-{first.id}")
    await card.locator("summary").click()
    await card.get_by_role("button", name="Move to warm").click()
    await expect(page.locator("#said")).to_contain_text("is warm now.")
    assert (await server.leads.get("clinic", first.id)).temperature == "warm"
    shown = await page.locator("#cold .lead-card").evaluate_all("all => all.map(each => each.id)")
    await page.locator("#cold").get_by_role("link", name="Show more").click()
    later = await page.locator("#cold .lead-card").evaluate_all("all => all.map(each => each.id)")
    assert later and not set(later) & set(shown)
    vietnamese = await screens.signed_in("agent", "school", language="vi", size="narrow")
    await vietnamese.goto("/t/school/leads")
    await expect(vietnamese.get_by_role("heading", name="Khách tiềm năng")).to_be_visible()
    await screens.looks(vietnamese, "leads-vi")
    await vietnamese.locator("#warm h3 a").first.click()
    await screens.looks(vietnamese, "lead-vi")


async def test_a_column_grows_in_place(screens: Any) -> None:
    await filled(screens)
    page = await screens.signed_in("viewer")
    await page.goto("/t/clinic/leads")
    column = page.locator("#cold .lead-card")
    before = await column.count()
    await page.locator("#cold").get_by_role("link", name="Show more").click()
    await expect(column.nth(before)).to_be_attached()
    ids = await column.evaluate_all("all => all.map(each => each.id)")
    assert len(ids) == len(set(ids))
    await expect(page.locator(".lead-menu")).to_have_count(0)


async def test_what_a_contact_writes_stays_text_on_the_page_and_in_the_file(screens: Any) -> None:
    server, lead = await filled(screens), await hot_one(screens)
    repository = server.store.for_tenant("clinic")
    contact = await repository.get(CONTACTS, lead.id)
    await repository.update(CONTACTS, contact, name=HOSTILE)
    quote = Evidence(quote=f"=HYPERLINK(1) {HOSTILE}", at=server.clock.now())
    await server.leads.change("clinic", lead.id, key="x", by="bot", fields={HOSTILE: "@SUM(1)"}, evidence=[quote])
    page = await screens.signed_in("manager", name="Chi Lê")
    for address in ("/t/clinic/leads", f"/t/clinic/leads/{lead.id}"):
        await page.goto(address)
        assert await page.locator("main img, main script").count() == 0
        await expect(page.get_by_text(HOSTILE).first).to_be_attached()
    await page.goto("/t/clinic/leads")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="CSV file").click()
    path = await (await download.value).path()
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    lines = list(csv.DictReader(io.StringIO(text[1:])))
    counts = [await server.leads.count("clinic", each) for each in ("hot", "warm", "cold")]
    assert len(lines) == sum(counts)
    (found,) = [each for each in lines if each["Name"] == HOSTILE]
    assert found["In their words"].startswith("'=HYPERLINK") and found[HOSTILE] == "'@SUM(1)"
    assert found["Phone"] == f"'{contact.phone}"


async def test_cells_that_would_compute_do_not() -> None:
    for text in ("=1+1", "+84", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "＝1"):
        assert csv_file.cell(text).startswith("'")
    assert csv_file.line(["Đặng Thị Ánh", 'a"b', 5]) == 'Đặng Thị Ánh,"a""b",5\r\n'


async def test_who_may_what(screens: Any) -> None:
    lead = await hot_one(screens)
    page = await screens.signed_in("viewer")
    assert (await page.goto(f"/t/clinic/leads/{lead.id}")).status == 200
    await expect(page.get_by_role("button", name="Save")).to_have_count(0)
    assert (await page.goto("/t/clinic/leads.csv")).status == 403
    assert (await page.goto("/t/clinic/leads/nobody")).status == 404
    assert (await page.goto("/t/clinic/leads?only=boiling")).status == 404
    other = await screens.signed_in("owner", "school")
    assert (await other.goto(f"/t/school/leads/{lead.id}")).status == 404
    screens.complaints.clear()  # the browser notes each of them
