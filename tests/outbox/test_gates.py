"""What may go now, asked again before every attempt."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk import Refused, RetryLater
from frontdesk.channel import StatusUpdate
from frontdesk.model import BOT, Contact, Conversation, Message
from frontdesk.outbox import gates, policy
from frontdesk.store.collections import CONTACTS, CONVERSATIONS
from frontdesk.testing.clock import MovableClock

NOW = MovableClock().now()


def stop(author=BOT, epoch=0, taken=0, opted_out=False, useful=60):
    message = Message(
        id="m", conversation="c", direction="outbound", state="queued", at=NOW, author=author, owner_epoch=epoch,
        useful_until=NOW + timedelta(seconds=useful),
    )  # fmt: skip
    conversation = Conversation(id="c", contact="c", channel="phone", taken_epoch=taken, created_at=NOW)
    contact = Contact(id="c", opted_out=opted_out, created_at=NOW)
    found = policy.decide(message, conversation, contact, None, NOW)
    return found.state if found.verdict == "refuse" else None


@given(st.sampled_from([BOT, "operator:Hoa", "plugin:reminder"]), st.integers(0, 5), st.integers(0, 5))
def test_words_from_before_a_take_over_never_go_but_an_operators_own(author, epoch, taken):
    held_back = not author.startswith("operator:") and epoch < taken
    assert stop(author, epoch, taken) == ("withdrawn" if held_back else None)


def test_who_opted_out_gets_nothing_from_anyone():
    assert [stop(author, opted_out=True) for author in (BOT, "operator:Hoa", "plugin:x")] == ["withdrawn"] * 3


def test_what_is_worth_nothing_any_more_expires_on_the_millisecond():
    assert (stop(useful=0.001), stop(useful=0), stop(useful=-1)) == (None, "expired", "expired")


async def test_a_message_queued_before_a_take_over_is_never_sent_after_it(start, vendor, outbound):
    """The lane is stuck in a slow send; the next one waits behind it; the operator takes over; the lane goes on."""
    async with start() as server:
        lan, gate, plugin = server.contact("Lan"), asyncio.Event(), await server.plugin("phone")
        await lan.says("Hello.")
        await lan.hears()
        server.clock.advance(1)

        async def slow(message):
            await gate.wait()

        vendor.before = slow
        await plugin.conversations.send(lan.id, "reminder", "a reminder")
        await lan.says("A question.")

        async def answered():
            return len(await lan.turns()) == 2 and (await lan.turns())[1].state == "committed"

        await server.until("the answer waits in the lane", answered)
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        gate.set()
        message = await outbound(server, lan, "withdrawn")
        assert message.text == "You said: A question."
        await server.server.ownership.say("clinic", lan.id, "Hoa", "Hello, this is Hoa.")
        assert [await lan.hears(), await lan.hears()] == ["a reminder", "Hello, this is Hoa."]
        await server.server.ownership.release("clinic", lan.id)
        await server.quiet()
        assert "You said: A question." not in vendor.texts()


async def test_giving_back_to_the_bot_does_not_withdraw_what_it_said_when_it_handed_off(start, vendor, asks_a_person):
    async with start() as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        def busy(message):
            raise RetryLater("busy", after=3)

        vendor.before, model.script = busy, [asks_a_person]
        await lan.says("A person, please.")

        async def handed_off():
            return (await lan.conversation()).owner == "nobody" if await lan.messages() else False

        await server.until("handed off", handed_off)
        await server.server.ownership.release("clinic", lan.id)
        vendor.before = None
        assert await lan.hears() == "One moment."


async def test_who_opts_out_while_a_message_waits_does_not_get_it(start, vendor, outbound):
    async with start() as server:
        lan = server.contact("Lan")

        def busy(message):
            raise RetryLater("busy", after=3)

        vendor.before = busy
        await lan.says("Stop it.")
        await outbound(server, lan, "queued")
        await server.repository().update(CONTACTS, await lan.contact(), opted_out=True)
        vendor.before = None
        message = await outbound(server, lan, "withdrawn")
        assert message.error.startswith("opted out") and vendor.taken == []


@pytest.mark.parametrize("later", [False, True], ids=["refused", "called back"])
async def test_who_the_provider_says_opted_out_gets_nothing_until_they_write_again(start, vendor, outbound, later):
    async with start() as server:
        lan, plugin = server.contact("Lan"), await server.plugin("phone")

        def refuse(message):
            raise Refused("the recipient has opted out", code="21610", opted_out=True)

        vendor.before = None if later else refuse
        await lan.says("Để chị xem.")
        if later:
            await lan.hears()
            (answer,) = await lan.received()
            failed = StatusUpdate(
                provider_id=answer.provider_id, state="failed", message=answer.id, code="21610", opted_out=True
            )
            await server.server.status.take("clinic", [failed, failed])
        assert (await outbound(server, lan, "failed")).error.startswith("21610")
        vendor.before = None
        calls = vendor.calls
        server.clock.advance(1)
        await plugin.conversations.send(lan.id, "reminder", "Mai chị đến nhé.")
        assert (await outbound(server, lan, "withdrawn")).error.startswith("opted out")
        assert vendor.calls == calls, "the provider is not asked again"
        await lan.says("Alo?")
        await server.until("it is answered", lambda: outbound(server, lan, "accepted"))
        await plugin.conversations.send(lan.id, "another", "Hẹn gặp chị.")
        await server.quiet()
        answer, last = vendor.texts()[-2:]
        assert answer.endswith("Alo?") and last == "Hẹn gặp chị."


async def test_what_a_contact_wrote_after_the_refused_attempt_counts_as_writing_again(start, vendor, outbound):
    async with start() as server:
        lan, plugin = server.contact("Lan"), await server.plugin("phone")

        async def refuse(message):
            vendor.before = None
            await lan.says("Xin lỗi, chị vẫn muốn đặt lịch.")
            raise Refused("the recipient has opted out", code="21610", opted_out=True)

        vendor.before = refuse
        await lan.says("Để chị xem.")
        await server.quiet()
        (answer,) = vendor.texts()
        assert answer.endswith("Xin lỗi, chị vẫn muốn đặt lịch.")
        await plugin.conversations.send(lan.id, "reminder", "Mai chị đến nhé.")
        await server.quiet()
        assert vendor.texts()[-1] == "Mai chị đến nhé."


async def test_an_erased_contact_gets_nothing(start, vendor, outbound):
    async with start() as server:
        lan = server.contact("Lan")

        def busy(message):
            raise RetryLater("busy", after=3)

        vendor.before = busy
        await lan.says("Hello.")
        await outbound(server, lan, "queued")
        assert await server.repository().delete(CONTACTS, await lan.contact())
        vendor.before = None
        await outbound(server, lan, "withdrawn")
        assert vendor.taken == []


async def test_nothing_goes_to_a_contact_who_is_being_erased(start, vendor, outbound):
    async with start() as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await outbound(server, lan, "accepted")
        repository, now = server.repository(), server.server.store.now()
        (message,) = await lan.received()
        assert await gates.closed(repository, message, now) is None
        await server.quiet()  # nobody else changes the conversation now
        assert await repository.update(CONVERSATIONS, await lan.conversation(), erased_at=now)
        by_operator = replace(message, author="operator:mai", owner_epoch=9)
        for each in (message, by_operator):
            assert await gates.closed(repository, each, now) == gates.Stop("withdrawn", "the contact was erased")
