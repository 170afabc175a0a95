"""Why the bot said that: what a turn went through, joined from everything the store has of it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from frontdesk import Plugin, Refused, Section, hookimpl, tool
from frontdesk.mind import ModelReply, ToolCall, Usage
from frontdesk.model import Note
from frontdesk.services.timeline import KINDS, timeline
from frontdesk.store.collections import NOTES
from frontdesk.testing.plugins import ScriptedModel

PAGE = Path(__file__).parents[2] / "docs/explanation/the-way-of-a-message.md"


class Diary(Plugin):
    """Books visits; its prompt takes its time."""

    seconds = 0.5

    @hookimpl
    async def prompt_section(self):
        self.clock.advance(self.seconds)
        return Section(name="prices", text="₫" * 120)

    @tool(deed=True, repeatable=True)
    async def book(self, day: str) -> str:
        """Book a visit."""
        self.clock.advance(0.25)
        if day == "Sunday":
            raise Refused("closed on Sunday")
        return f"booked {day}"


PLUGINS = {"model": ScriptedModel, "diary": Diary}


def books(id: str, day: str) -> ModelReply:
    return ModelReply(tool_calls=(ToolCall(id=id, name="book", arguments={"day": day}),), model="m")


async def test_a_turn_is_told_from_the_first_message_to_the_delivery(desk):
    async with desk(plugins=PLUGINS) as server:
        model, lan = await server.plugin("model"), server.contact("Lan")
        usage = Usage(input_tokens=200, output_tokens=15, cost=0.002)

        def closes(_):
            server.clock.advance(2)
            return ModelReply(text="Đã đặt thứ Hai.", model="m", usage=usage)

        model.script = [books("a", "Sunday"), books("b", "Monday"), closes]
        await lan.says("Đặt giúp mình,")
        server.clock.advance(1)
        await lan.says("Chủ Nhật hay thứ Hai đều được ạ.")
        await lan.hears()
        await server.quiet()
        told = await timeline(server.repository(), lan.id)
    assert told is not None and told.turn.no == 1
    kinds = [step.kind for step in told.steps]
    assert kinds == [
        *("message", "message", "taken_up", "hook", "prompt"),
        *("thought", "tool", "hook", "thought", "tool", "hook", "thought", "proposed", "ended", "delivery"),
    ]
    steps = {kind: [step.data for step in told.steps if step.kind == kind] for kind in kinds}
    assert [data["text"] for data in steps["message"]] == ["Đặt giúp mình,", "Chủ Nhật hay thứ Hai đều được ạ."]
    (taken,) = steps["taken_up"]
    assert (taken["count"], taken["waited_for"]) == (2, "quiet")
    assert taken["seconds"] == pytest.approx(3.51, abs=0.1)
    (prompt,) = steps["prompt"]
    assert prompt["sections"] == [{"name": "prices", "plugin": "diary", "characters": 120}]
    assert (prompt["history"], prompt["tools"]) == (0, ["book", "call_a_person", "offer_choices", "remember"])
    assert {data["hook"]: data["seconds"] for data in steps["hook"]} == {"prompt_section": 0.5}
    refused, done = steps["tool"]
    assert (refused["outcome"], refused["seconds"], refused["state"]) == ("refused", 0.25, "failed")
    assert (done["outcome"], done["arguments"], done["result"]) == ("done", {"day": "Monday"}, "booked Monday")
    last = steps["thought"][-1]
    assert (last["seconds"], last["input_tokens"], last["cost"], last["currency"]) == (2, 200, 0.002, "USD")
    assert steps["ended"] == [{"state": "committed", "reason": ""}]
    (delivery,) = steps["delivery"]
    assert (delivery["text"], delivery["state"]) == ("Đã đặt thứ Hai.", "accepted")
    assert not set(kinds) - set(KINDS)


async def test_a_draft_that_a_newer_message_superseded_is_told_beside_the_answer(desk):
    async with desk() as server:
        model, lan = await server.plugin("model"), server.contact("Lan")

        async def meanwhile(_):
            await lan.says("Và thứ Ba?")
            return ModelReply(text="Thứ Hai thì được.", model="m")

        model.script = [meanwhile, "Both."]
        await lan.says("Thứ Hai được không ạ?")
        assert await lan.hears() == "Both."
        told = await timeline(server.repository(), lan.id)
    (dropped,) = [step.data for step in told.steps if step.kind == "superseded_by_a_newer_message"]
    assert dropped == {"characters": len("Thứ Hai thì được."), "model": "m"}
    assert [step.data["count"] for step in told.steps if step.kind == "taken_up"] == [1, 2]
    said = {step.data["text"]: step.data["state"] for step in told.steps if step.kind == "delivery"}
    assert said == {"Thứ Hai thì được.": "withdrawn", "Both.": "accepted"}


async def test_a_turn_that_no_model_answers_says_why_and_what_the_contact_was_told(desk):
    async with desk() as server:
        model, lan = await server.plugin("model"), server.contact("Lan")
        model.script = [Refused("the account is closed")]
        await lan.says("Hello there.")
        words = await lan.hears()
        await server.quiet()
        told = await timeline(server.repository(), lan.id)
        data = {step.kind: step.data for step in told.steps}
        assert "account is closed" in data["no_answer"]["reason"]
        assert data["ended"]["state"] == "parked" and "account is closed" in data["ended"]["reason"]
        assert data["delivery"]["text"] == words
        await server.server.parked.replay("clinic", told.turn.id)
        model.script = ["Here I am."]
        assert await lan.hears() == "Here I am."
        told = await timeline(server.repository(), lan.id)
    assert [step.data["state"] for step in told.steps if step.kind == "ended"] == ["committed"]
    assert [step.data["text"] for step in told.steps if step.kind == "delivery"] == [words, "Here I am."]


async def test_a_deed_whose_line_was_lost_in_a_crash_is_told_from_its_journal(desk, dies_at):
    death = dies_at("deed.ran")
    async with desk(plugins=PLUGINS) as server:
        model, lan = await server.plugin("model"), server.contact("Lan")
        model.script = [books("a", "Monday")]
        await lan.says("Thứ Hai nhé.")

        async def died():
            return death.happened

        await server.until("it died", died)
        told = await timeline(server.repository(), lan.id)
        (deed,) = [step.data for step in told.steps if step.kind == "deed"]
    assert (deed["tool"], deed["state"]) == ("book", "intended")


async def test_notes_of_the_time_and_turns_by_number(desk):
    async with desk() as server:
        lan = server.contact("Lan")
        for text in ("One.", "Two."):
            await lan.says(text)
            await lan.hears()
        await server.quiet()
        first, second = await lan.turns()
        note = Note(id="n", conversation=lan.id, text="VIP", author="operator:hoa", at=second.opened_at)
        await server.repository().insert(NOTES, note)
        later = Note(id="l", conversation=lan.id, text="-", author="x", at=second.closed_at + timedelta(minutes=1))
        await server.repository().insert(NOTES, later)
        old, new = await timeline(server.repository(), lan.id, 1), await timeline(server.repository(), lan.id)
        assert (old.turn.id, new.turn.id) == (first.id, second.id)
        assert [step.data["text"] for step in new.steps if step.kind == "note"] == ["VIP"]
        assert not [step for step in old.steps if step.kind == "note"]
        assert [step.data["text"] for step in old.steps if step.kind == "delivery"] == ["You said: One."]
        assert await timeline(server.repository(), lan.id, 9) is None
        assert await timeline(server.repository(), "nobody") is None


def test_every_kind_is_described():
    section = PAGE.read_text("utf-8").split("## Why it said that")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == list(KINDS)
