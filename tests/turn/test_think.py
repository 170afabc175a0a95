"""The model and its tools, step by step."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from frontdesk import NeedsAttention, Plugin, ToolCall, hookimpl, tool
from frontdesk.mind import ModelMessage, ModelReply
from frontdesk.model import NOBODY
from frontdesk.store import StoreUnavailable
from frontdesk.testing.plugins import ScriptedModel
from frontdesk.turn import think, tools
from frontdesk.turn.think import MAX_CALLS

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


@pytest.fixture
def plugins(diary):
    return {"model": ScriptedModel, "diary": diary}


class Second(ScriptedModel):
    """The next model of the tenant's list."""


class Pager(Plugin):
    """Keeps what operators are told."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.alerts = []
        self.handoffs = []

    @hookimpl
    async def alert_operator(self, title, text, conversation):
        self.alerts.append((title, text))

    @hookimpl
    async def on_handoff(self, conversation, contact, reason):
        self.handoffs.append(reason)


def last_result(model):
    return model.requests[-1].messages[-1].tool_results[0]


async def test_the_next_model_of_the_list_answers_when_the_first_cannot(desk):
    async with desk(plugins={"model": ScriptedModel, "second": Second}, tenants=AT_ONCE) as server:
        lan, model, second = server.contact("Lan"), await server.plugin("model"), await server.plugin("second")
        model.script, second.script = [ValueError("down")], ["the second answers"]
        await lan.says("Hello.")
        assert await lan.hears() == "the second answers"
        await server.quiet()
        assert len((await lan.turns())[0].read) == 1


LONG_LEASE = {"times": {"conversation_lease": 120}}


async def test_each_model_is_told_what_time_is_left_for_it(desk):
    plugins = {"model": ScriptedModel, "second": Second}
    async with desk(plugins=plugins, tenants=AT_ONCE, server=LONG_LEASE) as server:
        lan, model, second = server.contact("Lan"), await server.plugin("model"), await server.plugin("second")

        def slow(request):
            server.clock.advance(36)
            return ValueError("down")

        model.script, second.script = [slow], ["words"]
        await lan.says("Hello.")
        assert await lan.hears() == "words"
        assert model.requests[0].seconds == 30
        assert second.requests[0].seconds <= 24, "of 60 seconds 36 are gone"


async def test_what_sections_take_is_no_time_of_the_models(desk):
    class Slow(Plugin):
        """Takes its time."""

        @hookimpl
        async def prompt_section(self, conversation, contact):
            server.clock.advance(36)

    plugins = {"model": ScriptedModel, "slow": Slow}
    async with desk(plugins=plugins, tenants=AT_ONCE, server=LONG_LEASE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await lan.says("Hello.")
        await lan.hears()
        assert model.requests[0].seconds <= 24


async def test_an_empty_answer_is_no_answer(desk):
    async with desk(plugins={"model": ScriptedModel, "second": Second}, tenants=AT_ONCE) as server:
        lan, model, second = server.contact("Lan"), await server.plugin("model"), await server.plugin("second")
        model.script, second.script = ["  \n"], ["words"]
        await lan.says("Hello.")
        assert await lan.hears() == "words"


async def test_a_model_that_needs_attention_alerts_the_operators(desk):
    async with desk(plugins={"model": ScriptedModel, "pager": Pager}, tenants=AT_ONCE) as server:
        lan, model, pager = server.contact("Lan"), await server.plugin("model"), await server.plugin("pager")
        model.script = [NeedsAttention("the key has expired: make a new one")]
        await lan.says("Hello.")
        assert "come back to you" in await lan.hears()
        await server.quiet()
        assert ("model needs attention", "the key has expired: make a new one") in pager.alerts

        async def handed_off():
            return pager.handoffs

        assert "the key has expired" in (await server.until("hand-off", handed_off))[0]


async def test_a_look_up_is_answered_and_the_model_goes_on(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("opening", day="Monday"), "From nine."]
        await lan.says("When are you open on Monday?")
        assert await lan.hears() == "From nine."
        assert last_result(model).content == "Monday from nine to five"
        assert (await lan.turns())[0].pinned is False


async def test_look_ups_end_with_the_turn_that_asked_for_them(monkeypatch):
    ended = []

    async def run(work, call):
        if call.name == "broken":
            raise StoreUnavailable("the alert could not be written")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(call.name)

    monkeypatch.setattr(tools, "run", run)
    calls = tuple(ToolCall(id=name, name=name, arguments={}) for name in ("slow", "broken", "slower"))
    asked = ModelMessage(role="assistant", tool_calls=calls)
    work: Any = SimpleNamespace(exchange=[asked], runtime=SimpleNamespace(tools={}))
    with pytest.raises(StoreUnavailable):
        await think._answer_calls(work)
    assert sorted(ended) == ["slow", "slower"]


async def test_an_unknown_tool_is_told_with_those_there_are(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("fly", to="Hanoi"), "I cannot."]
        await lan.says("Fly me to Hanoi.")
        assert await lan.hears() == "I cannot."
        result = last_result(model)
        there_are = "book, opening, call_a_person, offer_choices, remember"
        assert result.error and result.content == f"there is no tool fly; there are: {there_are}"


async def test_wrong_arguments_are_told_by_name(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("book", date="Monday"), "I cannot."]
        await lan.says("Monday.")
        assert await lan.hears() == "I cannot."
        assert last_result(model).error and "day: Field required" in last_result(model).content
        assert not last_result(model).refused, "the tool has not been asked"
        assert world.attempts == [] and (await lan.turns())[0].deeds == ()


async def test_of_a_result_without_an_end_the_model_is_told_the_beginning(desk, plugins, world, asks_for):
    """A page that a look-up fetched would fill the model's context, the turn's document and the truth check."""
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [
            asks_for("opening", day="x" * 500_000),
            "I cannot say.",
            asks_for("book", day="y" * 500_000),
            "No.",
        ]
        await lan.says("When are you open?")
        assert await lan.hears() == "I cannot say."
        told = last_result(model).content
        assert len(told) < 21_000 and told.startswith("xxx") and "left out" in told
        await lan.says("Book it.")
        assert await lan.hears() == "No."
        (deed,) = (await lan.turns())[-1].deeds
        assert len(deed.result) < 21_000 and len(deed.sentence) < 21_000


async def test_a_look_up_that_breaks_is_told_as_failed(desk, plugins, world, asks_for):
    def fail(day):
        raise ValueError("secret detail")

    world.before = fail
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("opening", day="Monday"), "I cannot say."]
        await lan.says("When are you open?")
        assert await lan.hears() == "I cannot say."
        assert last_result(model).error and "secret" not in last_result(model).content


async def test_a_model_that_goes_round_in_circles_is_stopped(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("opening", day="Monday") for _ in range(20)]
        await lan.says("When are you open?")
        assert "come back to you" in await lan.hears()
        assert len(model.requests) == 8
        assert "asked for tools 8 times" in (await lan.conversation()).handoff_reason


async def test_calling_a_person_hands_off_with_the_commit(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("call_a_person", reason="wants a refund"), "A colleague will answer you."]
        await lan.says("I want my money back.")
        assert await lan.hears() == "A colleague will answer you."
        conversation = await lan.conversation()
        assert (conversation.owner, conversation.handoff_reason) == (NOBODY, "wants a refund")
        await lan.says("Hello?")
        await server.quiet()
        assert len(await lan.received()) == 1, "nobody answers until a person does"
        assert (await lan.message("Lan-2")).state == "received"


async def test_words_beside_the_call_of_a_person_are_said_without_asking_again(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("call_a_person", "One moment, please.", reason="angry")]
        await lan.says("This is a scandal!")
        assert await lan.hears() == "One moment, please."
        assert len(model.requests) == 1 and (await lan.conversation()).owner == NOBODY


async def test_a_model_that_dies_after_calling_a_person_leaves_the_tenants_own_words(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("call_a_person", reason="wants a refund"), ValueError("dead")]
        await lan.says("I want my money back.")
        assert "passing you on to a colleague" in await lan.hears()
        assert (await lan.conversation()).handoff_reason == "wants a refund"
        assert (await lan.turns())[0].state == "committed"


async def test_a_call_for_a_person_survives_a_crash_after_a_deed(desk, plugins, asks_for, dies_at):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        clock, lan, model = server.clock, server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("call_a_person", reason="wants a refund"), asks_for("book", day="Monday")]
        death = dies_at("deed.journalled")
        await lan.says("Monday, and a person.")

        async def happened():
            return death.happened

        await server.until("it died", happened)
    clock.advance(20)
    async with desk(plugins=plugins, tenants=AT_ONCE, clock=clock) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [ModelReply(text="Booked; a colleague will write.")]
        assert await lan.hears() == "Booked; a colleague will write."
        conversation = await lan.conversation()
        assert (conversation.owner, conversation.handoff_reason) == (NOBODY, "wants a refund")


async def test_the_turns_deadline_ends_a_model_that_hangs(desk):
    import asyncio

    times = {
        "times": {
            "turn_deadline": 0.6, "think_deadline": 0.3, "transcribe_deadline": 0.2, "supersede_until": 0.5,
            "hook_deadline": 0.2, "sdk_timeout": 0.1,
        }
    }  # fmt: skip
    async with desk(plugins={"model": ScriptedModel}, tenants=AT_ONCE, server=times) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [lambda request: asyncio.Event().wait()]
        await lan.says("Hello.")
        assert "come back to you" in await lan.hears()
        assert "deadline" in (await lan.conversation()).handoff_reason


class Parallel(Plugin):
    """Look-ups that wait for each other, deeds that must not."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.both = asyncio.Barrier(2)
        self.log: list[str] = []

    @tool
    async def look(self, day: str) -> str:
        """Looks."""
        async with asyncio.timeout(5):
            await self.both.wait()
        return f"free on {day}"

    @tool(deed=True, repeatable=True)
    async def do(self, what: str) -> str:
        """Does."""
        self.log.append(f"begin {what}")
        await asyncio.sleep(0.01)
        self.log.append(f"end {what}")
        return f"did {what}"


async def test_of_more_calls_at_once_than_anybody_needs_the_first_are_made(desk, plugins, world):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        calls = tuple(ToolCall(id=str(n), name="book", arguments={"day": f"day {n}"}) for n in range(40))
        model.script = [ModelReply(tool_calls=calls), "Dạ."]
        await lan.says("Đặt giúp em.")
        assert await lan.hears() == "Dạ."
        results = model.requests[-1].messages[-1].tool_results
        assert [result.id for result in results] == [call.id for call in calls], "each has its answer"
        assert len(world.booked) == MAX_CALLS == len([result for result in results if not result.error])
        assert "at once" in results[-1].content


async def test_look_ups_run_side_by_side_and_deeds_one_after_another(desk):
    async with desk(plugins={"model": ScriptedModel, "parallel": Parallel}) as server:
        model, parallel = await server.plugin("model"), await server.plugin("parallel")
        asked = [("look", {"day": "Mon"}), ("look", {"day": "Tue"}), ("do", {"what": "a"}), ("do", {"what": "b"})]
        calls = tuple(ToolCall(id=str(n), name=name, arguments=given) for n, (name, given) in enumerate(asked))
        model.script = [ModelReply(tool_calls=calls), "Dạ."]
        lan = server.contact("Lan")
        await lan.says("Đặt giúp em.")
        assert await lan.hears() == "Dạ."
        results = model.requests[-1].messages[-1].tool_results
        assert [result.content for result in results] == ["free on Mon", "free on Tue", "did a", "did b"]
        assert parallel.log == ["begin a", "end a", "begin b", "end b"]
