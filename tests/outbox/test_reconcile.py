"""What became of an attempt nobody saw the end of."""

from __future__ import annotations

import pytest

from frontdesk.channel import Found, StatusUpdate
from frontdesk.errors import MaybeSent, RetryLater
from frontdesk.model import Template
from frontdesk.outbox import record


@pytest.fixture
def lost(vendor):
    """The vendor's next answer is lost: `lost(taken=True)` after it took the message."""

    def lose(taken=True):
        def lose_it(message):
            vendor.before = vendor.after = None
            raise MaybeSent("the connection dropped")

        setattr(vendor, "after" if taken else "before", lose_it)

    return lose


async def greeted(server):
    lan = server.contact("Lan")
    await lan.says("Hello.")
    await lan.hears()
    await server.quiet()
    return lan


async def learns(server, message, provider_id):
    told = server.server.subscribers.sent
    repository = server.repository()
    return await record.learn(repository, server.server.store, "clinic", message.id, provider_id, "accepted", sent=told)


async def say(server, contact, key, text="Same words", **more):
    plugin = await server.plugin("phone")
    await plugin.conversations.send(contact.id, key, text, **more)


async def test_found_once_it_is_bound_and_not_sent_again(start, vendor, lost):
    async with start() as server:
        lan = await greeted(server)
        lost()
        await say(server, lan, "one")
        assert await lan.hears() == "Same words"
        assert [m.provider_id for m in await lan.received()] == ["SM1", "SM2"]
        assert vendor.calls == 2 and vendor.asked == 1


async def test_not_found_in_two_looks_it_is_sent_again(start, vendor, lost):
    async with start() as server:
        lan = await greeted(server)
        start_at = server.clock.monotonic()
        lost(taken=False)
        await say(server, lan, "one")
        assert await lan.hears() == "Same words"
        assert (vendor.calls, vendor.asked) == (3, 2)
        assert server.clock.monotonic() - start_at >= 40, "ten seconds, then thirty more"
        assert (await lan.received())[-1].attempts == 2


async def test_a_list_that_lags_is_read_again_before_anything_is_sent(start, vendor, lost):
    async with start() as server:
        lan = await greeted(server)
        lost()
        vendor.listed = lambda message, truth: truth if vendor.asked > 1 else ()
        await say(server, lan, "one")
        assert await lan.hears() == "Same words"
        assert (vendor.calls, vendor.asked) == (2, 2)


async def test_two_that_match_are_parked_and_told(start, vendor, lost, outbound):
    async with start() as server:
        lan = await greeted(server)
        lost()
        vendor.listed = lambda message, truth: (*truth, Found(provider_id="SM9", at=truth[0].at, matches=True))
        await say(server, lan, "one")
        message = await outbound(server, lan, "parked")
        assert message.error.startswith("may have been sent")
        (parked,) = await server.server.parked.list("clinic")
        assert (parked.id, parked.what) == (message.id, "message")
        await server.quiet()
        assert vendor.calls == 2


async def test_what_cannot_be_compared_is_parked(start, vendor, lost, outbound):
    async with start() as server:
        lan = await greeted(server)
        lost()
        vendor.listed = lambda message, truth: (Found(provider_id="SM2", at=truth[0].at, matches=None),)
        await say(server, lan, "one")
        await outbound(server, lan, "parked")
        assert vendor.calls == 2


async def test_another_message_in_the_list_is_not_ours(start, vendor, lost):
    async with start() as server:
        lan = await greeted(server)
        lost(taken=False)
        vendor.listed = lambda message, truth: (Found(provider_id="SM8", at=server.clock.now(), matches=False),)
        await say(server, lan, "one")
        assert await lan.hears() == "Same words"
        assert vendor.calls == 3


async def test_two_identical_texts_are_told_apart_by_what_is_bound(start, vendor, lost):
    async with start() as server:
        lan = await greeted(server)
        await say(server, lan, "one")
        await lan.hears()
        lost()
        # Its list knows only minutes: the first of the two is in it as well.
        vendor.listed = lambda message, truth: tuple(
            Found(provider_id=provider_id, at=at, matches=taken.text == message.text)
            for provider_id, taken, at in vendor.taken
        )
        await say(server, lan, "two")
        assert await lan.hears() == "Same words"
        assert [m.provider_id for m in await lan.received()] == ["SM1", "SM2", "SM3"]
        assert vendor.calls == 3


async def test_a_template_and_a_picture_are_reconciled_too(start, vendor, lost):
    async with start() as server:
        lan, plugin = await greeted(server), await server.plugin("phone")
        key = await plugin.media.put(b"GIF89a", "image/gif")
        for name, more in (("t", {"template": Template(id="HX1", variables={"1": "Lan"})}), ("p", {"media": [key]})):
            lost()
            await say(server, lan, name, name, **more)
            assert await lan.hears() == name
        assert vendor.calls == 3


async def test_a_callback_settles_it_before_anyone_asks_and_the_lane_goes_on(start, vendor, lost, outbound):
    async with start() as server:
        lan = await greeted(server)
        lost()
        await say(server, lan, "one")
        await say(server, lan, "two", "the next")
        message = await outbound(server, lan, "sending")
        began = server.clock.monotonic()
        update = StatusUpdate(provider_id="SM2", state="sent", message=message.id)
        await server.server.status.take("clinic", [update])
        assert await lan.hears() == "Same words"
        assert await lan.hears() == "the next"
        assert server.clock.monotonic() - began < 3 and vendor.asked == 0


async def test_what_waits_behind_keeps_waiting(start, vendor, lost):
    async with start() as server:
        lan = await greeted(server)
        lost(taken=False)
        await say(server, lan, "one", "first")
        await say(server, lan, "two", "second")
        assert [await lan.hears(), await lan.hears()] == ["first", "second"]
        assert vendor.texts()[1:] == ["first", "second"]


async def test_a_provider_that_cannot_be_asked_is_asked_again(start, vendor, lost):
    async with start() as server:
        lan = await greeted(server)
        lost()

        def away(message, truth):
            if vendor.asked < 3:
                raise RetryLater("busy")
            return truth

        vendor.listed = away
        await say(server, lan, "one")
        assert await lan.hears() == "Same words"
        assert vendor.calls == 2


async def test_a_provider_that_can_never_be_asked_parks_it_when_it_is_worth_nothing_any_more(
    start, vendor, lost, outbound
):
    async with start(useful_for="1 min") as server:
        lan = await greeted(server)
        lost()

        def away(message, truth):
            raise RetryLater("busy")

        vendor.listed = away
        await say(server, lan, "one")
        await outbound(server, lan, "parked")
        assert vendor.calls == 2


async def test_the_provider_is_asked_about_the_way_it_went_even_if_the_contact_wrote_elsewhere_since(
    start, vendor, lost, outbound
):
    from frontdesk.store.collections import CONVERSATIONS

    async with start() as server:
        lan, asked = await greeted(server), []

        def look(message, truth):
            asked.append((message.address, message.external_id))
            return truth

        vendor.listed = look
        lost()
        await say(server, lan, "one")
        await outbound(server, lan, "sending")
        repository = server.repository()
        while await repository.update(CONVERSATIONS, await lan.conversation(), address="phone:other") is None:
            pass
        assert await lan.hears() == "Same words"
        assert asked == [("phone:desk", lan.external_id)]


async def test_a_ghost_that_learns_its_message_was_taken_stops_it_from_being_sent_again(start, vendor, lost, outbound):
    """Two looks found nothing, it is back in the lane; then the frozen process wakes with the provider's id."""
    async with start() as server:
        lan = await greeted(server)

        def busy(message):
            raise RetryLater("busy", after=60)

        vendor.before = busy
        await say(server, lan, "one")
        message = await outbound(server, lan, "queued")
        learnt = await learns(server, message, "SM7")
        assert (learnt.was, learnt.message.state, learnt.message.provider_id) == ("queued", "accepted", "SM7")
        vendor.before = None
        await server.quiet()
        assert len(vendor.taken) == 1


async def test_a_ghosts_send_that_returns_after_its_successors_is_counted(start, vendor, outbound):
    async with start() as server:
        lan = await greeted(server)
        (message,) = await lan.received()
        for _ in range(2):
            await learns(server, message, "SM7")
        (message,) = await lan.received()
        assert (message.possible_duplicate, message.provider_id, message.state) == (True, "SM1", "accepted")
