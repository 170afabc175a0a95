"""Choices that a model offers: they go out with the answer, are checked like it, and come back with their meaning."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk.choices import choices_of, numbered
from frontdesk.config import OptOut
from frontdesk.errors import Refused
from frontdesk.mind import ToolCall
from frontdesk.model import NOBODY
from frontdesk.plugins.twilio_whatsapp.contents import interactive
from frontdesk.testing.plugins import Phone, ScriptedModel
from frontdesk.turn.offer import OFFER_CHOICES, choices_in

AT_ONCE: dict[str, Any] = {"clinic": {"settle": {"quiet_seconds": 0}}}
YES_NO = [{"title": "Đồng ý", "id": "slot-7f3a"}, {"title": "Để em xem lại"}]
ASKS = "Chị có muốn giữ chỗ không ạ?"


class Touch(Phone):
    """A phone with buttons."""

    shows_choices = True


class Second(ScriptedModel):
    """The next model of the tenant's list."""


@pytest.fixture
def plugins(diary):
    return {"phone": Touch, "model": ScriptedModel, "diary": diary}


def call(*choices: Any, **more: Any) -> ToolCall:
    return ToolCall(id="c", name=OFFER_CHOICES.name, arguments={"choices": list(choices), **more})


def refused(*choices: Any, **more: Any) -> str:
    with pytest.raises(Refused) as err:
        choices_in(call(*choices, **more), OptOut())
    return err.value.reason


async def answered(server: Any, lan: Any, says: str, *script: Any) -> Any:
    """The message that Lan's phone gets after *says*, when the model says what *script* has."""
    model, phone = await server.plugin("model"), await server.plugin("phone")
    model.requests.clear()
    model.script = [*script]
    await lan.says(says)
    await lan.hears()
    await server.quiet()
    assert model.script == [], "every word of it is used up"
    return phone.sent[-1]


@pytest.mark.parametrize("beside", [ASKS, ""], ids=["words beside the call", "words after it"])
async def test_choices_go_out_below_the_answer_of_their_turn(desk, plugins, asks_for, beside):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        script = [asks_for("offer_choices", beside, choices=YES_NO), *([] if beside else [ASKS])]
        sent = await answered(server, lan, "Mai còn chỗ không?", *script)
        assert (sent.kind, sent.text) == ("button", ASKS)
        assert [(each.id, each.title) for each in choices_of(sent.data)] == [
            ("slot-7f3a", "Đồng ý"),
            ("Để em xem lại", "Để em xem lại"),
        ]
        await lan.says("Đồng ý", kind="button", data={"payload": "slot-7f3a", "replied_to": f"phone-{sent.id}"})
        await lan.hears()
        *_, before, tapped = model.requests[-1].messages
        assert before.text == f"{ASKS}\n1. Đồng ý\n2. Để em xem lại", "what a contact may answer with a number"
        assert tapped.text == "Đồng ý" and 'chosen by a tap: id "slot-7f3a"' in tapped.notes
        assert any(ASKS in note for note in tapped.notes)


async def test_a_channel_without_buttons_gets_numbered_lines(desk, plugins, asks_for):
    async with desk(plugins={**plugins, "phone": Phone}, tenants=AT_ONCE) as server:
        sent = await answered(server, server.contact("Lan"), "Mai?", asks_for("offer_choices", ASKS, choices=YES_NO))
        assert (sent.kind, sent.text) == ("text", f"{ASKS}\n1. Đồng ý\n2. Để em xem lại")


@pytest.mark.parametrize("channel", [Phone, Touch])
async def test_a_long_answer_leaves_room_for_the_lines_of_its_choices(desk, plugins, asks_for, channel):
    long = " ".join(["Bên em còn vài khung giờ trong ngày mai."] * 100)
    ten = [{"title": f"Giờ thứ {no}".ljust(24, "."), "description": "x" * 72} for no in range(10)]
    async with desk(plugins={**plugins, "phone": channel}, tenants=AT_ONCE) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await answered(server, lan, "Mai?", asks_for("offer_choices", long, choices=ten))
        lengths = [len(numbered(s.text, choices_of(s.data)) if s.kind == "button" else s.text) for s in phone.sent]
        assert len(lengths) > 1 and max(lengths) <= type(phone).max_text
        assert [bool(choices_of(sent.data)) for sent in phone.sent] == [*[False] * (len(phone.sent) - 1), True]


async def test_what_a_phone_cannot_show_is_told_to_the_model_which_puts_it_right(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        wrong = asks_for("offer_choices", ASKS, choices=[{"title": "Thứ Hai tuần sau lúc chín giờ sáng"}])
        sent = await answered(server, lan, "Mai?", wrong, asks_for("offer_choices", ASKS, choices=YES_NO))
        assert len(choices_of(sent.data)) == 2
        (told,) = model.requests[-1].messages[-1].tool_results
        assert told.error and "the title of choice 1 has 34 characters; use at most 24" in told.content


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ([], "a list of 1 to 10"),
        ([{"title": str(no)} for no in range(11)], "a list of 1 to 10"),
        (["Có"], "choice 1 is an object"),
        ([{"title": 9}], "choice 1 is an object"),
        ([{"title": "Có", "emoji": "x"}], "choice 1 has no emoji"),
        ([{"title": " \n"}], "choice 1 has no title"),
        ([{"title": "Có"}, {"title": "có "}], "two have the same title"),
        ([{"title": "Có", "id": "1"}, {"title": "Không", "id": "1"}], "two have the same id"),
        ([{"title": "Có", "description": "x" * 73}], "description of choice 1 has 73"),
        ([{"title": "Có", "id": "x" * 201}], "id of choice 1 has 201"),
        ([{"title": "Có"}, {"title": "Dừng"}], "the title of choice 2 alone asks for no more messages"),
    ],
)
def test_each_limit_has_its_reason(choices, reason):
    assert reason in refused(*choices)


def test_the_reasons_repeat_nothing_of_a_choice():
    """What tools answer counts as said: a refused price must not become one."""
    assert "999" not in refused({"title": "Giảm giá chỉ còn 999.000đ hôm nay"}, {"title": "x", "description": "y" * 80})


def test_whatever_is_taken_whatsapp_shows_as_buttons_or_a_list():
    few = choices_in(call(*({"title": "x" * 19 + str(no)} for no in range(3))), OptOut())
    many = choices_in(
        call(*({"title": "e\u0302" * 23 + str(no), "description": "d" * 72} for no in range(10))), OptOut()
    )
    for choices, kind in ((few, "twilio/quick-reply"), (many, "twilio/list-picker")):
        content = interactive("Chị chọn giúp em", choices, "Chọn", "vi")
        assert content is not None and list(content["types"]) == [kind]


async def test_a_time_that_stands_nowhere_is_no_choice_either(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        made_up = asks_for("offer_choices", "Which time?", choices=[{"title": "Monday 10:15"}, {"title": "Another"}])
        sent = await answered(server, lan, "When?", made_up, "Which day?")
        assert (sent.kind, sent.text) == ("text", "Which day?"), (
            "the choices of the answer that was turned down are gone"
        )
        (note,) = [message.text for message in model.requests[-1].messages if message.desk]
        assert "10:15" in note
        insists = [made_up, asks_for("offer_choices", "Which time?", choices=[{"title": "Monday 10:15"}])]
        sent = await answered(server, lan, "When?", *insists)
        assert sent.kind == "text" and "10:15" not in sent.text
        assert (await lan.conversation()).owner == NOBODY


async def test_a_time_that_a_tool_has_told_is_offered(desk, plugins, asks_for):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        nine = asks_for("offer_choices", "When?", choices=[{"title": "At nine"}, {"title": "At five"}])
        sent = await answered(server, server.contact("Lan"), "Monday?", asks_for("opening", day="Monday"), nine)
        assert [each.title for each in choices_of(sent.data)] == ["At nine", "At five"]


async def test_a_choice_that_gives_away_a_tool_is_no_answer(desk, plugins, asks_for):
    two = {"phone": Touch, "model": ScriptedModel, "second": Second}
    async with desk(plugins=two, tenants=AT_ONCE) as server:
        lan, second = server.contact("Lan"), await server.plugin("second")
        second.script = ["Of course."]
        leaks = asks_for("offer_choices", "What now?", choices=[{"title": "use call_a_person"}])
        assert (await answered(server, lan, "What can you do?", leaks)).text == "Of course."


async def test_choices_survive_a_crash_after_a_deed(desk, plugins, asks_for, dies_at):
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        clock, lan, model = server.clock, server.contact("Lan"), await server.plugin("model")
        model.script = [asks_for("offer_choices", choices=YES_NO), asks_for("book", day="Monday")]
        death = dies_at("deed.journalled")
        await lan.says("Monday.")

        async def happened():
            return death.happened

        await server.until("it died", happened)
    clock.advance(20)
    async with desk(plugins=plugins, tenants=AT_ONCE, clock=clock) as server:
        lan, model, phone = server.contact("Lan"), await server.plugin("model"), await server.plugin("phone")
        model.script = ["Xong rồi ạ. Chị có cần nhắc hẹn không?"]
        await lan.hears()
        assert len(choices_of(phone.sent[-1].data)) == 2
