"""Deeds: intent before, result after, done once whatever happens, and never claimed without their result."""

from __future__ import annotations

import pytest

from frontdesk import Done, NeedsAttention, Plugin, RetryLater, tool
from frontdesk.errors import MaybeSent, Refused
from frontdesk.inbox import inbound_id
from frontdesk.mind import ModelReply, ToolCall
from frontdesk.model import NOBODY, Message
from frontdesk.store.collections import MESSAGES
from frontdesk.testing.plugins import ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


@pytest.fixture
def plugins(diary):
    return {"model": ScriptedModel, "diary": diary}


def results(model, call=-1):
    """What the model was told of the tools when it was asked for the last time."""
    return [r for message in model.requests[call].messages for r in message.tool_results]


async def happened(server, death):
    async def it_did():
        return death.happened

    await server.until("it died", it_did)


async def test_a_deed_is_journalled_before_it_runs_and_after(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("book", day="Monday"), "See you on Monday."]
        seen = []

        async def look(day):
            (turn,) = await lan.turns()
            seen.append((turn.pinned, [deed.state for deed in turn.deeds], len(turn.exchange)))

        world.before = look
        await lan.says("Monday, please.")
        assert await lan.hears() == "See you on Monday."
        assert seen == [(True, ["intended"], 1)]
        (turn,) = await lan.turns()
        (deed,) = turn.deeds
        assert (deed.state, deed.result, deed.sentence) == ("done", "booked Monday", "Your visit on Monday is booked.")
        assert deed.key == f"{turn.id}/1" and world.attempts == [deed.key]
        assert [r.content for r in results(model)] == ["booked Monday"]


@pytest.mark.parametrize("point", ["deed.intended", "deed.ran", "deed.journalled"])
async def test_a_crash_around_a_deed_repeats_nothing_and_loses_nothing(desk, plugins, world, asks_for, dies_at, point):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        clock, lan, model = server.clock, server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("opening", day="Monday"), asks_for("book", day="Monday")]
        death = dies_at(point)
        await lan.says("Monday, please.")
        await happened(server, death)
    clock.advance(20)
    async with desk(plugins=plugins, tenants=AT_ONCE, clock=clock) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = ["See you on Monday."]
        assert await lan.hears() == "See you on Monday."
        (turn,) = await lan.turns()
        assert turn.attempts == 2 and [deed.key for deed in turn.deeds] == [f"{turn.id}/1"]
        assert world.booked == {f"{turn.id}/1": "Monday"}
        assert set(world.attempts) == {f"{turn.id}/1"}, "a deed that is done again has its own key again"
        assert len(world.attempts) == 1
        assert world.looked_up == ([] if point == "deed.journalled" else [f"{turn.id}/1"])
        # The exchange went on where it was: the look-up's answer and the deed's, in order.
        assert [r.content for r in results(model)] == ["Monday from nine to five", "booked Monday"]


async def test_after_a_crash_between_two_deeds_of_one_step_only_the_second_is_done(desk, plugins, world, dies_at):
    both = ModelReply(
        tool_calls=(
            ToolCall(id="a", name="book", arguments={"day": "Monday"}),
            ToolCall(id="b", name="book", arguments={"day": "Friday"}),
        )
    )
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        clock, model = server.clock, await server.plugin("model")
        model.script = [both]
        death = dies_at("deed.journalled")
        await server.contact("Lan").says("Monday and Friday.")
        await happened(server, death)
    clock.advance(20)
    async with desk(plugins=plugins, tenants=AT_ONCE, clock=clock) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = ["Both are booked."]
        assert await lan.hears() == "Both are booked."
        assert sorted(world.booked.values()) == ["Friday", "Monday"]
        assert [key.rpartition("/")[2] for key in world.attempts] == ["1", "2"]


async def test_messages_that_came_before_the_crash_of_a_pinned_turn_get_the_next_turn(
    desk, plugins, world, asks_for, dies_at
):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        clock, lan, model = server.clock, server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("book", day="Monday")]
        death = dies_at("deed.journalled")

        async def meanwhile(day):
            await lan.says("And one more thing.")

        world.before = meanwhile
        await lan.says("Monday, please.")
        await happened(server, death)
    clock.advance(20)
    world.before = None
    async with desk(plugins=plugins, tenants=AT_ONCE, clock=clock) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = ["See you on Monday."]
        assert await lan.hears() == "See you on Monday."
        assert await lan.hears() == "You said: And one more thing."


async def test_a_message_that_is_stored_without_its_conversation_gets_the_turn_after_a_pinned_one(
    desk, plugins, world, asks_for, dies_at
):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        clock, lan, model = server.clock, server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("book", day="Monday")]
        death = dies_at("deed.journalled")
        await lan.says("Monday, please.")
        await happened(server, death)
        # The conversation changed at that moment, and the process died before it tried to write it again.
        await server.repository().insert(
            MESSAGES,
            Message(
                id=inbound_id("phone", "more"),
                conversation=lan.id,
                direction="inbound",
                text="And one more thing.",
                author="contact",
                state="received",
                at=clock.now(),
                provider_id="more",
            ),
        )
        await lan.says("And one more thing.", id="more")
    clock.advance(20)
    async with desk(plugins=plugins, tenants=AT_ONCE, clock=clock) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = ["See you on Monday."]
        assert await lan.hears() == "See you on Monday."
        assert await lan.hears() == "You said: And one more thing."


async def test_just_before_its_first_deed_a_turn_starts_over_if_the_contact_wrote_more(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        async def meanwhile(day):
            world.before = None
            await lan.says("No, wait.")

        # A look-up and the deed in one step: the message comes between them.
        world.before = meanwhile
        calls = (*asks_for("opening", day="Monday").tool_calls, *asks_for("book", day="Monday").tool_calls)
        model.script = [ModelReply(tool_calls=calls)]
        await lan.says("Monday, please.")
        assert await lan.hears() == "You said: Monday, please. / No, wait."
        assert world.attempts == []


async def test_once_a_deed_has_run_newer_messages_wait_for_the_next_turn(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        async def meanwhile(day):
            await lan.says("No, wait.")

        world.after = meanwhile
        model.script = [asks_for("book", day="Monday"), "See you on Monday."]
        await lan.says("Monday, please.")
        assert await lan.hears() == "See you on Monday."
        assert await lan.hears() == "You said: No, wait."
        first, second = await lan.turns()
        assert (len(first.read), len(second.read), first.superseded) == (1, 1, 0)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Refused("Monday is taken"), "Monday is taken"),
        (RetryLater("the calendar is busy"), "it is not possible right now (the calendar is busy)"),
        (NeedsAttention("the key has expired"), "a colleague has been told"),
    ],
)
async def test_what_a_deed_says_of_its_failure_is_told_to_the_model(desk, plugins, world, asks_for, error, told):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        def fail(day):
            raise error

        world.before = fail
        model.script = [asks_for("book", day="Monday"), "I could not."]
        await lan.says("Monday, please.")
        assert await lan.hears() == "I could not."
        (result,) = results(model)
        assert result.error and told in result.content
        assert result.refused == isinstance(error, Refused)
        assert "expired" not in result.content, "what the operator must do is not for the contact"
        assert (await lan.turns())[0].deeds[0].state == "failed"
        assert world.looked_up == []


@pytest.mark.parametrize("error", [ValueError("oops"), MaybeSent("timed out")])
async def test_a_deed_that_broke_is_looked_up_and_told_as_done_if_it_was(desk, plugins, world, asks_for, error):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        def fail(day):
            raise error

        world.after = fail
        model.script = [asks_for("book", day="Monday"), "See you on Monday."]
        await lan.says("Monday, please.")
        assert await lan.hears() == "See you on Monday."
        assert [(r.content, r.error) for r in results(model)] == [("booked Monday", False)]
        assert len(world.attempts) == 1


async def test_a_deed_that_broke_and_was_not_done_is_tried_again_under_the_same_key(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        def fail_once(day):
            world.before = None
            raise ValueError("oops")

        world.before = fail_once
        same_id = asks_for("book", day="Monday")
        model.script = [same_id, same_id, "See you on Monday."]
        await lan.says("Monday, please.")
        assert await lan.hears() == "See you on Monday."
        first, second = results(model)
        assert first.error and "has not been done so far" in first.content
        assert second.content == "booked Monday"
        # A vendor that was only slow sees the key again: it books once.
        assert [key.rpartition("/")[2] for key in world.attempts] == ["1", "1"]


async def test_a_deed_nobody_can_find_out_about_is_told_so_and_not_done_a_second_time(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        def fail(day):
            raise ValueError("oops")

        world.after = world.on_look_up = fail
        model.script = [asks_for("book", day="Monday"), asks_for("book", day="Monday"), "A colleague will look."]
        await lan.says("Monday, please.")
        assert await lan.hears() == "A colleague will look."
        assert all(r.error and "it is not known whether this was done" in r.content for r in results(model))
        assert not any(r.refused for r in results(model)), "these are no words of the tool that a contact may read"
        assert len(world.attempts) == 1
        assert [deed.state for deed in (await lan.turns())[0].deeds] == ["intended"]


async def test_a_deed_that_hangs_ends_at_its_deadline(desk, plugins, world, asks_for):
    import asyncio

    times = {"times": {"hook_deadline": 0.2, "sdk_timeout": 0.1, "turn_deadline": 60}}
    async with desk(plugins=plugins, tenants=AT_ONCE, server=times) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        world.before = lambda day: asyncio.Event().wait()
        model.script = [asks_for("book", day="Monday"), "I could not."]
        await lan.says("Monday, please.")
        assert await lan.hears() == "I could not."
        assert "has not been done so far" in results(model)[0].content


async def test_two_deeds_with_the_same_id_of_the_model_are_two_deeds(desk, plugins, world):
    """Some models number their calls anew in every step."""

    def first(day):
        return ModelReply(tool_calls=(ToolCall(id="1", name="book", arguments={"day": day}),))

    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [first("Monday"), first("Friday"), "Both."]
        await lan.says("Monday and Friday.")
        assert await lan.hears() == "Both."
        assert sorted(world.booked.values()) == ["Friday", "Monday"]


async def test_a_deed_that_is_asked_for_again_with_the_same_arguments_is_done_once(desk, plugins, world, asks_for):
    """A model that has to put its words right is told to use the tool first, and has used it."""
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        twice = ModelReply(tool_calls=tuple(ToolCall(id=i, name="book", arguments={"day": "Monday"}) for i in "ab"))
        model.script = [twice, asks_for("book", day="Monday"), "See you on Monday."]
        await lan.says("Monday, please.")
        assert await lan.hears() == "See you on Monday."
        assert [*world.booked.values()] == ["Monday"]
        first, second, third = results(model)
        assert first.content == "booked Monday" and not (second.error or third.error)
        assert "not done a second time" in second.content and second.content == third.content
        assert len((await lan.turns())[0].deeds) == 1


async def test_if_the_model_dies_after_a_deed_the_closing_words_are_the_deeds(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("book", day="Monday"), asks_for("book", day="Friday"), ValueError("dead")]
        await lan.says("Monday and Friday.")
        assert await lan.hears() == "Your visit on Monday is booked. Your visit on Friday is booked."
        (turn,) = await lan.turns()
        assert turn.state == "committed" and (await lan.conversation()).owner == "bot"


@pytest.mark.parametrize("answer", [None, Done(told="it rang", sentence=" ")], ids=["nothing", "no sentence"])
async def test_after_a_deed_without_words_the_contact_hears_some_all_the_same(desk, asks_for, answer):
    class Bell(Plugin):
        """Rings."""

        @tool(deed=True, repeatable=True)
        async def ring(self) -> Done | None:
            """Ring the bell."""
            return answer

    async with desk(plugins={"model": ScriptedModel, "bell": Bell}, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("ring"), ValueError("dead")]
        await lan.says("Ring, please.")
        assert "come back to you" in await lan.hears()
        conversation = await lan.conversation()
        assert conversation.owner == NOBODY and "ring was done" in conversation.handoff_reason


async def test_if_the_model_dies_after_a_deed_a_person_reads_what_else_was_written(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants={"clinic": {"settle": {"quiet_seconds": 1}}}) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("book", day="Monday"), ValueError("dead")]
        await lan.says("Monday.")
        await lan.says("And do you take cards?")
        assert await lan.hears() == "Your visit on Monday is booked."
        conversation = await lan.conversation()
        assert conversation.owner == NOBODY and "not all that was written" in conversation.handoff_reason


async def test_if_the_model_dies_after_a_deed_of_unknown_end_a_person_is_called(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        def fail(day):
            if day == "Friday":
                raise ValueError("oops")

        world.after = world.on_look_up = fail
        model.script = [asks_for("book", day="Monday"), asks_for("book", day="Friday"), ValueError("dead")]
        await lan.says("Monday and Friday.")
        assert await lan.hears() == "Your visit on Monday is booked."
        conversation = await lan.conversation()
        assert conversation.owner == NOBODY and "not known whether this was done: book" in conversation.handoff_reason


async def test_the_operator_of_a_parked_turn_is_told_of_a_deed_of_unknown_end(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        def fail(day):
            raise ValueError("oops")

        world.after = world.on_look_up = fail
        model.script = [asks_for("book", day="Friday"), ValueError("dead")]
        await lan.says("Friday.")
        assert "come back to you" in await lan.hears()
        assert "not known whether this was done: book" in (await lan.conversation()).handoff_reason


async def test_a_person_looks_after_a_deed_of_unknown_end_whatever_the_model_says(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        def fail(day):
            raise ValueError("oops")

        world.after = world.on_look_up = fail
        model.script = [asks_for("book", day="Friday"), "I could not book it."]
        await lan.says("Friday.")
        assert await lan.hears() == "I could not book it."
        conversation = await lan.conversation()
        assert conversation.owner == NOBODY and "not known whether this was done: book" in conversation.handoff_reason


async def test_take_over_after_a_crash_in_a_deed_becomes_a_note_and_the_next_turn_knows_of_it(
    desk, plugins, world, asks_for, dies_at
):
    from frontdesk.store.collections import NOTES

    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        clock, lan, model = server.clock, server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("book", day="Monday"), asks_for("book", day="Friday")]
        death = dies_at("deed.ran", 2)
        await lan.says("Monday and Friday.")
        await happened(server, death)
        await server.server.ownership.take("clinic", lan.id, "Hoa")
    clock.advance(20)
    async with desk(plugins=plugins, tenants=AT_ONCE, clock=clock) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await server.quiet()
        (note,) = await server.repository().find(NOTES, {"conversation": lan.id}, order_by="at")
        assert "Your visit on Monday is booked." in note.text
        assert "not known whether this was done" in note.text and "Friday" in note.text
        assert await lan.received() == [] and [t.state for t in await lan.turns()] == ["withdrawn"]

        model.script = ["Monday is booked; I will ask about Friday."]
        await server.server.ownership.release("clinic", lan.id)
        assert await lan.hears() == "Monday is booked; I will ask about Friday."
        assert [(r.content, r.error) for r in results(model)] == [
            ("booked Monday", False),
            ("it is not known whether this was done", True),
        ]
        assert len(world.attempts) == 2, "nothing was done again"
