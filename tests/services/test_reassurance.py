"""Who was handed off is told when somebody will answer."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from frontdesk.mind import ModelReply, ToolCall
from frontdesk.outbox.put import SOON
from frontdesk.services.reassurance import reassure
from frontdesk.store.collections import MESSAGES
from frontdesk.testing.death import Died
from frontdesk.testing.plugins import ScriptedModel

# The clock of a test starts on Monday at 02:00 UTC: 09:00 in Hanoi, the middle of the night in London.
OFFICE = {"monday": ["08:30-12:00", "13:30-18:00"], "tuesday": "08:30-18:00"}
LONDON = {"time_zone": "Europe/London", "language": "en", "opening_hours": OFFICE}
HANOI = {"name": "Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi", "opening_hours": OFFICE}
ASKS_A_PERSON = ModelReply(
    text="One moment.", tool_calls=(ToolCall(id="1", name="call_a_person", arguments={"reason": "wants a person"}),)
)


def tenants(**tenant: Any) -> dict[str, Any]:
    return {"clinic": {"settle": {"quiet_seconds": 0}, **tenant}}


async def handed_off(server: Any) -> Any:
    lan, model = server.contact("Lan"), await server.plugin("model")
    model.script = [ASKS_A_PERSON]
    await lan.says("I want to speak to somebody.")
    await lan.hears()
    await server.quiet()
    return lan


async def said(server: Any, lan: Any) -> list[str]:
    """What the contact has heard since the words of the hand-off."""
    await server.quiet()
    return [message.text for message in await lan.received()][1:]


async def test_at_night_the_contact_is_told_when_somebody_will_be_there_once(desk):
    async with desk(tenants=tenants(**LONDON)) as server:
        lan = await handed_off(server)
        told = ["We are closed at the moment. Someone from Test Clinic will answer you today at 08:30."]
        assert await said(server, lan) == told
        for _ in range(3):
            await lan.says("Is anybody there?")
            await server.quiet()
            server.clock.advance(180)
            assert await said(server, lan) == told
        (note,) = (await lan.received())[1:]
        assert note.useful_until - note.at <= timedelta(hours=6.5), "after the opening it would be wrong"


async def test_the_language_is_the_tenants_unless_the_contacts_is_known(desk):
    lunch = {"opening_hours": {"tuesday": "08:00-12:00"}}
    async with desk(tenants=tenants(**{**HANOI, **lunch})) as server:
        lan = await handed_off(server)
        (told,) = await said(server, lan)
        assert told.endswith("Nhân viên của Hoa Sen sẽ trả lời anh/chị vào 08:00 ngày mai ạ.")


async def test_while_it_is_open_who_writes_on_is_told_once_that_a_person_will_answer(desk):
    async with desk(tenants=tenants(**HANOI)) as server:
        lan = await handed_off(server)
        assert await said(server, lan) == []
        await lan.says("Alo?")
        assert await said(server, lan) == [], "a person may still be quicker"
        server.clock.advance(121)
        assert [text[:32] for text in await said(server, lan)] == ["Dạ, em đã nhận được tin nhắn của"]
        await lan.says("Alo??")
        await server.quiet()
        server.clock.advance(121)
        assert len(await said(server, lan)) == 1


async def test_who_keeps_writing_is_told_two_minutes_after_the_first_time(desk):
    async with desk(tenants=tenants(**HANOI)) as server:
        lan = await handed_off(server)
        server.clock.advance(1)
        for _ in range(3):
            await lan.says("Alo?")
            await server.quiet()
            server.clock.advance(50)
        assert len(await said(server, lan)) == 1


async def test_who_writes_on_after_closing_time_is_told_when_it_opens(desk):
    almost = {"opening_hours": {"monday": "08:30-09:01", "tuesday": "08:30-18:00"}}
    async with desk(tenants=tenants(**{**HANOI, **almost})) as server:
        lan = await handed_off(server)
        await lan.says("Alo?")
        await server.quiet()
        server.clock.advance(121)
        (told,) = await said(server, lan)
        assert "vào 08:30 ngày mai" in told


@pytest.mark.parametrize("meanwhile", ["take", "release"])
async def test_nothing_is_said_once_somebody_answers(desk, meanwhile):
    async with desk(tenants=tenants(**HANOI)) as server:
        lan = await handed_off(server)
        await lan.says("Alo?")
        await server.quiet()
        await getattr(server.server.ownership, meanwhile)("clinic", lan.id, "Hoa")
        server.clock.advance(121)
        assert not [text for text in await said(server, lan) if "đã nhận được" in text]


async def test_a_second_hand_off_is_a_new_one(desk):
    async with desk(tenants=tenants(**LONDON)) as server:
        lan = await handed_off(server)
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        (await server.plugin("model")).script = [ASKS_A_PERSON]
        await lan.says("A person, please.")
        assert [text.startswith("We are closed") for text in await said(server, lan)] == [True, False, True]


@pytest.mark.parametrize("writes", range(4))
async def test_it_is_said_once_wherever_whoever_says_it_died(desk, dies_after, writes):
    async with desk(tenants=tenants()) as server:
        lan, store = await handed_off(server), server.server.store
        lives = await server.server.runtimes.get("clinic")
        dying = SimpleNamespace(now=store.now, for_tenant=lambda _: dies_after(server.repository(), writes))
        epoch = (await lan.conversation()).owner_epoch
        with pytest.raises(Died):
            await reassure(dying, lives.tenant, lan.id, epoch, "wrote_on")
        server.clock.advance(SOON.total_seconds() + 1)
        await said(server, lan)
        # Its task comes back.
        await reassure(store, lives.tenant, lan.id, epoch, "wrote_on")
        assert len(await said(server, lan)) == 1


async def test_who_is_answered_meanwhile_is_told_nothing(desk):
    async with desk(tenants=tenants()) as server:
        lan, store, repository = await handed_off(server), server.server.store, server.repository()
        tenant = (await server.server.runtimes.get("clinic")).tenant

        class Slow:
            """A person takes over while it is looked up whether it was said."""

            def __getattr__(self, name):
                return getattr(repository, name)

            async def get(self, collection, id):
                if collection is MESSAGES:
                    await server.server.ownership.take("clinic", lan.id, "Hoa")
                return await repository.get(collection, id)

        slow = SimpleNamespace(now=store.now, for_tenant=lambda _: Slow())
        before = await lan.conversation()
        await reassure(slow, tenant, lan.id, before.owner_epoch, "wrote_on")
        assert await said(server, lan) == []
        assert (await lan.conversation()).outbox_seq == before.outbox_seq


async def test_holding_words_are_not_said_twice(desk):
    async with desk(plugins={"model": ScriptedModel}, tenants=tenants(**HANOI)) as server:
        (await server.plugin("model")).script = [RuntimeError("the model is down")] * 9
        lan = server.contact("Lan")
        await lan.says("Xin chào")
        await lan.hears()
        server.clock.advance(1)
        await lan.says("Alo?")
        await server.quiet()
        server.clock.advance(121)
        assert await said(server, lan) == []


async def test_without_hours_nobody_is_said_to_be_away(desk):
    async with desk(tenants=tenants()) as server:
        lan = await handed_off(server)
        assert await said(server, lan) == []
