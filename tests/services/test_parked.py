"""What waits for a person, and starting it again."""

from __future__ import annotations

from frontdesk import RetryLater, hookimpl
from frontdesk.channel import StatusUpdate
from frontdesk.errors import MaybeSent
from frontdesk.model import BOT
from frontdesk.testing.plugins import Phone

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class Unsure(Phone):
    """Never knows whether it sent; its list cannot be compared."""

    unsure = True

    @hookimpl
    async def send(self, message):
        if type(self).unsure and message.text.startswith("You said"):
            raise MaybeSent("timed out")
        return await Phone.send(self, message)

    @hookimpl
    async def find_sent(self, message, since):
        from frontdesk.channel import Found

        return (Found(provider_id="SM?", at=since, matches=None),)


class Busy(Phone):
    """Takes nothing while it is busy."""

    busy = False

    @hookimpl
    async def send(self, message):
        if type(self).busy:
            raise RetryLater("busy", after=3)
        return await Phone.send(self, message)


async def parked(server, count=1):
    async def there():
        return len(await server.server.parked.list("clinic")) == count

    await server.until(f"{count} are parked", there)
    return await server.server.parked.list("clinic")


async def test_nothing_is_parked_at_first_and_an_unknown_id_is_told_so(desk):
    async with desk(tenants=AT_ONCE) as server:
        assert await server.server.parked.list("clinic") == []
        assert not await server.server.parked.replay("clinic", "no-such-thing")


async def test_a_committed_turn_cannot_be_replayed(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        (turn,) = await lan.turns()
        (message,) = await lan.received()
        assert not await server.server.parked.replay("clinic", turn.id)
        assert not await server.server.parked.replay("clinic", message.id)


async def test_a_parked_turn_is_listed_with_its_reason_and_replayed(desk):
    async with desk(tenants={**AT_ONCE, "school": {}}) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [ValueError("no key")]
        await lan.says("Hello.")
        await lan.hears()
        (found,) = await parked(server)
        assert (found.what, found.conversation, found.id) == ("turn", lan.id, f"{lan.id}.1")
        assert "ValueError at" in found.reason
        assert await server.server.parked.list("school") == []
        assert not await server.server.parked.replay("school", found.id)
        assert await server.server.parked.replay("clinic", found.id)
        assert await lan.hears() == "You said: Hello."
        assert (await lan.conversation()).owner == BOT
        await parked(server, 0)


async def test_replaying_a_turn_answers_what_a_take_over_had_withdrawn(desk):
    Busy.busy = True
    async with desk(plugins={"phone": Busy, "model": _model()}, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await lan.says("Hello.")

        async def waits():
            return [m for m in await lan.messages() if m.direction == "outbound" and m.state == "queued"]

        await server.until("its answer waits", waits)
        model.script = [ValueError("no key")]
        await lan.says("Are you there?")
        (found,) = await parked(server)
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        Busy.busy = False
        assert await server.server.parked.replay("clinic", found.id, take=True)
        assert await lan.hears() == "You said: Hello. / Are you there?"
        await server.quiet()
        assert len(await lan.received()) == 1


async def test_a_message_that_may_have_been_sent_is_sent_again_by_hand_only(desk):
    Unsure.unsure = True
    async with desk(plugins={"phone": Unsure, "model": _model()}, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        (found,) = await parked(server)
        assert found.what == "message" and found.reason.startswith("may have been sent")
        server.clock.advance(60)
        await server.quiet()
        assert await lan.received() == []
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        server.clock.advance(24 * 3600)
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        Unsure.unsure = False
        assert await server.server.parked.replay("clinic", found.id)
        assert await lan.hears() == "You said: Hello.", "whoever decides knows of the take-over and the hour"
        await parked(server, 0)


async def test_a_message_that_a_person_has_looked_at_leaves_the_list_and_is_not_sent(desk):
    Unsure.unsure = True
    async with desk(plugins={"phone": Unsure, "model": _model()}, tenants={**AT_ONCE, "school": {}}) as server:
        lan, shelf = server.contact("Lan"), server.server.parked
        await lan.says("Hello.")
        (found,) = await parked(server)
        assert not await shelf.dismiss("school", found.id)
        assert await shelf.dismiss("clinic", found.id)
        assert await shelf.list("clinic") == []
        Unsure.unsure = False
        server.clock.advance(60)
        await server.quiet()
        (message,) = [m for m in await lan.messages() if m.id == found.id]
        assert (message.state, message.error) == ("withdrawn", f"dismissed: {found.reason}")
        assert not await shelf.dismiss("clinic", found.id) and not await shelf.replay("clinic", found.id)


async def test_a_message_that_was_sent_twice_does_not_come_back_once_dismissed(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, shelf = server.contact("Lan"), server.server.parked
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        (message,) = await lan.received()
        second = [StatusUpdate(provider_id="SM-second", state="delivered", message=message.id)]
        await server.server.status.take("clinic", second)
        assert [each.what for each in await parked(server)] == ["sent twice"]
        assert await shelf.dismiss("clinic", message.id)
        await server.server.status.take("clinic", second)
        assert await shelf.list("clinic") == []
        assert [m.state for m in await lan.received()] == [message.state]


async def test_a_parked_turn_cannot_be_dismissed(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [ValueError("no key")]
        await lan.says("Hello.")
        (found,) = await parked(server)
        assert not await server.server.parked.dismiss("clinic", found.id)
        assert await parked(server) == [found]


def _model():
    from frontdesk.testing.plugins import ScriptedModel

    return ScriptedModel
