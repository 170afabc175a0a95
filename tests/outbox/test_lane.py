"""One conversation's ordered line."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from frontdesk import RetryLater
from frontdesk.channel import StatusUpdate
from frontdesk.outbox import lane
from frontdesk.store.collections import MESSAGES

SECOND = timedelta(seconds=1)


async def queue(server, contact, texts):
    """Have these said, through the lane, by a plugin."""
    plugin = await server.plugin("phone")
    for number, text in enumerate(texts):
        await plugin.conversations.send(contact.id, f"{text}-{number}", text)


async def begun(server, name="Lan"):
    """A contact whose first message has its answer."""
    contact = server.contact(name)
    await contact.says("Hello.")
    await contact.hears()
    await server.quiet()
    server.clock.advance(1)  # nothing waits for that answer any more
    return contact


async def test_twenty_messages_leave_in_their_order(start, vendor):
    async with start() as server:
        lan = await begun(server)
        texts = [f"m{n}" for n in range(20)]
        await queue(server, lan, texts)

        async def all_sent():
            return len(vendor.taken) == 21

        await server.until("all are sent", all_sent)
        await server.quiet()
        assert vendor.texts()[1:] == texts
        assert [m.place for m in await lan.received()] == list(range(1, 22))


async def test_order_is_kept_when_sends_fail_now_and_then(start, vendor):
    async with start() as server:
        lan, failures = await begun(server), []

        def now_and_then(message):
            if len(failures) < 6 and vendor.calls % 2:
                failures.append(message.text)
                raise RetryLater("busy", after=1)

        vendor.before = now_and_then
        texts = [f"m{n}" for n in range(8)]
        await queue(server, lan, texts)

        async def all_sent():
            return len(vendor.taken) == 9

        await server.until("all are sent", all_sent)
        assert vendor.texts()[1:] == texts and failures


async def test_the_next_message_waits_a_second_after_the_provider_took_the_last(start, vendor):
    async with start() as server:
        lan = await begun(server)
        await queue(server, lan, ["one", "two", "three"])

        async def all_sent():
            return len(vendor.taken) == 4

        await server.until("all are sent", all_sent)
        times = [at for _, _, at in vendor.taken]
        assert all(later - earlier >= SECOND for earlier, later in zip(times[1:], times[2:], strict=False))


async def test_the_next_message_goes_as_soon_as_the_last_is_reported_sent(start, vendor):
    async with start() as server:
        lan = await begun(server)

        async def report(message):
            update = StatusUpdate(provider_id=f"SM{len(vendor.taken)}", state="sent", message=message.id)
            await server.server.status.take("clinic", [update])

        vendor.after = report
        began = server.clock.now()
        await queue(server, lan, ["one", "two", "three"])
        async with asyncio.timeout(5):
            while len(vendor.taken) < 4:  # the clock stands still: a message that waited a second would never go
                await asyncio.sleep(0.01)
        assert server.clock.now() == began


async def test_a_report_that_comes_later_moves_the_lane_on(start, vendor):
    async with start() as server:
        lan = await begun(server)
        await queue(server, lan, ["one", "two"])

        async def one_taken():
            return len(vendor.taken) == 2

        await server.until("the first is taken", one_taken)
        began = server.clock.now()
        provider_id, message, _ = vendor.taken[-1]
        await server.server.status.take(
            "clinic", [StatusUpdate(provider_id=provider_id, state="sent", message=message.id)]
        )
        async with asyncio.timeout(5):
            while len(vendor.taken) < 3:
                await asyncio.sleep(0.01)
        assert server.clock.now() == began


async def test_a_message_that_left_the_lane_does_not_let_the_next_overtake(start, vendor):
    """The one before the one that expired was taken only now."""
    async with start() as server:
        lan, plugin = await begun(server), await server.plugin("phone")
        now = server.clock.now()
        await plugin.conversations.send(lan.id, "one", "one")
        await plugin.conversations.send(lan.id, "two", "two", useful_until=now - SECOND)
        await plugin.conversations.send(lan.id, "three", "three")

        async def all_sent():
            return len(vendor.taken) == 3

        await server.until("the others are sent", all_sent)
        assert vendor.texts()[1:] == ["one", "three"]
        assert vendor.taken[2][2] - vendor.taken[1][2] >= SECOND


async def test_sending_never_waits_for_a_thinking_turn(start, vendor):
    async with start() as server:
        lan, model, gate = await begun(server), await server.plugin("model"), asyncio.Event()

        async def slow(request):
            await gate.wait()
            return "the answer"

        model.script = [slow]
        await lan.says("A question.")
        await queue(server, lan, ["a reminder"])
        assert await lan.hears() == "a reminder"
        gate.set()
        assert await lan.hears() == "the answer"


async def test_the_lane_of_one_conversation_does_not_hold_up_another(start, vendor):
    async with start() as server:
        lan, minh, gate = await begun(server, "Lan"), await begun(server, "Minh"), asyncio.Event()

        async def stuck(message):
            if message.external_id == lan.external_id:
                await gate.wait()

        vendor.before = stuck
        await queue(server, lan, ["to Lan"])
        await queue(server, minh, ["to Minh"])
        assert await minh.hears() == "to Minh"
        gate.set()
        assert await lan.hears() == "to Lan"


async def long_lane(server, vendor, monkeypatch):
    """Somebody with ten messages in a lane that is looked at three at a time, and what lets them go."""
    monkeypatch.setattr(lane, "AT_ONCE", 3)
    monkeypatch.setattr(lane, "AFTER_ACCEPTED", timedelta(0))
    contact, all_queued = await begun(server), asyncio.Event()
    vendor.before = lambda _: all_queued.wait()
    await queue(server, contact, [f"m{n}" for n in range(10)])
    return contact, all_queued


async def test_more_than_one_look_holds_is_sent_all_the_same(start, vendor, monkeypatch):
    async with start() as server:
        _, all_queued = await long_lane(server, vendor, monkeypatch)
        all_queued.set()
        await server.quiet()
        assert len(vendor.taken) == 11
        assert await server.server.store.due.count() == 0


async def test_what_is_said_again_in_hours_does_not_hide_what_one_look_does_not_hold(start, vendor, monkeypatch):
    async with start() as server:
        lan, all_queued = await long_lane(server, vendor, monkeypatch)
        repository = server.repository()
        (late,) = [
            one for one in await repository.find(MESSAGES, {"conversation": lan.id}, order_by="at") if one.text == "m3"
        ]
        hours = server.server.store.now() + timedelta(hours=6)
        assert await repository.update(MESSAGES, late, again_of="earlier", not_before=hours)
        all_queued.set()
        await server.until("all but that one are sent", lambda: _taken(vendor, 10))
        assert "m3" not in vendor.texts()


async def _taken(vendor, count):
    return len(vendor.taken) == count


async def test_a_lane_survives_a_crash_at_each_of_its_steps(start, vendor, dies_at):
    clock = None
    for step in ("outbox.leased", "outbox.intended", "outbox.sent", "outbox.accepted", "outbox.released"):
        async with start(clock) as server:
            clock = server.clock
            death = dies_at(step)
            lan = server.contact(step)
            await lan.says(f"at {step}.")

            async def happened(death=death):
                return death.happened

            await server.until(f"it died at {step}", happened)
        clock.advance(20)
        async with start(clock) as server:
            again = server.contact(step)
            assert await again.hears() == f"You said: at {step}."
            await server.quiet()
            assert vendor.texts().count(f"You said: at {step}.") == 1, step
            assert [m.state for m in await again.received()] == ["accepted"], step
