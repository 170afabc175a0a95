"""What is accepted is stored once, with its conversation and its due row, before anyone is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from frontdesk.inbox import inbound_id
from frontdesk.store.collections import CONVERSATIONS, IDENTITIES, MESSAGES
from frontdesk.testing.death import Died
from frontdesk.testing.plugins import Phone, ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}
SETTLE = timedelta(seconds=2.5)


async def due_row(server, contact):
    return await server.server.store.due.get("turn", contact.tenant, contact.id)


async def test_the_same_message_delivered_five_times_at_once_is_one_message_and_one_answer(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await asyncio.gather(*(lan.says("Xin chào ạ.", id="SM1") for _ in range(5)))
        assert await lan.hears() == "You said: Xin chào ạ."
        await server.quiet()
        assert len(await lan.messages()) == 2 and len(model.requests) == 1
        conversation = await lan.conversation()
        assert (conversation.inbound_seq, conversation.turn_no) == (1, 1)


async def test_a_duplicate_of_an_unanswered_message_writes_its_due_row_again(desk):
    async with desk() as server:
        lan, store = server.contact("Lan"), server.server.store
        await lan.says("Hello.", id="SM1")
        assert await store.due.delete(await due_row(server, lan))
        await lan.says("Hello.", id="SM1")
        assert await due_row(server, lan) is not None
        assert (await lan.conversation()).inbound_seq == 1
        assert await lan.hears() == "You said: Hello."


async def test_a_duplicate_of_an_answered_message_changes_nothing(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, store = server.contact("Lan"), server.server.store
        await lan.says("Hello.", id="SM1")
        await lan.hears()
        await server.quiet()
        before = await lan.conversation()
        await lan.says("Hello.", id="SM1")
        assert await store.due.count() == 0
        assert await lan.conversation() == before


async def test_duplicates_do_not_cut_the_settling_short(desk):
    async with desk() as server:
        lan = server.contact("Lan")
        start = server.clock.now()
        await lan.says("Hello.", id="SM1")
        await lan.says("Hello.", id="SM1")
        assert (await due_row(server, lan)).due_at == start + SETTLE
        server.clock.advance(1)
        await lan.says("A question.", id="SM2")
        due = (await due_row(server, lan)).due_at
        await lan.says("Hello.", id="SM1")
        assert (await due_row(server, lan)).due_at == due
        assert await lan.hears() == "You said: Hello. / A question."


async def test_many_messages_of_a_new_contact_at_once_are_one_conversation_and_all_there(desk):
    async with desk() as server:
        lan = server.contact("Lan")
        await asyncio.gather(*(lan.says(f"m{n}.") for n in range(10)))
        conversation = await lan.conversation()
        assert conversation.inbound_seq == 10
        messages = await lan.messages()
        assert {m.text for m in messages} == {f"m{n}." for n in range(10)}
        assert {m.conversation for m in messages} == {lan.id}
        assert len(await server.repository().find(CONVERSATIONS, {})) == 1


async def test_messages_that_come_in_the_same_millisecond_keep_their_order(desk):
    async with desk() as server:
        lan, runtime = server.contact("Lan"), await server.server.runtimes.get("clinic")
        from frontdesk.channel import Inbound

        for number in range(6):
            inbound = Inbound(
                provider_id=f"SM{number}", external_id=lan.external_id, address="phone:desk", text=f"m{number}"
            )
            await server.server.inbox.accept(runtime.tenant, "phone", inbound)
        assert [m.text for m in await lan.messages()] == [f"m{n}" for n in range(6)]


async def test_under_steady_typing_the_turn_begins_at_the_cap(desk):
    async with desk() as server:
        lan = server.contact("Lan")
        start, cap = server.clock.now(), timedelta(seconds=15)
        for number in range(8):
            now = server.clock.now()
            await lan.says(f"m{number}.")
            assert (await due_row(server, lan)).due_at == min(now + SETTLE, start + cap)
            server.clock.advance(1.99)
        assert server.clock.now() == start + timedelta(seconds=16)
        await lan.hears()
        (turn, *_) = await lan.turns()
        assert start + cap <= turn.opened_at < start + cap + timedelta(seconds=3)


async def test_settling_survives_a_restart(desk):
    async with desk() as server:
        clock, lan = server.clock, server.contact("Lan")
        await lan.says("Hello.")
        await lan.says("A question.")
        due = (await due_row(server, lan)).due_at
    async with desk(clock=clock) as server:
        again = server.contact("Lan")
        assert (await due_row(server, again)).due_at == due > clock.now()
        assert await again.hears() == "You said: Hello. / A question."


@pytest.mark.parametrize("point", ["inbox.stored", "inbox.message_written"])
async def test_a_crash_before_the_webhook_was_answered_and_its_repetition_give_one_answer(desk, dies_at, point):
    async with desk(tenants=AT_ONCE) as server:
        clock, lan = server.clock, server.contact("Lan")
        if point == "inbox.message_written":
            await lan.says("Hello.", id="SM0")
            await lan.hears()
            await server.quiet()
            # Another process changes the conversation: what this one saw last is not how it is.
            assert await server.repository().update(CONVERSATIONS, await lan.conversation(), handoff_reason="")
        death = dies_at(point)
        with pytest.raises(Died):
            await lan.says("Hello.", id="SM1")
        assert death.happened
    async with desk(tenants=AT_ONCE, clock=clock) as server:
        again = server.contact("Lan")
        await again.says("Hello.", id="SM1")
        await server.quiet()
        answers = [m.text for m in await again.received()]
        assert answers[-1] == "You said: Hello." and len(answers) == (1 if point == "inbox.stored" else 2)
        assert (await again.message("SM1")).state == "answered"
        await again.says("More.", id="SM2")
        await server.quiet()
        assert [m.text for m in await again.received()][-1] == "You said: More."


class PhoneWithWindow(Phone):
    """Takes words for a day after the contact's last message."""

    service_window = timedelta(hours=24)


async def test_a_repetition_does_what_a_crash_left_undone_so_the_window_is_open_for_the_answer(desk, dies_after):
    """As on DocumentDB, where message, conversation and due row are written one after the other."""
    async with desk(plugins={"phone": PhoneWithWindow, "model": ScriptedModel}, tenants=AT_ONCE) as server:
        lan, store = server.contact("Lan"), server.server.store
        await lan.says("Hello.", id="SM1")
        await lan.hears()
        await server.quiet()
        server.clock.advance(timedelta(days=2).total_seconds())
        repository = dies_after(server.repository(), 1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "for_tenant", lambda _: repository)
            with pytest.raises(Died):
                await lan.says("Còn chỗ không?", id="SM2")
        await lan.says("Còn chỗ không?", id="SM2")
        assert (await lan.conversation()).inbound_seq == 2
        assert await lan.hears() == "You said: Còn chỗ không?"
        await lan.says("Còn chỗ không?", id="SM2")
        assert (await lan.conversation()).inbound_seq == 2


async def test_a_contact_of_whom_a_crash_left_half_gets_their_identity_from_the_repetition(desk, monkeypatch):
    """As on DocumentDB, where contact, identity and conversation are written one after the other."""
    async with desk(tenants=AT_ONCE) as server:
        lan, repository = server.contact("Lan"), type(server.repository())
        write = repository.write
        for written in (1, 2):
            lan = server.contact(f"Lan {written}")

            async def die_after(self, *writes, written=written):
                if len(writes) == 3 and writes[0].collection is IDENTITIES:
                    await write(self, *writes[:written])
                    raise Died("test")
                return await write(self, *writes)

            with monkeypatch.context() as patch:
                patch.setattr(repository, "write", die_after)
                with pytest.raises(Died):
                    await lan.says("Hello.", id=f"SM{written}")
            await lan.says("Hello.", id=f"SM{written}")
            assert await lan.hears() == "You said: Hello."
            identity = await server.repository().get(IDENTITIES, f"phone:{lan.external_id}")
            assert identity is not None and identity.contact == lan.id


async def test_text_is_kept_in_nfc(desk):
    import unicodedata

    async with desk() as server:
        lan = server.contact("Lan")
        await lan.says(unicodedata.normalize("NFD", "Được ạ"), id="SM1")
        stored = await server.repository().get(MESSAGES, inbound_id("phone", "SM1"))
        assert stored.text == "Được ạ"


async def test_the_same_provider_id_at_two_tenants_is_two_messages(desk):
    async with desk(tenants={"clinic": {}, "school": {}}) as server:
        here, there = server.contact("Lan"), server.contact("Lan", tenant="school")
        await here.says("Hello.", id="SM1")
        await there.says("Xin chào.", id="SM1")
        assert await here.hears() == "You said: Hello."
        assert await there.hears() == "You said: Xin chào."
