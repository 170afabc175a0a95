"""What the bot had answered when a person took over, and nobody said."""

from __future__ import annotations

import pytest

from frontdesk import Plugin, RetryLater, hookimpl, tool
from frontdesk.mind import ModelReply, ToolCall
from frontdesk.model import BOT
from frontdesk.testing.plugins import Phone, ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}
SILENCE = 30 * 60
"""return_to_bot_after's default, in seconds."""


class Line(Phone):
    """Takes nothing while it is busy."""

    busy = False

    @hookimpl
    async def send(self, message):
        if type(self).busy:
            raise RetryLater("busy", after=3)
        return await Phone.send(self, message)


class Diary(Plugin):
    """Books."""

    booked = 0

    @tool(deed=True, repeatable=True)
    async def book(self) -> str:
        """Book a visit."""
        type(self).booked += 1
        return "Booked for Friday."


PLUGINS = {"phone": Line, "model": ScriptedModel, "diary": Diary}


@pytest.fixture(autouse=True)
def fresh():
    Line.busy, Diary.booked = False, 0


async def taken_over_in_vain(server, text="Hello."):
    """The bot has answered, the answer is withdrawn by a take-over, the operator says nothing."""
    lan = server.contact("Lan")
    Line.busy = True
    await lan.says(text, id="SM1")

    async def last(state):
        return [m for m in await lan.messages() if m.direction == "outbound" and m.state == state]

    await server.until("it is answered and waits", lambda: last("queued"))
    await server.server.ownership.take("clinic", lan.id, "Hoa")
    await server.until("it is withdrawn", lambda: last("withdrawn"))
    Line.busy = False
    assert (await lan.message("SM1")).state == "answered"
    return lan


async def test_it_is_answered_after_the_silence(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan = await taken_over_in_vain(server)
        server.clock.advance(SILENCE)
        assert await lan.hears() == "You said: Hello."
        await server.quiet()
        assert len(await lan.received()) == 1
        assert ((await lan.conversation()).owner, (await lan.message("SM1")).state) == (BOT, "answered")


async def test_it_is_answered_with_what_came_since_when_the_operator_gives_back(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan = await taken_over_in_vain(server)
        await lan.says("Are you there?")
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        assert await lan.hears() == "You said: Hello. / Are you there?"
        await server.quiet()
        assert len(await lan.received()) == 1


async def test_what_an_operator_wrote_is_the_answer(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan = await taken_over_in_vain(server)
        await server.server.ownership.say("clinic", lan.id, "Hoa", "Hi, this is Hoa.")
        assert await lan.hears() == "Hi, this is Hoa."
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        await server.quiet()
        assert [m.text for m in await lan.received()] == ["Hi, this is Hoa."]


async def test_nothing_is_reopened_while_a_person_has_it(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan = await taken_over_in_vain(server)
        server.clock.advance(SILENCE - 60)
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        server.clock.advance(60)
        await server.quiet()
        assert (await lan.message("SM1")).state == "answered" and await lan.received() == []


async def test_a_deed_is_not_done_again_and_its_words_are_said(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        model = await server.plugin("model")
        model.script = [
            ModelReply(tool_calls=(ToolCall(id="c1", name="book", arguments={}),)),
            ModelReply(text="You are booked for Friday."),
        ]
        lan = await taken_over_in_vain(server, "Please book.")
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        assert await lan.hears() == "You are booked for Friday."
        await server.quiet()
        assert (len(await lan.received()), Diary.booked) == (1, 1)
