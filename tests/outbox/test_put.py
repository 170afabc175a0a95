"""A message that no turn wrote is sent once, wherever whoever queues it dies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontdesk import leases
from frontdesk.model import Message
from frontdesk.outbox.put import SOON, put
from frontdesk.store.collections import CONVERSATIONS, MESSAGES
from frontdesk.testing.death import Died

WRITES = 4
"""The place, the lane's row, the message, the row again."""


async def answered(server):
    lan = server.contact("Lan")
    await lan.says("Xin chào.")
    await lan.hears()
    await server.quiet()
    return lan


def news(server, lan, text="Nhắc lịch hẹn."):
    now = server.server.store.now()
    return Message(
        id="op-k", conversation=lan.id, direction="outbound", author="operator:Hoa", state="queued", text=text, at=now
    )


async def sent(server, vendor):
    """What the provider has taken beside the first answer, once every row that a death left has been looked at."""
    server.clock.advance(SOON.total_seconds() + 1)
    await server.quiet()
    return vendor.texts()[1:]


@pytest.mark.parametrize("writes", range(WRITES))
async def test_what_is_on_disk_is_sent_once_wherever_its_writer_died(start, vendor, dies_after, writes):
    async with start() as server:
        lan, repository, store = await answered(server), server.repository(), server.server.store
        message = news(server, lan)
        with pytest.raises(Died):
            await put(dies_after(repository, writes), store, "clinic", message)
        stored = await repository.get(MESSAGES, message.id)
        assert await sent(server, vendor) == ([message.text] if stored else [])
        # Whoever said it says it again, having got no answer.
        _, new = await put(repository, store, "clinic", message)
        assert new is (stored is None)
        assert await sent(server, vendor) == [message.text]


async def test_a_message_gets_the_next_place_and_what_else_changes_is_written_with_it(start, dies_after):
    async with start() as server:
        lan, repository = await answered(server), server.repository()
        before, message = await lan.conversation(), news(server, lan)
        counted = dies_after(repository, WRITES)
        queued, new = await put(
            counted, server.server.store, "clinic", message, lambda _: {"last_human_at": message.at}
        )
        after = await lan.conversation()
        assert new and queued.place == after.outbox_seq == before.outbox_seq + 1
        assert after.last_human_at == message.at
        assert (await repository.get(MESSAGES, message.id)).place == queued.place
        await server.quiet()


async def test_the_same_key_is_the_same_message_also_for_two_in_one_moment(start, vendor):
    async with start() as server:
        lan, repository, store = await answered(server), server.repository(), server.server.store
        other = news(server, lan, "Another text")

        class Meanwhile:
            """Its owner finds no such message, and another puts it in before the owner does."""

            def __getattr__(self, name):
                return getattr(repository, name)

            async def get(self, collection, id):
                found = await repository.get(collection, id)
                if collection is MESSAGES and found is None:
                    await put(repository, store, "clinic", other)
                return found

        stored, new = await put(Meanwhile(), store, "clinic", news(server, lan))
        assert (stored.text, new) == ("Another text", False)
        assert await sent(server, vendor) == ["Another text"]


async def test_a_message_whose_lane_nobody_looks_at_is_sent_once_it_is_said_again(start, vendor):
    async with start() as server:
        lan, repository = await answered(server), server.repository()
        message = replace(news(server, lan), place=2)
        await repository.insert(MESSAGES, message)
        assert await put(repository, server.server.store, "clinic", message) == (message, False)
        assert await sent(server, vendor) == [message.text]


class No(Exception):
    """It may not be said."""


async def test_what_may_not_be_said_changes_nothing(start):
    async with start() as server:
        lan, repository = await answered(server), server.repository()
        before = await lan.conversation()

        def refuse(_):
            raise No

        with pytest.raises(No):
            await put(repository, server.server.store, "clinic", news(server, lan), refuse)
        assert await lan.conversation() == before
        assert await repository.get(MESSAGES, "op-k") is None
        assert await server.server.store.due.count() == 0


async def test_nothing_is_queued_for_a_conversation_that_was_erased(start):
    async with start() as server:
        lan = await answered(server)
        await server.repository().delete(CONVERSATIONS, await lan.conversation())
        with pytest.raises(leases.ConversationGone):
            await put(server.repository(), server.server.store, "clinic", news(server, lan))
        assert await server.repository().get(MESSAGES, "op-k") is None
