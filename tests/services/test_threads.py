"""A conversation as operators read it, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from frontdesk.clock import milliseconds
from frontdesk.model import Message, Note
from frontdesk.services.threads import BadCursor, Threads
from frontdesk.store.collections import CONVERSATIONS, MESSAGES, NOTES

QUIET = {"clinic": {"settle": {"quiet_seconds": 0}}}


async def wrote(server, contact, no, at, **more):
    """A message that stands in the store, and nothing is done with."""
    fields = {
        "id": f"m{no:03}",
        "conversation": contact,
        "direction": "inbound",
        "text": f"số {no}",
        "state": "answered",
    }
    await server.repository().insert(MESSAGES, Message(**{**fields, "at": at, **more}))


async def talked(server, count=0):
    lan = server.contact("Lan")
    await lan.says("Xin chào")
    await lan.hears()
    await server.quiet()
    server.clock.advance(1)
    for no in range(count):
        await wrote(server, lan.id, no, milliseconds(server.server.store.now() + timedelta(minutes=no)))
    return lan


def told(page):
    return [
        entry.message.text if entry.message else entry.note.text if entry.note else entry.passing.owner
        for entry in page.entries
    ]


async def test_pages_go_upwards_and_miss_nothing(desk):
    async with desk(tenants=QUIET) as server:
        lan, threads = await talked(server, 25), Threads(server.server.store)
        conversation = await threads.conversation("clinic", lan.id)
        pages, before = [], ""
        while not pages or before:
            page = await threads.page("clinic", conversation, before=before, limit=10)
            pages.insert(0, told(page))
            before = page.before
        assert [len(page) for page in pages] == [7, 10, 10]
        expected = ["Xin chào", "You said: Xin chào", *(f"số {no}" for no in range(25))]
        assert [text for page in pages for text in page] == expected


async def test_a_cursor_holds_though_its_message_went(desk):
    async with desk(tenants=QUIET) as server:
        lan, threads = await talked(server, 12), Threads(server.server.store)
        conversation = await threads.conversation("clinic", lan.id)
        newest = await threads.page("clinic", conversation, limit=5)
        await server.repository().delete(MESSAGES, newest.entries[0].message)
        assert told(await threads.page("clinic", conversation, before=newest.before, limit=3)) == [
            "số 4",
            "số 5",
            "số 6",
        ]
        for wrong in ("", "gestern~m1", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00~m1"):
            if wrong:
                with pytest.raises(BadCursor):
                    await threads.page("clinic", conversation, before=wrong)


async def test_notes_and_changes_of_owner_stand_where_they_happened(desk):
    async with desk(tenants=QUIET) as server:
        lan, threads = await talked(server), Threads(server.server.store)
        now = server.server.store.now()
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        server.clock.advance(1)
        note = Note(id="n1", conversation=lan.id, text="gọi lại", author="operator:Hoa", at=server.server.store.now())
        await server.repository().insert(NOTES, note)
        for no in range(12):
            await wrote(server, lan.id, no, milliseconds(now + timedelta(minutes=1 + no)))
        conversation = await threads.conversation("clinic", lan.id)
        newest = await threads.page("clinic", conversation, limit=10)
        assert told(newest) == [f"số {no}" for no in range(2, 12)]
        older = await threads.page("clinic", conversation, before=newest.before, limit=10)
        expected = ["Xin chào", "You said: Xin chào", "operator:Hoa", "gọi lại", "số 0", "số 1"]
        assert (told(older), older.before) == (expected, "")
        assert [entry.kind for entry in older.entries][2:4] == ["passing", "note"]


async def test_merged_parts_are_one_thread(desk):
    async with desk(tenants=QUIET) as server:
        lan, threads = await talked(server), Threads(server.server.store)
        minh = server.contact("Minh")
        await minh.says("Từ số khác")
        await minh.hears()
        server.clock.advance(1)
        await server.server.ownership.take("clinic", minh.id, "Hoa")
        await server.quiet()
        repository = server.repository()
        kept, gone = await lan.conversation(), await minh.conversation()
        await repository.update(CONVERSATIONS, gone, merged_into=kept.id)
        await repository.update(CONVERSATIONS, await lan.conversation(), merged=(gone.id,))
        conversation = await threads.conversation("clinic", minh.id)
        assert conversation.id == lan.id
        page = await threads.page("clinic", conversation)
        said = ["Xin chào", "You said: Xin chào", "Từ số khác", "You said: Từ số khác", "operator:Hoa"]
        assert told(page) == said
        there = page.entries[2].message.id
        assert (await threads.message("clinic", conversation, there)).text == "Từ số khác"


async def test_what_was_never_adopted_is_not_shown_and_what_is_answered_is_at_hand(desk):
    async with desk(tenants=QUIET) as server:
        lan, threads = await talked(server), Threads(server.server.store)
        now = milliseconds(server.server.store.now() + timedelta(minutes=1))
        await wrote(server, lan.id, 1, now, direction="outbound", state="proposed")
        await wrote(server, lan.id, 2, now, direction="outbound", state="withdrawn")
        ours = (await lan.received())[0]
        await wrote(server, lan.id, 3, now + timedelta(seconds=1), data={"replied_to": ours.provider_id})
        conversation = await threads.conversation("clinic", lan.id)
        page = await threads.page("clinic", conversation)
        assert told(page)[2:] == ["số 2", "số 3"]
        assert page.entries[-1].answers.id == ours.id


async def test_another_tenants_messages_are_none_of_this_conversation(desk):
    async with desk(tenants={**QUIET, "school": QUIET["clinic"]}) as server:
        lan, threads = await talked(server), Threads(server.server.store)
        minh = server.contact("Minh")
        id = await minh.says("Chuyện khác")
        await server.quiet()
        conversation = await threads.conversation("clinic", lan.id)
        assert await threads.conversation("school", lan.id) is None
        assert await threads.message("clinic", conversation, (await minh.message(id)).id) is None
