"""The pages of people: list, one contact, consent, memory, export, erasure, retention."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import expect

from frontdesk import ContactPush, Plugin, Pushed, hookimpl
from frontdesk.model import Consent, Contact, Conversation, Identity, Memory
from frontdesk.store.collections import CONSENTS, CONTACTS, CONVERSATIONS, IDENTITIES, SYNCS
from frontdesk.stored_syncs import Sync
from frontdesk.testing.builders import fill
from frontdesk.testing.plugins import ScriptedModel

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Book(Plugin):
    """A CRM that takes everything."""

    @hookimpl
    async def push_contact(self, contacts: tuple[ContactPush, ...]) -> tuple[Pushed, ...]:
        return tuple(Pushed(id=each.id, link=f"https://book.example.com/{each.id}") for each in contacts)

    @hookimpl
    async def erase_contact(self) -> None:
        pass


class Voice(Plugin):
    """Speaks; without one nobody is asked how they are answered."""

    @hookimpl
    async def synthesize(self, text: str) -> None:
        return None


DESK = {"plugins": {"model": ScriptedModel, "voice": Voice, "book": Book}}

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


async def somebody(screens: Any, id: str, name: str, **more: Any) -> None:
    repository, now = screens.desk.repository("clinic"), screens.desk.server.store.now()
    contact = Contact(id=id, name=name, phone="+447700900123", created_at=now)
    await repository.insert(CONTACTS, replace(contact, **more))
    await repository.insert(
        IDENTITIES, Identity(id=f"phone:{id}", contact=id, channel="phone", external_id=f"phone:{id}")
    )
    conversation = Conversation(id=id, contact=id, channel="phone", external_id=f"phone:{id}", created_at=now)
    await repository.insert(CONVERSATIONS, conversation)


async def test_nobody_yet(screens: Any) -> None:
    page = await screens.signed_in("viewer", "school", language="vi")
    await page.goto("/t/school/contacts")
    await expect(page.get_by_role("heading", name="Chưa có ai nhắn tin")).to_be_visible()
    await screens.looks(page, "contacts-empty-vi")


async def test_many_are_paged_and_found_by_name_without_diacritics(screens: Any) -> None:
    server = screens.desk.server
    await fill(server.store, server.people, "school", 120)
    page = await screens.signed_in("manager", "school", language="vi")
    await page.goto("/t/school/contacts")
    await screens.looks(page, "contacts")
    await expect(page.locator(".person")).to_have_count(50)
    await page.get_by_role("link", name="Liên hệ cũ hơn").click()
    await page.get_by_label("Tên hoặc số").fill("NGUYEN")
    await page.get_by_role("button", name="Tìm").click()
    await expect(page.locator(".person").first).to_contain_text("Nguyễn")
    await page.locator(".person").first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Nguyễn")
    await screens.looks(page, "contact-vi")


async def test_what_contacts_write_is_text_and_memories_are_corrected(screens: Any) -> None:
    now = screens.desk.server.store.now()
    memories = (
        Memory(text=f"Has a dog {HOSTILE}", quote=HOSTILE, message="m", author="bot", at=now - timedelta(days=3)),
        Memory(text="Prefers mornings", author="operator:Vân", at=now),
    )
    await somebody(screens, "hostile", HOSTILE, memories=memories)
    entry = Consent(
        id="c1", contact="hostile", by="contact", what="start", at=now, channel="phone", message="m", text=HOSTILE
    )
    await screens.desk.repository("clinic").insert(CONSENTS, entry)
    page = await screens.signed_in("owner", "clinic")
    await page.goto("/t/clinic/contacts/hostile")
    await screens.looks(page, "contact")
    await page.get_by_role("link", name="Correct").first.click()
    await page.get_by_label("What is so").fill("Has two dogs")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Has two dogs")).to_be_visible()
    await page.get_by_role("button", name="Forget").last.click()
    await expect(page.get_by_text("It is forgotten.")).to_be_visible()
    await page.get_by_role("button", name="They want no messages").click()
    await expect(page.get_by_text("An operator has noted that they want no messages.")).to_be_visible()
    await page.get_by_role("button", name="They want messages again").click()
    await expect(page.get_by_text("May be written to", exact=True)).to_be_visible()


async def test_who_has_said_stop_cannot_be_set_back_by_hand(screens: Any) -> None:
    now = screens.desk.server.store.now()
    await somebody(screens, "stopped", "Stopped", opted_out=True, opted_out_at=now, opted_out_by="stop")
    page = await screens.signed_in("agent", "clinic", javascript=False)
    await page.goto("/t/clinic/contacts/stopped")
    await expect(page.get_by_text("Only their own word takes that back")).to_be_visible()
    await expect(page.get_by_role("button", name="They want messages again")).to_have_count(0)
    await expect(page.get_by_role("link", name="Erase")).to_have_count(0)


async def test_a_contact_is_exported_and_erased_with_a_typed_confirmation(screens: Any) -> None:
    lan = screens.desk.contact("Nguyễn Thị Lan", tenant="clinic")
    await lan.says("Hello.")
    await lan.hears()
    page = await screens.signed_in("owner", "clinic")
    await page.goto(f"/t/clinic/contacts/{lan.id}")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Export everything").click()
    told = json.loads((await (await downloading.value).path()).read_text("utf-8"))
    assert [message["text"] for message in told["messages"]] == ["Hello.", "You said: Hello."]
    await page.get_by_role("link", name="Erase").click()
    await screens.looks(page, "erase")
    await page.get_by_label("Type Nguyễn Thị Lan to confirm").fill("Lan")
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_text("Nothing was erased.")).to_be_visible()
    screens.complaints.clear()  # the browser notes the 422
    await page.get_by_label("Type Nguyễn Thị Lan to confirm").fill("nguyen thi lan")
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_role("heading", name="Erased", exact=True)).to_be_visible(timeout=15_000)
    await screens.looks(page, "erased")
    await page.goto(f"/t/clinic/contacts/{lan.id}")
    assert page.url.endswith("/erasure")


async def test_how_long_things_are_kept_is_changed_and_a_bad_value_is_not_saved(screens: Any) -> None:
    page = await screens.signed_in("manager", "clinic")
    await page.goto("/t/clinic/contacts/retention")
    await page.get_by_label("Messages").fill("2 d")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("at least", exact=False).first).to_be_visible()
    screens.complaints.clear()  # the browser notes the 422
    await screens.looks(page, "retention")
    await page.get_by_label("Messages").fill("365 d")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    assert await page.get_by_label("Messages").input_value() == "365 d"


async def test_how_far_a_contact_is_in_another_system_is_seen_and_it_is_passed_on(screens: Any) -> None:
    repository, now = screens.desk.repository("clinic"), screens.desk.server.store.now()
    await somebody(screens, "synced", "Lân")
    await repository.insert(
        SYNCS,
        Sync(id="book.synced", plugin="book", contact="synced", state="failed", wanted=("contact",), since=now, at=now,
             error=f"Property owner is wrong {HOSTILE}", link="javascript:alert(1)", synced_at=now - timedelta(days=1)),
    )  # fmt: skip
    page = await screens.signed_in("agent")
    await page.goto("/t/clinic/failures")
    await expect(page.locator(".cause").filter(has_text="Property owner is wrong")).to_contain_text("Not passed on")
    await page.goto("/t/clinic/contacts/synced")
    panel = page.get_by_role("region", name="In other systems")
    await expect(panel).to_contain_text(f"Property owner is wrong {HOSTILE}")
    await expect(panel).to_contain_text("Refused")
    await expect(panel.get_by_role("link")).to_have_count(0)
    await screens.looks(page, "contact-synced")
    await panel.get_by_role("button", name="Pass it on now").click()
    await expect(page.get_by_text("It is passed on now.")).to_be_visible()

    async def taken() -> bool:
        found = await repository.get(SYNCS, "book.synced")
        return found is not None and found.state == "synced"

    await screens.desk.until("it is passed on", taken)
    await page.reload()
    await expect(panel).to_contain_text("Passed on")
    link = panel.get_by_role("link", name="Open it there")
    await expect(link).to_have_attribute("href", "https://book.example.com/synced")
    viewer = await screens.signed_in("viewer", language="vi")
    await viewer.goto("/t/clinic/contacts/synced")
    await expect(viewer.get_by_role("region", name="Ở các hệ thống khác")).to_contain_text("Đã chuyển")
    await expect(viewer.get_by_role("button", name="Chuyển ngay")).to_have_count(0)


async def test_how_somebody_is_answered_is_chosen(screens: Any) -> None:
    await somebody(screens, "spoken", "Lan")
    page = await screens.signed_in("agent", "clinic")
    await page.goto("/t/clinic/contacts/spoken")
    chosen = page.get_by_role("combobox", name="How they are answered")
    assert (
        await chosen.locator("option:checked").inner_text() == "As everybody: A voice message by voice, a text in text"
    )
    await chosen.select_option(label="By voice")
    await page.get_by_role("button", name="Answer them so").click()
    await expect(page.get_by_text("They are answered so from now on.")).to_be_visible()
    contact = await screens.desk.repository("clinic").get(CONTACTS, "spoken")
    assert contact.answers == "voice" and await chosen.locator("option:checked").inner_text() == "By voice"
    await screens.looks(page, "contact-voice")
