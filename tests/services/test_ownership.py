"""Who answers a conversation."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from frontdesk import Media, Plugin, Template, hookimpl
from frontdesk.mind import ModelReply, ToolCall
from frontdesk.model import BOT, NOBODY
from frontdesk.services.ownership import NotYours, UnknownConversation
from frontdesk.testing.death import Died
from frontdesk.testing.plugins import ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}
SILENCE = 30 * 60
"""return_to_bot_after's default, in seconds."""


class Pager(Plugin):
    """Keeps what operators are told."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.told = []

    @hookimpl
    async def on_handoff(self, conversation, contact, reason):
        self.told.append(("on_handoff", contact.name, reason))

    @hookimpl
    async def alert_operator(self, title, text, conversation):
        self.told.append(("alert_operator", title, text))


async def greeted(server):
    lan = server.contact("Lan")
    await lan.says("Hello.")
    await lan.hears()
    await server.quiet()
    return lan


async def owner(contact):
    return (await contact.conversation()).owner


async def owned_by(server, contact, who):
    async def it_is():
        return await owner(contact) == who

    await server.until(f"it belongs to {who}", it_is)


async def test_an_operator_takes_writes_and_gives_back(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        taken = await desk_of.take("clinic", lan.id, "Hoa")
        assert (taken.owner, taken.owner_epoch, taken.taken_epoch) == ("operator:Hoa", 1, 1)
        said = await desk_of.say("clinic", lan.id, "Hoa", "  Chào Lan, Hoa đây.  ")
        assert await lan.hears() == "Chào Lan, Hoa đây."
        assert said.author == "operator:Hoa" and said.useful_until - said.at == timedelta(hours=24)
        given = await desk_of.release("clinic", lan.id, "Hoa")
        assert (given.owner, given.owner_epoch, given.taken_epoch) == (BOT, 2, 1)
        await lan.says("Hello again.")
        assert await lan.hears() == "You said: Hello again."


async def test_it_is_kept_who_answered_since_when(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        await desk_of.hand_off("clinic", lan.id, "muốn gặp người")
        await desk_of.take("clinic", lan.id, "Hoa")
        await desk_of.release("clinic", lan.id, "Hoa")
        await desk_of.take("clinic", lan.id, "Hoa")
        server.clock.advance(SILENCE + 1)
        await owned_by(server, lan, BOT)
        passings = (await lan.conversation()).passings
        assert [(passing.owner, passing.by, passing.reason) for passing in passings] == [
            (NOBODY, "", "muốn gặp người"),
            ("operator:Hoa", "operator:Hoa", ""),
            (BOT, "operator:Hoa", ""),
            ("operator:Hoa", "operator:Hoa", ""),
            (BOT, "", ""),
        ]


async def test_an_operator_sends_a_file_and_a_template(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        phone = await server.plugin("phone")
        await desk_of.take("clinic", lan.id, "Hoa")
        for content_type in ("image/png", "audio/ogg", "video/mp4", "application/pdf"):
            key = await server.server.media.put("clinic", content_type.encode(), content_type)
            file = Media(content_type=content_type, key=key)
            await desk_of.say("clinic", lan.id, "Hoa", "", file=file, filename="giá.pdf")
        template = Template(id="HX1", variables={"1": "Lan"})
        await desk_of.say("clinic", lan.id, "Hoa", "Xin chào Lan", template=template)
        await server.quiet()
        assert [sent.kind for sent in phone.sent[1:]] == ["image", "voice", "video", "document", "template"]
        assert phone.sent[1].media_urls and phone.sent[1].data == {"filename": "giá.pdf"}
        assert (phone.sent[-1].template, phone.sent[-1].text) == (template, "Xin chào Lan")


async def test_taking_twice_is_taking_once_but_counts_as_an_act(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        first = await desk_of.take("clinic", lan.id, "Hoa")
        server.clock.advance(60)
        second = await desk_of.take("clinic", lan.id, "Hoa")
        assert (first.owner_epoch, second.owner_epoch) == (1, 1)
        assert second.last_human_at - first.last_human_at == timedelta(seconds=60)
        third = await desk_of.take("clinic", lan.id, "Minh")
        assert (third.owner, third.owner_epoch) == ("operator:Minh", 2)


async def test_only_the_owner_may_write_and_only_something(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        with pytest.raises(NotYours, match="bot answers this conversation; take it first"):
            await desk_of.say("clinic", lan.id, "Hoa", "Hello.")
        await desk_of.take("clinic", lan.id, "Minh")
        with pytest.raises(NotYours, match="operator:Minh"):
            await desk_of.say("clinic", lan.id, "Hoa", "Hello.")
        with pytest.raises(ValueError, match="empty"):
            await desk_of.say("clinic", lan.id, "Minh", "  \n")
        assert len(await lan.received()) == 1


async def test_a_conversation_that_is_not_there_is_told_so(desk):
    async with desk(tenants={**AT_ONCE, "school": {}}) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        for attempt in (
            desk_of.take("school", lan.id, "Hoa"),
            desk_of.say("school", lan.id, "Hoa", "Hello."),
            desk_of.release("school", lan.id),
            desk_of.hand_off("school", lan.id, "why"),
        ):
            with pytest.raises(UnknownConversation):
                await attempt
        assert await owner(lan) == BOT


async def test_the_same_key_is_the_same_message(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        await desk_of.take("clinic", lan.id, "Hoa")
        said = await asyncio.gather(*(desk_of.say("clinic", lan.id, "Hoa", "Hello.", key="k 1/2") for _ in range(4)))
        assert len({message.id for message in said}) == 1
        await server.quiet()
        assert [m.text for m in await lan.received()] == ["You said: Hello.", "Hello."]


async def test_what_comes_while_an_operator_owns_it_is_kept_and_answered_after_giving_back(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        await desk_of.take("clinic", lan.id, "Hoa")
        await lan.says("Are you there?")
        await lan.says("Hello?")
        await server.quiet()
        assert len(await lan.received()) == 1
        assert (await lan.message("Lan-2")).state == (await lan.message("Lan-3")).state == "received"
        await desk_of.release("clinic", lan.id)
        assert await lan.hears() == "You said: Are you there? / Hello?"


async def test_what_the_operator_has_answered_is_not_answered_again(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        await desk_of.take("clinic", lan.id, "Hoa")
        await lan.says("Are you there?")
        await desk_of.say("clinic", lan.id, "Hoa", "Yes, I am.")
        assert await lan.hears() == "Yes, I am."
        assert (await lan.message("Lan-2")).turn == "operator:Hoa"
        await lan.says("Good.")
        await desk_of.release("clinic", lan.id)
        assert await lan.hears() == "You said: Good."
        await server.quiet()
        assert len(await lan.received()) == 3


async def test_saying_it_again_after_a_crash_marks_what_it_answers(desk, monkeypatch):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        await desk_of.take("clinic", lan.id, "Hoa")
        await lan.says("Are you there?")
        with monkeypatch.context() as patch:

            async def dies(*arguments):
                raise Died

            patch.setattr(desk_of, "_answered", dies)
            with pytest.raises(Died):
                await desk_of.say("clinic", lan.id, "Hoa", "Yes.", key="k")
        await desk_of.say("clinic", lan.id, "Hoa", "Yes.", key="k")
        assert (await lan.message("Lan-2")).state == "answered"
        await server.quiet()
        assert [m.text for m in await lan.received()].count("Yes.") == 1


async def test_a_parked_turn_that_a_person_answered_leaves_the_list(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of, model = server.contact("Lan"), server.server.ownership, await server.plugin("model")
        model.script = [ValueError("no")]
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        assert len(await server.server.parked.list("clinic")) == 1
        await desk_of.take("clinic", lan.id, "Hoa")
        await server.quiet()
        assert len(await server.server.parked.list("clinic")) == 1, "taking is not answering"
        await desk_of.say("clinic", lan.id, "Hoa", "Hello.")
        await server.quiet()
        assert await server.server.parked.list("clinic") == []
        await desk_of.release("clinic", lan.id)
        await lan.says("Thanks.")
        assert [await lan.hears(), await lan.hears()] == ["Hello.", "You said: Thanks."]


async def test_after_silence_the_conversation_goes_back_to_the_bot(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        await desk_of.take("clinic", lan.id, "Hoa")
        await lan.says("Are you there?")
        await server.quiet()
        server.clock.advance(SILENCE - 100)
        await server.quiet()
        assert await owner(lan) == "operator:Hoa"
        server.clock.advance(101)
        assert await lan.hears() == "You said: Are you there?"
        assert await owner(lan) == BOT


async def test_silence_counts_from_the_last_thing_a_person_did(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        await desk_of.take("clinic", lan.id, "Hoa")
        server.clock.advance(SILENCE - 60)
        await desk_of.say("clinic", lan.id, "Hoa", "One moment, I am looking.")
        await lan.hears()
        server.clock.advance(SILENCE - 100)
        await server.quiet()
        assert await owner(lan) == "operator:Hoa", "half an hour since the take-over, not since she wrote"
        server.clock.advance(101)
        await owned_by(server, lan, BOT)


async def test_an_old_return_does_not_end_a_new_take_over(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        await desk_of.take("clinic", lan.id, "Hoa")
        server.clock.advance(SILENCE - 60)
        await desk_of.release("clinic", lan.id)
        await desk_of.take("clinic", lan.id, "Minh")
        server.clock.advance(120)
        await server.quiet()
        assert await owner(lan) == "operator:Minh"


async def test_a_longer_silence_in_a_new_configuration_is_waited_for(desk):
    async with desk(tenants=AT_ONCE) as server:
        clock, lan = server.clock, await greeted(server)
        await server.server.ownership.hand_off("clinic", lan.id, "why")
    longer = {"clinic": {"settle": {"quiet_seconds": 0}, "return_to_bot_after": "40 min"}}
    async with desk(tenants=longer, clock=clock) as server:
        lan = server.contact("Lan")
        clock.advance(SILENCE + 60)
        await server.quiet()
        assert await owner(lan) == NOBODY
        clock.advance(600)
        await owned_by(server, lan, BOT)


async def test_the_bots_hand_off_tells_the_operators_once_and_comes_back_if_nobody_does_anything(desk):
    call = ToolCall(id="c", name="call_a_person", arguments={"reason": "wants a refund"})
    async with desk(plugins={"model": ScriptedModel, "pager": Pager}, tenants=AT_ONCE) as server:
        lan, model, pager = server.contact("Lan"), await server.plugin("model"), await server.plugin("pager")
        model.script = [ModelReply(text="A colleague will answer.", tool_calls=(call,))]
        await lan.says("My money!")
        await lan.hears()

        async def told():
            return len(pager.told) == 2

        await server.until("the operators are told", told)
        assert pager.told == [
            ("on_handoff", "Lan", "wants a refund"),
            ("alert_operator", "A person is needed", "wants a refund"),
        ]
        server.clock.advance(1)
        await lan.says("Hello?")
        assert "will come back to you" in await lan.hears(), "who writes on is told once that it was heard"
        server.clock.advance(SILENCE)
        assert await lan.hears() == "You said: Hello?"
        assert pager.told[2:] == [("alert_operator", "The contact writes on and nobody answers", "Hello?")]


async def test_a_take_over_ends_a_hand_off_and_its_return(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, desk_of = await greeted(server), server.server.ownership
        await desk_of.hand_off("clinic", lan.id, "why")
        server.clock.advance(SILENCE - 60)
        await desk_of.take("clinic", lan.id, "Hoa")
        server.clock.advance(120)
        await server.quiet()
        assert await owner(lan) == "operator:Hoa"


async def test_giving_back_what_the_bot_has_leaves_its_turn_alone(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan = await greeted(server)
        before = await lan.conversation()
        assert await server.server.ownership.release("clinic", lan.id, "Hoa") == before
        assert await lan.conversation() == before


async def test_dying_while_giving_back_leaves_nothing_unanswered(desk, monkeypatch):
    async with desk(tenants=AT_ONCE) as server:
        clock, lan, desk_of = server.clock, await greeted(server), server.server.ownership
        await desk_of.take("clinic", lan.id, "Hoa")
        await lan.says("Are you there?")
        await server.quiet()
        change = desk_of._changed

        async def then_dies(*arguments, **more):
            await change(*arguments, **more)
            raise Died

        monkeypatch.setattr(desk_of, "_changed", then_dies)
        with pytest.raises(Died):
            await desk_of.release("clinic", lan.id)
    async with desk(tenants=AT_ONCE, clock=clock) as server:
        lan = server.contact("Lan")
        assert (await lan.received())[-1].text == "You said: Hello."
        await owned_by(server, lan, BOT)

        async def answered():
            return [m.text for m in await lan.received()][-1] == "You said: Are you there?"

        await server.until("it is answered", answered)


async def test_the_list_shows_the_newest_first_and_one_owners_alone(desk):
    async with desk(tenants=AT_ONCE) as server:
        contacts = [server.contact(name) for name in ("Lan", "Minh", "Hoa")]
        for contact in contacts:
            await contact.says("Hello.")
            await contact.hears()
            server.clock.advance(1)
        desk_of = server.server.ownership
        await desk_of.hand_off("clinic", contacts[1].id, "why")
        assert [c.id for c in await desk_of.list("clinic")] == [c.id for c in reversed(contacts)]
        assert [c.id for c in await desk_of.list("clinic", NOBODY)] == [contacts[1].id]


async def test_what_is_longer_than_the_channel_takes_goes_in_parts_once(desk, dies_after, monkeypatch):
    """Also where a crash left a part of them, and what a plugin says, but not a template that may go in its place."""
    text = " ".join(f"Câu thứ {n} của em dài như thế này đây." for n in range(120))
    async with desk(plugins={"model": ScriptedModel}, tenants=AT_ONCE) as server:
        lan, ownership, plugin = server.contact("Lan"), server.server.ownership, await server.plugin("model")
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        await ownership.take("clinic", lan.id, "Hoa")
        store, repository = server.server.store, server.repository()
        with monkeypatch.context() as patch:
            patch.setattr(store, "for_tenant", lambda _: dies_after(repository, 3))
            with pytest.raises(Died):
                await ownership.say("clinic", lan.id, "Hoa", text, key="k")
        for _ in range(2):
            said = await ownership.say("clinic", lan.id, "Hoa", text, key="k")
            assert said.id == "op-k"
        await server.quiet()
        parts = [m.text for m in await lan.received()][1:]
        assert len(parts) == 3 and all(len(part) <= 1600 for part in parts) and " ".join(parts) == text
        assert all(part.endswith(".") for part in parts)
        await plugin.conversations.send(lan.id, "news", text)
        await plugin.conversations.send(lan.id, "held", text, fallback=Template(id="t"))
        await server.quiet()
        assert [len(m.text) for m in await lan.received()][4:] == [*map(len, parts), len(text)]
