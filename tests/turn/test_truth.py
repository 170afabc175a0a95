"""What a model says that is not so: it is put right, made true, or replaced; what is so passes untouched."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from frontdesk.errors import Refused
from frontdesk.model import NOBODY
from frontdesk.plugins.rehearsal_llm import RehearsalLlm
from frontdesk.services.timeline import timeline
from frontdesk.services.timeline_words import words
from frontdesk.store.collections import MESSAGES
from frontdesk.testing.plugins import ScriptedModel
from frontdesk.truth import problems

AT_ONCE: dict[str, Any] = {"clinic": {"settle": {"quiet_seconds": 0}}}
LIE = "I've booked you in for Monday."
INSISTS = "You are booked for Monday."
UNCONFIRMED = "I cannot confirm this myself."


@pytest.fixture
def plugins(diary):
    return {"model": ScriptedModel, "diary": diary}


async def answered(server: Any, lan: Any, says: str, *script: Any) -> str:
    """What Lan hears after *says* when the model says what *script* has; every word of it is used up."""
    model = await server.plugin("model")
    model.requests.clear()
    model.script = [*script]
    await lan.says(says)
    heard: str = await lan.hears()
    await server.quiet()
    assert model.script == []
    return heard


async def notes(server: Any) -> list[str]:
    """The notes of ours in what the model was asked last."""
    return [message.text for message in (await server.plugin("model")).requests[-1].messages if message.desk]


async def done_about_it(server: Any, lan: Any) -> list[str]:
    """The outcomes of what was untrue in Lan's newest turn, as its timeline has them."""
    seen = await timeline(server.repository(), lan.id)
    assert seen is not None
    return [step.data["outcome"] for step in seen.steps if step.kind == "untrue"]


async def test_a_lie_about_a_booking_is_put_right_by_booking(desk, plugins, world, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        said = await answered(server, lan, "Monday please.", LIE, asks_for("book", day="Monday"), LIE)
        assert said == LIE and list(world.booked.values()) == ["Monday"]
        (note,) = await notes(server)
        assert "i've booked you in for monday" in note and note.startswith(
            "[From the front desk, not from the contact."
        )
        assert await done_about_it(server, lan) == ["asked_again"]
        assert (await lan.conversation()).owner != NOBODY


async def test_a_price_of_the_ad_that_the_contact_came_by_may_be_repeated(desk, plugins):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = ["Yes, whitening is £99."]
        await lan.says("Is that right?", data={"referral": {"Headline": "Whitening for £99"}})
        assert await lan.hears() == "Yes, whitening is £99."
        assert await done_about_it(server, lan) == []


async def test_what_the_contact_once_said_of_themselves_may_be_repeated(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        born = asks_for("remember", what="her son was born on 12 May 2020", quote="my son was born on 12 May 2020")
        await answered(server, lan, "my son was born on 12 May 2020", born, "Thank you.")
        found = await server.repository().find(MESSAGES, {"conversation": lan.id}, order_by="at", limit=100)
        for message in found:
            await server.repository().delete(MESSAGES, message)  # long ago
        told = "He was born on 12 May 2020, so he is in the class for the little ones."
        model = await server.plugin("model")
        model.script = [told]
        await lan.says("Which class?")
        await server.quiet()
        assert [message.text for message in await lan.received()] == [told]
        assert await done_about_it(server, lan) == []


@pytest.mark.parametrize(("words", "on_the_loop"), [("Hello", True), ("giá 2.500.000đ lúc 9h " * 1500, False)])
async def test_a_long_conversation_is_not_read_on_the_loop(desk, plugins, monkeypatch, words, on_the_loop):
    """Fifty of the longest messages take seconds, in which nobody else would be answered."""
    seen = []

    def judged(text, known):
        seen.append(threading.current_thread() is threading.main_thread())
        return problems(text, known)

    monkeypatch.setattr("frontdesk.turn.truth.problems", judged)
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await answered(server, lan, words, LIE, "Which time?")
    assert seen == [on_the_loop] * 3


async def test_a_lie_is_put_right_by_other_words(desk, plugins):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        assert await answered(server, lan, "Monday please.", LIE, "Which time on Monday?") == "Which time on Monday?"
        assert (await lan.conversation()).owner != NOBODY


async def test_a_second_lie_is_replaced_and_a_person_called(desk, plugins):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        assert (await answered(server, lan, "Monday please.", LIE, INSISTS)).startswith(UNCONFIRMED)
        conversation = await server.contact("Lan").conversation()
        assert conversation.owner == NOBODY and "you are booked for monday" in conversation.handoff_reason
        assert await done_about_it(server, lan) == ["asked_again", "replaced"]
        page = server.server.metrics.page().decode()
        assert 'frontdesk_untrue_replies_total{outcome="asked_again"} 1.0' in page
        assert 'frontdesk_untrue_replies_total{outcome="replaced"} 1.0' in page


async def test_what_the_timeline_says_of_it(desk, plugins):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await answered(server, lan, "Monday please.", LIE, INSISTS)
        seen = await timeline(server.repository(), lan.id)
        told = [words(step, "en") for step in seen.steps if step.kind == "untrue"]
        assert told[0] == "The answer said what nothing bears out (a booking): the model was asked once to put it right"
        assert "an honest sentence took its place" in told[1]
        assert "đặt lịch" in words(next(step for step in seen.steps if step.kind == "untrue"), "vi")


async def test_it_is_replaced_in_the_language_the_contact_writes_in(desk, plugins):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        lie = "Dạ em đã đặt lịch cho chị rồi ạ."
        assert (await answered(server, lan, "Đặt giúp chị thứ Hai nhé", lie, lie)).startswith(
            "Dạ, việc này em chưa xác nhận được"
        )


async def test_after_a_deed_its_own_sentence_takes_the_place(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        lie = "You are booked, and I've sent you the directions."
        said = await answered(server, lan, "Monday, and mail me the way.", asks_for("book", day="Monday"), lie, lie)
        assert said == "Your visit on Monday is booked."
        assert (await lan.conversation()).owner == NOBODY


async def test_a_deed_that_failed_bears_nothing_out(desk, plugins, world, asks_for):
    def refuse(day: str) -> None:
        raise Refused("that day is taken")

    world.before = refuse
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        said = await answered(
            server, lan, "Monday please.", asks_for("book", day="Monday"), LIE, "Monday is taken, sorry."
        )
        assert said == "Monday is taken, sorry."


async def test_true_claims_pass_untouched(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        assert await answered(server, lan, "Monday please.", asks_for("book", day="Monday"), LIE) == LIE
        # What was done in an earlier turn is on record; what was not, is not.
        assert (
            await answered(server, lan, "Did I book?", "Yes, your visit is booked for Monday.")
            == "Yes, your visit is booked for Monday."
        )
        assert await done_about_it(server, lan) == []
        assert (
            await answered(server, lan, "And Tuesday, too.", "I've booked Tuesday, too.", "Shall I book Tuesday?")
            == "Shall I book Tuesday?"
        )


async def test_a_visit_is_told_of_as_its_record_has_it_now(desk, plugins, asks_for):
    """Not as a deed of an earlier turn has left it: an operator has cancelled it since."""
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, core = server.contact("Lan"), server.server.appointments
        starts = server.clock.now().replace(hour=10) + timedelta(days=3)
        day = f"{starts:%A}"
        booked = f"Yes, your visit is booked for {day}."
        assert await answered(
            server, lan, f"{day} please.", asks_for("book", day=day), f"I've booked you in for {day}."
        )
        times = {"starts_at": starts, "ends_at": starts + timedelta(hours=1), "zone": "UTC"}
        visit = await core.book("clinic", lan.id, key="slot", by="plugin:diary", plugin="diary", **times)
        assert await answered(server, lan, "Did I book?", booked) == booked
        await core.become("clinic", visit.id, "cancelled", key="c", by="operator:minh")
        assert (await answered(server, lan, "Did I book?", booked, booked)).startswith(UNCONFIRMED)
        assert await done_about_it(server, lan) == ["asked_again", "replaced"]


async def become_one(server: Any, lan: Any, user: Any) -> None:
    """Lan's number and her user id turn out to be the same person; hers, the older, is kept."""
    await user.says("Em là Lan đây.", also=(lan.external_id,))
    await server.until("they are one", lambda: _is_part(lan, user))
    await server.quiet()


async def _is_part(lan: Any, user: Any) -> bool:
    return (await user.conversation()).merged_into == lan.id


async def test_what_was_done_and_said_under_another_name_of_the_contact_is_on_record(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, user = server.contact("Lan"), server.contact("user-id")
        assert await answered(server, lan, "Hello", "Hello!") == "Hello!"
        assert await answered(server, user, "Monday please.", asks_for("book", day="Monday"), LIE) == LIE
        ownership = server.server.ownership
        await ownership.take("clinic", user.id, "mai")
        await ownership.say("clinic", user.id, "mai", "I have cancelled your visit on Friday.")
        await server.quiet()
        await ownership.release("clinic", user.id)
        await become_one(server, lan, user)
        for asked, said in (
            ("Did I book?", "Yes, your visit is booked for Monday."),
            ("Did you cancel Friday?", "Yes, your visit on Friday is cancelled."),
        ):
            model = await server.plugin("model")
            model.script = [said]
            await lan.says(asked)
            await server.quiet()
            assert (await lan.received())[-1].text == said
            told = [message.text for message in model.requests[-1].messages]
            assert told.index("Hello") < told.index("Monday please.") < told.index(asked)
        assert await done_about_it(server, lan) == []


async def test_an_unmerged_contact_costs_no_look_at_the_store_more(desk, plugins, monkeypatch):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        asked: list[str] = []
        repositories = type(server.repository())
        find = repositories.find

        async def counted(self: Any, collection: Any, where: Any, **more: Any) -> Any:
            asked.append(collection.name)
            return await find(self, collection, where, **more)

        monkeypatch.setattr(repositories, "find", counted)
        assert await answered(server, lan, "Monday please.", "Which time on Monday?") == "Which time on Monday?"
        assert asked.count("turns") == 0
        assert (await answered(server, lan, "Monday please.", INSISTS, INSISTS)).startswith(UNCONFIRMED)
        assert asked.count("turns") == 2, "one for each look at the record"


async def test_what_a_person_of_the_tenant_wrote_is_on_record(desk, plugins):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, yes = server.contact("Lan"), "Yes, your visit is booked for 3pm."
        assert await answered(server, lan, "Hello", "Hello!") == "Hello!"
        ownership = server.server.ownership
        await ownership.take("clinic", lan.id, "mai")
        await ownership.say("clinic", lan.id, "mai", "I booked you in for 3pm.")
        assert await lan.hears() == "I booked you in for 3pm."
        await ownership.release("clinic", lan.id)
        assert await answered(server, lan, "Is it booked?", yes) == yes


async def test_a_person_who_was_said_to_be_told_is_called(desk, plugins):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        lie = "I've asked a colleague to answer you."
        assert await answered(server, lan, "A person, please.", lie, lie) == lie
        assert (await lan.conversation()).owner == NOBODY
        assert await done_about_it(server, lan) == ["asked_again", "person_called"]


async def test_words_beside_the_call_of_a_person_are_checked_too(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        calls = asks_for("call_a_person", text="I've cancelled your visit and asked a colleague.", reason="upset")
        assert (
            await answered(server, lan, "Help!", calls, "A colleague will answer you.")
            == "A colleague will answer you."
        )
        assert (await lan.conversation()).owner == NOBODY


async def test_a_figure_stands_somewhere(desk, plugins):
    fact = {"topic": "price", "answer": "A check-up is 350.000đ."}
    async with desk(plugins=plugins, tenants={"clinic": {**AT_ONCE["clinic"], "facts": [fact]}}) as server:
        lan = server.contact("Lan")
        assert await answered(server, lan, "How much?", "350k.") == "350k."
        assert await answered(server, lan, "How much?", "It is 250.000đ.", "It is 350.000đ.") == "It is 350.000đ."
        # What it was asked to put right is no source.
        assert (await answered(server, lan, "How much?", "It is 250.000đ.", "It is 250.000đ.")).startswith(UNCONFIRMED)


async def test_when_no_model_answers_the_second_time_the_turn_is_parked(desk, plugins):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        said = await answered(server, lan, "Monday please.", LIE, ValueError("the money of the day is spent"))
        assert "come back to you" in said
        assert (await lan.turns())[0].state == "parked"


async def test_the_offline_model_does_not_take_the_note_for_the_contacts_words(desk, plugins):
    async with desk(plugins={"model": ScriptedModel, "rehearsal": RehearsalLlm}, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        said = await answered(server, lan, "Cảm ơn em nhé", "Dạ em đã đặt lịch cho chị rồi ạ.", ValueError("down"))
        assert "không có gì" in said
