"""What the provider took and did not deliver is said once more where that may help."""

from __future__ import annotations

from datetime import timedelta

from frontdesk.channel import StatusUpdate
from frontdesk.store.collections import MESSAGES


async def answered(server, text="Xin chào.", ordinal=0):
    lan = server.contact("Lan")
    await lan.says(text)
    await server.until("it is answered", lambda: _received(lan, ordinal + 1))
    await server.quiet()
    return lan, (await lan.received())[ordinal]


async def _received(contact, count):
    return len(await contact.received()) >= count


async def report(server, provider_id, state, message="", **more):
    if state == "failed":
        more = {"code": "63018", "reason": "Too fast.", "again_after": 60.0, **more}
    await server.server.status.take(
        "clinic", [StatusUpdate(provider_id=provider_id, state=state, message=message, **more)]
    )


async def stored(server, id):
    return await server.repository().get(MESSAGES, id)


async def test_what_failed_for_now_is_sent_once_more_after_the_pause(start, vendor, listener):
    async with start(plugins={"listener": listener}) as server:
        lan, first = await answered(server)
        before = server.clock.now()
        for _ in range(2):
            await report(server, "SM1", "failed")
        (failed,) = [m for m in await lan.messages() if m.id == first.id]
        assert (failed.state, failed.error) == ("failed", f"63018: Too fast. It is said again as {first.id}.again.")
        assert await lan.hears() == first.text
        await server.quiet()
        (_, _, sent), (_, _, again) = vendor.taken
        assert again >= before + timedelta(seconds=60) > sent
        (second,) = await lan.received()
        assert (second.id, second.again_of, second.provider_id) == (f"{first.id}.again", first.id, "SM2")
        assert (await server.plugin("listener")).failed == []


async def test_what_fails_once_more_has_failed(start, vendor, listener):
    async with start(plugins={"listener": listener}) as server:
        lan, first = await answered(server)
        await report(server, "SM1", "failed")
        await lan.hears()
        await report(server, "SM2", "failed")
        await server.quiet()
        server.clock.advance(120)
        await server.quiet()
        second = await stored(server, f"{first.id}.again")
        assert (second.state, second.error, len(vendor.taken)) == ("failed", "63018: Too fast.", 2)
        assert [m.id for m in (await server.plugin("listener")).failed] == [second.id]


async def test_what_would_come_too_late_is_not_said_again(start, vendor):
    async with start(useful_for="30s") as server:
        _, first = await answered(server)
        await report(server, "SM1", "failed")
        assert (await stored(server, first.id)).error == "63018: Too fast."
        assert await stored(server, f"{first.id}.again") is None


async def test_what_arrived_after_all_is_not_said_again(start, vendor):
    async with start() as server:
        lan, first = await answered(server)
        await report(server, "SM1", "failed")
        await report(server, "SM1", "delivered")
        server.clock.advance(120)
        await server.quiet()
        assert [(m.id, m.state) for m in await lan.received()] == [(first.id, "delivered")]
        assert len(vendor.taken) == 1


async def test_what_arrived_though_it_was_said_again_is_shown_as_sent_twice(start, vendor):
    async with start() as server:
        lan, first = await answered(server)
        await report(server, "SM1", "failed")
        await lan.hears()
        await server.quiet()
        await report(server, "SM1", "delivered")
        assert [p.id for p in await server.server.parked.list("clinic")] == [f"{first.id}.again"]


async def test_what_has_not_been_sent_waits_for_what_is_said_again(start, vendor):
    async with start() as server:
        lan, first = await answered(server)
        await report(server, "SM1", "failed")
        await lan.says("Are you there?")
        await server.quiet()
        assert [m.text for m in await lan.received()] == [first.text, "You said: Are you there?"]


async def test_what_is_said_again_in_an_hour_does_not_keep_the_contact_waiting_for_an_answer(start, vendor):
    async with start() as server:
        lan, first = await answered(server)
        await report(server, "SM1", "failed", again_after=3600.0)
        asked = server.clock.now()
        await lan.says("Are you there?")
        assert await lan.hears() == "You said: Are you there?"
        assert server.clock.now() - asked < timedelta(minutes=5)
        server.clock.advance(3600)
        assert await lan.hears() == first.text
        await server.quiet()
        assert vendor.texts() == [first.text, "You said: Are you there?", first.text]


async def test_a_failure_of_a_message_that_is_not_ours_repeats_nothing(start, vendor):
    async with start() as server:
        _, first = await answered(server)
        await report(server, "SM404", "failed", message=first.id)
        assert await stored(server, f"{first.id}.again") is None
