"""What was seen lately is guessed, and found out where it is wrong; nothing is kept of who is idle."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from frontdesk import recent
from frontdesk.app import AGE_EVERY
from frontdesk.model import Conversation
from frontdesk.observe.store import MeasuredRepository
from frontdesk.recent import Recent
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, IDENTITIES

NOW = datetime(2026, 11, 23, tzinfo=UTC)
AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


def conversation(id: str, version: int = 1) -> Conversation:
    return Conversation(id=id, version=version, contact=id, channel="phone", created_at=NOW)


@pytest.fixture
def reads(monkeypatch):
    """Every look for a conversation by its id."""
    looked, get = [], MeasuredRepository.get

    async def noted(self, collection, id):
        if collection is CONVERSATIONS:
            looked.append(id)
        return await get(self, collection, id)

    monkeypatch.setattr(MeasuredRepository, "get", noted)
    return looked


def test_the_last_that_was_seen_of_each_tenants_conversation_is_known():
    known = Recent()
    known.saw("clinic", conversation("a"))
    known.saw("clinic", conversation("a", 2))
    assert known.get("clinic", "a").version == 2
    assert known.get("school", "a") is None


def test_what_is_not_seen_again_is_forgotten():
    known = Recent()
    for id in ("a", "b"):
        known.saw("clinic", conversation(id))
    known.age()
    known.saw("clinic", conversation("a", 2))
    known.age()
    assert known.get("clinic", "a").version == 2 and known.get("clinic", "b") is None
    known.age()
    assert len(known) == 0


def test_however_many_write_no_more_than_twice_the_most_are_kept(monkeypatch):
    monkeypatch.setattr(recent, "MOST", 10)
    known = Recent()
    for number in range(1000):
        known.saw("clinic", conversation(str(number)))
        assert len(known) < 20
    assert known.get("clinic", "999") is not None


async def test_a_message_its_turn_and_its_lane_find_the_conversation_unread(desk, reads):
    async with desk(tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        for text in ("Hello.", "Again."):
            reads.clear()
            await lan.says(text)
            await lan.hears()
            await server.quiet()
        assert reads == [lan.id], "read once: right before the attempt to send, when nothing is answered from memory"


async def test_a_server_that_is_left_alone_forgets(desk, reads):
    async with desk() as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        for _ in range(2):
            server.clock.advance(AGE_EVERY)
            await server.quiet()
        assert len(server.server._recent) == 0


async def test_what_another_process_has_written_meanwhile_is_found_out(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, repository = server.contact("Lan"), server.repository()
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        before = await lan.conversation()
        assert await repository.update(CONVERSATIONS, before, inbound_seq=7, handoff_reason="another process")
        await lan.says("Again.")
        assert await lan.hears() == "You said: Again."
        await server.quiet()
        after = await lan.conversation()
        assert (after.inbound_seq, after.turn_no, after.handoff_reason) == (8, 2, "another process")


async def test_who_was_erased_a_moment_ago_is_met_for_the_first_time(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, repository = server.contact("Lan"), server.repository()
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        for collection in (CONVERSATIONS, IDENTITIES, CONTACTS):
            for document in await repository.find(collection, {}):
                assert await repository.delete(collection, document)
        # Its first turn has the number of one that is there: nobody erases only a part of a contact but this test.
        await lan.says("Again.")
        assert (await lan.conversation()).inbound_seq == 1
        assert [contact.id for contact in await repository.find(CONTACTS, {})] == [lan.id]
