"""What the bot had answered when a person took over, and nobody said."""

from __future__ import annotations

import asyncio

import pytest

from frontdesk import Plugin, RetryLater, hookimpl, tool
from frontdesk.mind import ModelReply, ToolCall
from frontdesk.model import BOT
from frontdesk.outbox import gates
from frontdesk.store.collections import MESSAGES, TURNS
from frontdesk.testing.death import Died
from frontdesk.testing.plugins import Phone, ScriptedModel
from frontdesk.turn import unsaid

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}
SILENCE = 30 * 60
"""return_to_bot_after's default, in seconds."""


class Line(Phone):
    """Takes nothing while it is busy."""

    busy = False
    max_text = 40

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


BOOKED = ["You are booked for Friday.", "Please come at nine."]
PLUGINS = {"phone": Line, "model": ScriptedModel, "diary": Diary}


@pytest.fixture(autouse=True)
def fresh():
    Line.busy, Diary.booked = False, 0


class Dies:
    """A tenant's documents in a process that dies instead of its write number *left* (from 0)."""

    def __init__(self, repository, left):
        self._repository = repository
        self._left = left
        self.get = repository.get
        self.find = repository.find

    async def update(self, *arguments, **changes):
        self._one_less()
        return await self._repository.update(*arguments, **changes)

    async def write(self, write):
        self._one_less()
        return await self._repository.write(write)

    def _one_less(self):
        if self._left == 0:
            raise Died
        self._left -= 1


async def outbound(contact, state):
    return [m for m in await contact.messages() if m.direction == "outbound" and m.state == state]


async def books(server):
    """The model does a deed and tells of it in two messages."""
    model = await server.plugin("model")
    model.script = [
        ModelReply(tool_calls=(ToolCall(id="c1", name="book", arguments={}),)),
        ModelReply(text="\n\n".join(BOOKED)),
    ]


async def taken_over_in_vain(server, text="Hello."):
    """The bot has answered, the answer is withdrawn by a take-over, the operator says nothing."""
    lan = server.contact("Lan")
    Line.busy = True
    await lan.says(text, id="SM1")

    async def answered():
        return (await lan.message("SM1")).state == "answered"

    await server.until("it is answered and waits", answered)
    await server.server.ownership.take("clinic", lan.id, "Hoa")

    async def withdrawn():
        states = {m.state for m in await lan.messages() if m.direction == "outbound"}
        return states == {"withdrawn"}

    await server.until("all of it is withdrawn", withdrawn)
    Line.busy = False
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
        await books(server)
        lan = await taken_over_in_vain(server, "Please book.")
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        await server.quiet()
        assert [m.text for m in await lan.received()] == BOOKED
        assert Diary.booked == 1


async def test_what_an_operator_wrote_is_the_answer_before_it_has_gone(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, own = await taken_over_in_vain(server), server.server.ownership
        Line.busy = True
        await own.say("clinic", lan.id, "Hoa", "Hi, this is Hoa.")
        await own.release("clinic", lan.id, "Hoa")
        await server.until("the bot has looked", lambda: looked(lan))
        Line.busy = False
        await server.quiet()
        assert [m.text for m in await lan.received()] == ["Hi, this is Hoa."]


async def looked(contact):
    return not (await contact.conversation()).given_back


async def test_a_person_who_takes_over_again_at_once_is_not_talked_over(desk, monkeypatch):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        await books(server)
        lan, own, take_up = await taken_over_in_vain(server, "Please book."), server.server.ownership, unsaid.take_up

        async def then_taken(*arguments):
            Line.busy = True
            since = await take_up(*arguments)
            await own.take("clinic", lan.id, "Hoa")
            Line.busy = False
            monkeypatch.undo()
            return since

        monkeypatch.setattr(unsaid, "take_up", then_taken)
        await own.release("clinic", lan.id, "Hoa")

        async def taken():
            return (await lan.conversation()).taken_epoch == 3

        await server.until("it is taken again", taken)
        await server.quiet()
        assert await lan.received() == []
        await own.release("clinic", lan.id, "Hoa")
        await server.quiet()
        assert [m.text for m in await lan.received()] == BOOKED


@pytest.mark.parametrize("writes", range(7))
async def test_wherever_the_bot_dies_while_it_looks_everything_is_said_once_and_in_order(desk, monkeypatch, writes):
    """What was said after a deed, and before it, is said after all; what came after it is answered anew."""
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        Line.busy = True
        lan, take_up, deaths = server.contact("Lan"), unsaid.take_up, []

        async def answers(count):
            async def there():
                return len(await outbound(lan, "queued")) == count

            await server.until(f"{count} answers wait", there)

        await lan.says("Hello.")
        await answers(1)
        await books(server)
        await lan.says("Please book.")
        await answers(3)
        await taken_over_in_vain(server, "Thanks!")

        async def dies(repository, *arguments):
            if deaths:
                since = await take_up(repository, *arguments)
                assert since == (await lan.message("SM1")).at
                return since
            deaths.append(writes)
            return await take_up(Dies(repository, writes), *arguments)

        monkeypatch.setattr(unsaid, "take_up", dies)
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        await server.until("the bot has looked", lambda: looked(lan))
        await server.quiet()
        said = ["You said: Hello.", *BOOKED, "You said: Thanks!"]
        assert ([m.text for m in await lan.received()], Diary.booked) == (said, 1)


async def test_what_was_on_its_way_when_its_sender_died_is_sent_after_all(desk, dies_at):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, death = server.contact("Lan"), dies_at("outbox.intended")
        await lan.says("Hello.")

        async def died():
            return death.happened

        await server.until("the sender has died", died)
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        await server.quiet()
        assert [m.text for m in await lan.received()] == ["You said: Hello."]


async def test_an_interrupted_turn_that_goes_on_does_not_overtake_what_was_withdrawn_before_it(desk, dies_at):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, death, own = server.contact("Lan"), dies_at("deed.journalled"), server.server.ownership
        Line.busy = True
        await lan.says("Hello.")

        async def waits():
            return await outbound(lan, "queued")

        await server.until("the first answer waits", waits)
        await books(server)
        await lan.says("Please book.")

        async def died():
            return death.happened

        await server.until("the second turn has died after its deed", died)
        await own.take("clinic", lan.id, "Hoa")
        await own.release("clinic", lan.id, "Hoa")
        Line.busy = False
        await server.quiet()
        assert ([m.text for m in await lan.received()], Diary.booked) == (["You said: Hello.", *BOOKED], 1)


async def test_words_that_were_opened_again_once_are_not_said_beside_those_of_the_turn_that_answers_them(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, own = await taken_over_in_vain(server), server.server.ownership
        Line.busy = True
        await own.release("clinic", lan.id, "Hoa")

        async def answered_again():
            return len(await lan.turns()) == 2 and (await lan.message("SM1")).state == "answered"

        await server.until("it is answered again and waits", answered_again)
        await books(server)
        await lan.says("Please book.", id="SM2")

        async def booked():
            return (await lan.message("SM2")).state == "answered"

        await server.until("it is booked and waits", booked)
        await own.take("clinic", lan.id, "Hoa")
        await own.release("clinic", lan.id, "Hoa")
        Line.busy = False
        await server.quiet()
        assert ([m.text for m in await lan.received()], Diary.booked) == (["You said: Hello.", *BOOKED], 1)


async def test_of_an_answer_that_was_said_in_part_the_rest_is_said(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        await books(server)
        lan = await taken_over_in_vain(server, "Please book.")
        repository = server.repository()
        (turn,) = await lan.turns()
        await repository.update(TURNS, turn, deeds=())
        first, _ = await outbound(lan, "withdrawn")
        await repository.update(MESSAGES, first, state="delivered", accepted_at=server.clock.now(), provider_id="SM9")
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        await server.quiet()
        assert [m.text for m in await lan.received()] == BOOKED


async def test_what_is_given_back_while_a_sender_stops_it_goes_out_after_all(desk, monkeypatch):
    """Between the gate that a take-over closed and the note that the message was stopped, the bot has it back."""
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, own, closed, times = server.contact("Lan"), server.server.ownership, gates.closed, []

        async def slow(repository, message, now, *more):
            if message.state != "sending" or times:
                return await closed(repository, message, now, *more)
            times.append(now)
            await own.take("clinic", lan.id, "Hoa")
            stop = await closed(repository, message, now)
            await own.release("clinic", lan.id, "Hoa")
            while (await repository.get(MESSAGES, message.id)).owner_epoch == message.owner_epoch:
                await asyncio.sleep(0.01)
            return stop

        monkeypatch.setattr(gates, "closed", slow)
        await lan.says("Hello.")
        assert await lan.hears() == "You said: Hello."
        await server.quiet()
        assert len(await lan.received()) == 1 and await outbound(lan, "withdrawn") == []
