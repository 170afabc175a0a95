"""Appointments: the list and who came, the week, one of them, two people at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import expect

from frontdesk.records import Reminder
from frontdesk.store.collections import APPOINTMENTS, CONTACTS
from frontdesk.testing.builders import fill

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
HOUR = timedelta(hours=1)


async def test_none_yet(screens: Any) -> None:
    """The first test of this module: nothing is booked."""
    page = await screens.signed_in("agent", "school", language="vi")
    await page.goto("/t/school/appointments")
    await expect(page.get_by_role("heading", name="Chưa có lịch hẹn nào")).to_be_visible()
    await screens.looks(page, "appointments-none")
    await page.goto("/t/school/appointments/week")
    await screens.looks(page, "week-none")


async def filled(screens: Any) -> Any:
    """The appointments of both businesses; made once."""
    server = screens.desk.server
    if not await server.appointments.between("clinic", None, None, limit=1):
        await fill(server.store, server.people, "clinic", 260, language="en")
        await fill(server.store, server.people, "school", 120, language="vi")
    return server


async def visit(screens: Any, key: str, hours: float) -> Any:
    """A visit that begins in so many hours, with its words and its reminders."""
    server = await filled(screens)
    now = server.clock.now()
    (lead, *_rest) = await server.leads.list("clinic", "warm", limit=1)
    booked = await server.appointments.book(
        "clinic",
        lead.contact,
        key=key,
        by="plugin:calendar",
        starts_at=now + hours * HOUR,
        ends_at=now + (hours + 1) * HOUR,
        zone="Europe/London",
        service="Check-up",
        resource="Dr Patel",
        words="Could I come on Friday after work?",
        message=f"in-{lead.contact}-1",
        plugin="calendar",
    )
    for rule, before, state, reason in (("24h", 24, "sent", ""), ("2h", 2, "dropped", "the contact wants no messages")):
        reminder = Reminder(rule=rule, at=booked.starts_at - before * HOUR, state=state, reason=reason)
        await server.appointments.note("clinic", booked.id, key=rule, by="plugin:reminders", reminder=reminder)
    return await server.appointments.get("clinic", booked.id)


async def test_who_came_is_said_in_the_list_and_counts_once(screens: Any) -> None:
    there = await visit(screens, "came", -2)
    server = screens.desk.server
    page = await screens.signed_in("agent", name="Hoa Phạm")
    await page.goto("/t/clinic/appointments")
    await expect(page.get_by_role("link", name="Upcoming")).to_have_attribute("aria-current", "true")
    await screens.looks(page, "appointments")
    await page.get_by_role("link", name="Did they come?").click()
    row = page.locator(f"#appointment-{there.id}")
    await expect(row).to_contain_text("Could I come on Friday after work?")
    await expect(row).to_contain_text("Reminder not sent")
    await screens.looks(page, "appointments-open")
    await row.get_by_role("button", name="Came").click()
    await expect(row.get_by_role("button", name="Came")).to_have_count(0)
    became = await server.appointments.get("clinic", there.id)
    assert (became.state, became.history[-1].by) == ("showed", "operator:hoa-pham")
    (entry,) = await server.office.audit.entries("clinic", what="appointment.changed", limit=1)
    assert (entry.about, entry.details) == (there.id, {"before": "booked", "after": "showed"})
    await page.get_by_role("link", name="Came", exact=True).click()
    await expect(row).to_be_visible()


async def test_one_shows_its_words_its_reminders_and_how_it_became_so(screens: Any) -> None:
    there = await visit(screens, "one", 50)
    page = await screens.signed_in("agent")
    await page.goto(f"/t/clinic/appointments/{there.id}")
    await expect(page.get_by_role("link", name="In the conversation")).to_have_attribute(
        "href", f"/t/clinic/inbox/{there.conversation}#m-{there.message}"
    )
    await expect(page.get_by_text("the contact wants no messages")).to_be_visible()
    await expect(page.get_by_role("button", name="Came")).to_have_count(0)  # it has not begun
    await screens.looks(page, "appointment")
    await screens.desk.server.appointments.move(
        "clinic",
        there.id,
        key="m",
        by="contact",
        starts_at=there.starts_at + HOUR,
        ends_at=there.ends_at + HOUR,
    )
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("alert")).to_contain_text("Somebody else has changed it meanwhile")
    await expect(page.get_by_text("Moved once")).to_be_visible()
    assert (await screens.desk.server.appointments.get("clinic", there.id)).state == "booked"
    screens.complaints.clear()  # the browser notes the 409
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("button", name="Booked again")).to_be_visible()
    assert (await screens.desk.server.appointments.get("clinic", there.id)).state == "cancelled"


async def test_two_who_answer_in_the_list_are_told(screens: Any) -> None:
    there = await visit(screens, "two", -3)
    server = screens.desk.server
    page = await screens.signed_in("agent")
    await page.goto("/t/clinic/appointments?show=open")
    await server.appointments.become("clinic", there.id, "no_show", key="n", by="operator:minh")
    row = page.locator(f"#appointment-{there.id}")
    await row.get_by_role("button", name="Came").click()
    await expect(row.get_by_role("alert")).to_contain_text("Somebody else has changed it meanwhile")
    await expect(row).to_contain_text("Did not come")
    assert (await server.appointments.get("clinic", there.id)).state == "no_show"
    screens.complaints.clear()  # the browser notes the 409


async def test_the_week_is_a_grid_on_a_desk_and_a_list_of_days_on_a_phone(screens: Any) -> None:
    there = await visit(screens, "week", -1)
    page = await screens.signed_in("viewer")
    await page.goto("/t/clinic/appointments/week")
    block = page.locator(".week-block", has=page.locator(f'a[href$="{there.id}"]'))
    await expect(block.first).to_be_attached()
    await screens.looks(page, "week")
    hours = page.locator(".week-hours")
    await expect(hours).to_be_visible()
    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(hours).to_be_hidden()
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.get_by_role("link", name="The week after").click()
    await page.get_by_role("link", name="This week").click()
    await page.goto("/t/clinic/appointments/week?of=2026-10-25")
    await expect(page.get_by_text("The clocks go back")).to_be_visible()
    vietnamese = await screens.signed_in("agent", "school", language="vi", size="narrow")
    await vietnamese.goto("/t/school/appointments/week")
    await expect(vietnamese.get_by_text("Đồng hồ")).to_have_count(0)
    await screens.looks(vietnamese, "week-vi")
    await vietnamese.goto("/t/school/appointments")
    await screens.looks(vietnamese, "appointments-vi")


async def test_the_list_grows_in_place_and_without_scripts_page_by_page(screens: Any) -> None:
    server = await filled(screens)
    found = await server.appointments.between("clinic", None, None, latest_first=True, limit=60)
    page = await screens.signed_in("viewer")
    await page.goto("/t/clinic/appointments?show=all")
    await page.get_by_role("link", name="Show more").click()
    last = page.locator(f"#appointment-{found[-1].id}")
    await expect(last).to_be_attached()
    ids = await page.locator(".appointment").evaluate_all("all => all.map(each => each.id)")
    assert len(ids) == len(set(ids)) and ids[:60] == [f"appointment-{each.id}" for each in found]
    plain = await screens.signed_in("agent", javascript=False)
    await plain.goto("/t/clinic/appointments?show=all")
    await plain.get_by_role("link", name="Show more").click()
    await expect(plain.locator(f"#appointment-{found[-1].id}")).to_be_visible()
    there = await visit(screens, "plain", -4)
    await plain.goto("/t/clinic/appointments?show=open")
    row = plain.locator(f"#appointment-{there.id}")
    await row.get_by_role("button", name="Did not come").click()
    await expect(plain.locator("#said")).to_contain_text("Saved.")
    assert (await server.appointments.get("clinic", there.id)).state == "no_show"
    day = there.starts_at.date().isoformat()
    await plain.get_by_role("link", name="Appointments").first.click()
    await plain.get_by_label("Day").fill(day)
    await plain.get_by_role("button", name="Show the day").click()
    await expect(plain.locator(f"#appointment-{there.id}")).to_be_visible()


async def test_what_a_contact_writes_stays_text(screens: Any) -> None:
    there = await visit(screens, "hostile", -5)
    repository = screens.desk.server.store.for_tenant("clinic")
    contact = await repository.get(CONTACTS, there.contact)
    await repository.update(CONTACTS, contact, name=HOSTILE)
    await repository.update(APPOINTMENTS, there, words=HOSTILE, service=HOSTILE, resource=HOSTILE)
    page = await screens.signed_in("agent")
    for address in (f"/{there.id}", "?show=open", "/week"):
        await page.goto(f"/t/clinic/appointments{address}")
        await expect(page.get_by_text(HOSTILE).first).to_be_attached()
        assert await page.locator("main img, main script").count() == 0


async def test_who_may_what(screens: Any) -> None:
    there = await visit(screens, "may", -6)
    page = await screens.signed_in("viewer")
    assert (await page.goto(f"/t/clinic/appointments/{there.id}")).status == 200
    await expect(page.get_by_role("button", name="Came")).to_have_count(0)
    for address in ("/nobody", "?show=nothing", "?day=yesterday", "/week?of=0001-01-01"):
        assert (await page.goto(f"/t/clinic/appointments{address}")).status == 404
    other = await screens.signed_in("owner", "school")
    assert (await other.goto(f"/t/school/appointments/{there.id}")).status == 404
    screens.complaints.clear()  # the browser notes each of them
