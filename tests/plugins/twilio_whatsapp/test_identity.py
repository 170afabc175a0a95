"""Who wrote, when WhatsApp shows a number, a business-scoped user id, or both (pain 15)."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk.store.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MESSAGES

PHONE, USER = "whatsapp:+84901234567", "whatsapp:VN.13491208655302741918"
HIDDEN = {"from_": USER, "bsuid": USER}
SHOWN = {"from_": PHONE, "bsuid": USER}


async def people(it: Any) -> list[tuple[str, int]]:
    """The contacts that count: phone, and how many messages their conversation has."""
    found = []
    for conversation in await it.all(CONVERSATIONS):
        if not conversation.merged_into:
            contact = await it.server.repository().get(CONTACTS, conversation.contact)
            messages = [m for m in await it.all(MESSAGES) if m.conversation in conversation.parts]
            found.append((contact.phone, sum(m.direction == "inbound" for m in messages)))
    return found


async def test_a_contact_without_a_number_is_answered_at_their_user_id(front: Any) -> None:
    async with front() as it:
        assert (await it.writes(body="Xin chào.", **HIDDEN)).status == 204
        await it.server.quiet()
        assert [(m.to, m.body) for m in it.twilio.sent] == [(USER, "You said: Xin chào.")]
        assert it.twilio.violations == []
        assert await people(it) == [("", 1)]
        assert [i.external_id for i in await it.all(IDENTITIES)] == [USER]
        plugin = await it.server.plugin("model")
        (conversation,) = await it.all(CONVERSATIONS)
        await plugin.conversations.send(conversation.id, "k", "Nhắc chị lịch hẹn.")
        await it.server.quiet()
        assert it.twilio.sent[-1].to == USER, "also what is said first"


@pytest.mark.parametrize(("first", "then"), [(SHOWN, HIDDEN), (HIDDEN, SHOWN)], ids=["hidden later", "shown later"])
async def test_who_shows_both_names_once_is_one_contact_ever_after(front: Any, first: Any, then: Any) -> None:
    async with front() as it:
        for spec in (first, then, first):
            await it.writes(body="Xin chào.", **spec)
            await it.server.quiet()
        assert await people(it) == [("+84901234567", 3)]
        assert [m.to for m in it.twilio.sent] == [spec["from_"] for spec in (first, then, first)]


async def test_two_contacts_that_turn_out_to_be_one_are_merged(front: Any) -> None:
    async with front() as it:
        await it.writes(body="Bằng số.", from_=PHONE)
        await it.server.quiet()
        await it.writes(body="Bằng tên.", **HIDDEN)
        await it.server.quiet()
        assert len(await people(it)) == 2
        await it.writes(body="Cả hai.", **SHOWN)
        await it.server.quiet()
        assert await people(it) == [("+84901234567", 3)]
        await it.writes(body="Lại bằng tên.", **HIDDEN)
        await it.server.quiet()
        assert await people(it) == [("+84901234567", 4)]
        assert len(it.twilio.sent) == 4


async def test_a_number_that_changed_is_the_contacts_new_one(front: Any) -> None:
    async with front() as it:
        for number in ("whatsapp:+84901234567", "whatsapp:+84907654321"):
            await it.writes(body="Xin chào.", from_=number, bsuid=USER)
            await it.server.quiet()
        assert await people(it) == [("+84907654321", 2)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("+5511987654321", "+551187654321"), ("+5215512345678", "+525512345678"), ("+5491123456789", "+541123456789")],
    ids=["Brazil", "Mexico", "Argentina"],
)
async def test_a_number_written_in_two_ways_is_one_contact(front: Any, one: str, other: str) -> None:
    async with front() as it:
        for number in (one, other):
            await it.writes(body="Olá.", from_=f"whatsapp:{number}")
            await it.server.quiet()
        ((_, messages),) = await people(it)
        assert messages == 2
        assert [m.to for m in it.twilio.sent] == [f"whatsapp:{one}", f"whatsapp:{other}"]
