"""A tap on a choice that a plugin offered is the plugin's to answer, in an ordinary turn."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from frontdesk import Plugin, Refused, RetryLater, hookimpl
from frontdesk.choices import plugin_of
from frontdesk.model import NOBODY
from frontdesk.testing.plugins import ScriptedModel
from frontdesk.turn import commit, engine

AT_ONCE: dict[str, Any] = {"clinic": {"settle": {"quiet_seconds": 0}}}
PAYLOAD = {"payload": "visits:confirm:7"}
WORDS = "Cảm ơn chị, hẹn gặp chị lúc 9 giờ."


class Visits(Plugin):
    """Answers taps."""

    asked: ClassVar[list[str]] = []
    answer: ClassVar[Any] = WORDS

    @hookimpl
    async def answer_choice(self, conversation: Any, contact: Any, message: Any) -> str | None:
        self.asked.append(message.data["payload"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(Visits, "asked", [])
    monkeypatch.setattr(Visits, "answer", WORDS)


PLUGINS = {"model": ScriptedModel, "visits": Visits}


def test_whose_a_choice_is():
    assert plugin_of("visits:confirm:7") == "visits"
    assert plugin_of("slot-7f3a") == plugin_of("visits:") == plugin_of("") == plugin_of(":x") == ""


async def test_a_tap_is_answered_by_its_plugin_and_no_model_is_asked(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        model, lan = await server.plugin("model"), server.contact("Lan")
        await lan.says("Tôi sẽ đến", kind="button", data=PAYLOAD)
        assert await lan.hears() == WORDS
        await server.quiet()
        assert Visits.asked == ["visits:confirm:7"] and model.requests == []
        (turn,) = await lan.turns()
        assert turn.state == "committed" and turn.model == "none: what was tapped is answered by its plugin"
        assert (await lan.messages())[0].state == "answered"


@pytest.mark.parametrize("payload", ["other:confirm:7", "slot-7f3a", "model:x:1"])
async def test_a_choice_of_nobody_or_of_a_plugin_that_answers_none_is_the_models(desk, payload):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("Đồng ý", kind="button", data={"payload": payload})
        assert await lan.hears() == "You said: Đồng ý"
        assert Visits.asked == []


async def test_what_else_was_written_is_answered_by_the_model_which_knows_of_the_words(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": {"settle": {"quiet_seconds": 3}}}) as server:
        model, lan = await server.plugin("model"), server.contact("Lan")
        await lan.says("Tôi sẽ đến", kind="button", data=PAYLOAD)
        await lan.says("Cho em hỏi chỗ đậu xe?")
        model.script = ["Dạ có ạ."]
        assert await lan.hears() == WORDS
        assert await lan.hears() == "Dạ có ạ."
        tapped = next(each for each in model.requests[0].messages if each.text == "Tôi sẽ đến")
        assert any(WORDS in note for note in tapped.notes), tapped.notes


@pytest.mark.parametrize("answer", [None, Refused("it is not theirs")])
async def test_a_plugin_leaves_it_to_the_model(desk, monkeypatch, answer):
    monkeypatch.setattr(Visits, "answer", answer)
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("Đổi giờ", kind="button", data=PAYLOAD)
        assert await lan.hears() == "You said: Đổi giờ"


@pytest.mark.parametrize("answer", [RetryLater("the store is away", after=1), RuntimeError("a defect")])
async def test_what_could_not_be_done_is_guessed_by_nobody_and_a_person_is_called(desk, monkeypatch, answer):
    monkeypatch.setattr(Visits, "answer", answer)
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        model, lan = await server.plugin("model"), server.contact("Lan")
        await lan.says("Hủy lịch hẹn", kind="button", data=PAYLOAD)
        await lan.hears()
        conversation = await lan.conversation()
        assert conversation.owner == NOBODY and "visits could not do what the contact tapped" in (
            conversation.handoff_reason or ""
        )
        assert model.requests == []


async def test_a_turn_that_is_taken_up_again_does_not_ask_again_and_says_the_same(desk, monkeypatch):
    commits = []

    async def fails_once(work: Any) -> None:
        commits.append(work.turn.id)
        if len(commits) == 1:
            raise RuntimeError("the process was cut off here")
        await commit.commit(work)

    monkeypatch.setattr(engine, "ending", SimpleNamespace(**{**vars(commit), "commit": fails_once}))
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("Tôi sẽ đến", kind="button", data=PAYLOAD)
        assert await lan.hears() == WORDS
        await server.quiet()
        assert len(commits) == 2 and len(await lan.received()) == 1
        assert Visits.asked == ["visits:confirm:7"]


async def test_while_a_person_answers_nothing_is_done_behind_their_back(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("Xin chào")
        await lan.hears()
        await server.server.ownership.take("clinic", lan.id, "hoa")
        await lan.says("Tôi sẽ đến", kind="button", data=PAYLOAD)
        await server.quiet()
        assert Visits.asked == []
