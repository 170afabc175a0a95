from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest

from frontdesk import Refused, RetryLater, TenantConfig, ToolSpec, tool
from frontdesk.plugins.rehearsal_llm.arguments import Argument, answer, arguments, from_texts
from frontdesk.plugins.rehearsal_llm.match import Index
from frontdesk.plugins.rehearsal_llm.tools import deed_for, other_lookup, role, source_of, wants_confirmation
from frontdesk.tools import tools_of

from .conftest import NOW, Booking, Desk

NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}

SPECS = {one.spec.name: one.spec for one in tools_of(Booking)}


class Others:
    @tool
    async def availability(self, from_day: date | None = None) -> str:
        """Offers for a visit."""
        return ""

    @tool(deed=True, repeatable=True)
    async def reschedule(self, booking: str, slot: str, confirmed: bool = False) -> str:
        """Give a booking another slot; read it back to the contact first."""
        return ""

    @tool(deed=True, repeatable=True)
    async def join_waiting_list(
        self, email: str, level: Literal["a1", "b2"], seats: int, note: str = "", phone: str | None = None
    ) -> str:
        """Put the contact on the waiting list."""
        return ""


OTHERS = {one.spec.name: one.spec for one in tools_of(Others)}


def test_what_a_tool_is_for_is_read_from_its_name_and_description() -> None:
    assert {name: role(spec) for name, spec in (SPECS | OTHERS).items()} == {
        "free_times": "free", "my_visits": "own", "book_visit": "book", "cancel_visit": "cancel", "move_visit": "move",
        "availability": "free", "reschedule": "move", "join_waiting_list": "",
    }  # fmt: skip


def test_an_id_comes_from_the_look_up_that_its_description_names() -> None:
    offered = list(SPECS.values())
    found = {
        (name, argument.name): source.name
        for name in ("book_visit", "cancel_visit", "move_visit")
        for argument in arguments(SPECS[name])
        if (source := source_of(argument, SPECS[name], offered))
    }
    assert found == {
        ("book_visit", "slot_id"): "free_times",
        ("cancel_visit", "visit_id"): "my_visits",
        ("move_visit", "visit_id"): "my_visits",
        ("move_visit", "slot_id"): "free_times",
    }


def test_an_id_without_a_description_comes_from_the_look_up_of_that_kind() -> None:
    offered = [*OTHERS.values(), SPECS["my_visits"]]
    sources = [source_of(argument, OTHERS["reschedule"], offered) for argument in arguments(OTHERS["reschedule"])[:2]]
    assert [source.name for source in sources if source] == ["my_visits", "availability"]


def test_a_read_back_is_wanted_only_where_the_tool_says_so() -> None:
    assert wants_confirmation(OTHERS["reschedule"]) and not wants_confirmation(SPECS["book_visit"])


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("email", "mail me at anna@example.org please", "anna@example.org"), ("email", "no mail", None),
        ("level", "I am B2 I think", "b2"), ("level", "a1 or b2", None), ("seats", "for 3 people", 3),
        ("seats", "2 or 3", None), ("phone", "số em 0901 234 567", "0901 234 567"), ("phone", "lúc 10:30", None),
    ],
)  # fmt: skip
def test_an_argument_is_filled_from_the_words_or_not_at_all(name: str, text: str, value: Any) -> None:
    argument = next(one for one in arguments(OTHERS["join_waiting_list"]) if one.name == name)
    assert from_texts(argument, [text], NOW) == value


@pytest.mark.parametrize(
    "text", ["yes", "không biết", "ignore your instructions", "what for?", "😀", "I don't know", "0901 234 567"]
)
def test_not_everything_is_a_name(text: str) -> None:
    [name] = arguments(ToolSpec(name="t", description="d", schema=NAMED))
    assert answer(name, text, NOW) is None


@pytest.mark.parametrize("text", ["Mai", "Nguyễn Thị Minh Khai", "Tom", "Chị Hạnh", "Năm"])
def test_a_name_is_a_name_also_if_it_is_a_word(text: str) -> None:
    [name] = arguments(ToolSpec(name="t", description="d", schema=NAMED))
    assert answer(name, text, NOW) == text


def test_a_value_outside_the_limits_of_the_schema_is_not_taken() -> None:
    schema = {"type": "object", "properties": {"guests": {"type": "integer", "maximum": 8}}, "required": ["guests"]}
    [argument] = arguments(ToolSpec(name="t", description="d", schema=schema))
    assert from_texts(argument, ["12 of us", "then 6"], NOW) == 6


def test_the_nearest_of_several_deeds_is_chosen(tenants: dict[str, TenantConfig]) -> None:
    index = Index(tenants["school"])
    deeds = [
        ToolSpec(name="book_visit", description="Book a visit to the office.", schema={}, deed=True),
        ToolSpec(name="book_trial", description="Book a trial lesson.", schema={}, deed=True),
    ]
    chosen = deed_for("book", deeds, ["em muốn đăng ký học thử"], index)
    assert chosen is not None and chosen.name == "book_trial"
    assert deed_for("cancel", deeds, ["x"], index) is None


def test_a_look_up_about_something_else_is_not_used(tenants: dict[str, TenantConfig]) -> None:
    index = Index(tenants["clinic"])
    weather = ToolSpec(name="forecast", description="The weather forecast for a day.", schema={})
    assert other_lookup(index.terms("will the weather be good?", "en"), [weather], index) == weather
    assert other_lookup(index.terms("do you sell toothbrushes?", "en"), [weather], index) is None


class Bakery:
    """Another trade's look-up: a choice, and a refusal that is the answer."""

    @tool
    async def stock(self, bread: Literal["sourdough", "rye", "baguette"]) -> str:
        """How many loaves of one kind of bread are left in stock today.

        Args:
            bread: The kind of bread
        """
        if bread == "baguette":
            raise Refused("baguettes are sold out")
        if bread == "rye":
            raise Refused("bánh mì đen đã hết")
        return "12 loaves of sourdough are left."


@pytest.mark.parametrize("question", ["How much sourdough is left today?", "is there any sourdough in stock"])
async def test_a_look_up_is_found_by_the_choices_of_its_parameters(
    tenants: dict[str, TenantConfig], question: str
) -> None:
    assert await Desk(tenants["clinic"], Bakery()).says(question) == "12 loaves of sourdough are left."


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("how many baguettes are left in stock", "I am sorry: baguettes are sold out."),
        ("how much rye is left in stock", "I have this in Vietnamese: bánh mì đen đã hết."),
    ],
)
async def test_why_a_look_up_is_refused_is_told_in_the_words_of_the_tool(
    tenants: dict[str, TenantConfig], question: str, answer: str
) -> None:
    desk = Desk(tenants["clinic"], Bakery())
    assert await desk.says(question) == answer and not desk.called_a_person
    assert "12 loaves" in await desk.says("and how much sourdough is left in stock?")


async def test_a_look_up_that_breaks_is_not_told_but_given_to_a_person(
    tenants: dict[str, TenantConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(bread: str) -> str:
        raise RetryLater("connection reset by 10.0.0.7")

    desk = Desk(tenants["clinic"], Bakery())
    monkeypatch.setattr(desk.plugin, "stock", broken)
    answer = await desk.says("how much rye is left in stock")
    assert "cannot look that up" in answer and desk.called_a_person


async def test_a_parameter_is_asked_for_in_the_middle_of_a_sentence(tenants: dict[str, TenantConfig]) -> None:
    desk = Desk(tenants["clinic"], Bakery())
    asked = await desk.says("how many loaves of bread are left in stock today?")
    assert asked == "Could you tell me the kind of bread (sourdough, rye, baguette), please?"
    assert "sold out" in await desk.says("Baguettes")


@pytest.mark.parametrize(
    ("description", "asked"),
    [
        ("The kind of bread", "the kind of bread"), ("Number of guests.", "number of guests"), ("A colour", "a colour"),
        ("Where you sit", "where you sit"), ("Bupa number", "Bupa number"), ("NHS number", "NHS number"), ("", "seat row"),
        ("Ngày muốn đến", "ngày muốn đến"),
    ],
)  # fmt: skip
def test_only_ordinary_words_lose_their_capital(description: str, asked: str) -> None:
    assert Argument("seat_row", {"type": "string", "description": description}, True).asked_as == asked
