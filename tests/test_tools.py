"""A tool's schema comes from its annotations and docstring; what a model gives is checked in readable words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from frontdesk import Plugin, Refused, ToolContext, tool
from frontdesk.tools import Tool, tools_of


class Size(Enum):
    """How large."""

    SMALL = "small"
    LARGE = "large"


class Guest(BaseModel):
    """One person."""

    name: str
    age: int | None = None


class Everything(Plugin):
    """One tool with a parameter of every kind."""

    @tool
    async def plan(
        self,
        day: date,
        at: datetime,
        start: time,
        kind: Literal["first", "second"],
        size: Size,
        guests: list[Guest],
        count: Annotated[int, Field(ge=1, le=20)],
        context: ToolContext,
        note: str | None = None,
        json: dict[str, str] | None = None,
        urgent: bool = False,
    ) -> str:
        """Plan a party.

        It can be moved later.
        On another line.

        Args:
            day: The day of the party.
            count: How many chairs.
        """
        return "planned"


class Annotations(Plugin):
    """Descriptions beside the type."""

    @tool
    async def described(self, size: Annotated[str, Field(description="S, M or L")]) -> str:
        """Something with a size."""
        return size


class Base(Plugin):
    @tool
    async def first(self) -> str:
        """First."""
        return "base"

    @tool
    async def second(self) -> str:
        """Second."""
        return "base"


class Derived(Base):
    @tool
    async def third(self) -> str:
        """Third."""
        return "derived"

    @tool
    async def first(self) -> str:
        """First, but better."""
        return "derived"


GIVEN = {
    "day": "2026-11-24",
    "at": "2026-11-24T09:00:00+07:00",
    "start": "09:00",
    "kind": "first",
    "size": "large",
    "guests": [{"name": "Nguyễn Thị Lan", "age": 30}, {"name": "Minh"}],
    "count": 2,
}


@pytest.fixture(scope="module")
def plan() -> Tool:
    (found,) = tools_of(Everything)
    return found


def test_the_description_is_the_docstring_without_its_arguments(plan):
    assert plan.spec.name == "plan"
    assert plan.spec.description == "Plan a party.\n\nIt can be moved later.\nOn another line."


def test_the_schema_tells_types_formats_limits_defaults_and_what_is_required(plan):
    properties = plan.spec.schema["properties"]
    assert properties["day"] == {
        "description": "The day of the party.",
        "format": "date",
        "title": "day",
        "type": "string",
    }
    assert (properties["at"]["format"], properties["start"]["format"]) == ("date-time", "time")
    assert properties["kind"]["enum"] == ["first", "second"]
    assert plan.spec.schema["$defs"]["Size"]["enum"] == ["small", "large"]
    assert properties["guests"]["items"] == {"$ref": "#/$defs/Guest"}
    assert (properties["count"]["minimum"], properties["count"]["maximum"]) == (1, 20)
    assert properties["count"]["description"] == "How many chairs."
    assert (properties["note"]["default"], properties["urgent"]["default"]) == (None, False)
    assert plan.spec.schema["required"] == ["day", "at", "start", "kind", "size", "guests", "count"]
    assert plan.spec.schema["additionalProperties"] is False
    assert "title" not in plan.spec.schema


def test_the_context_is_filled_by_the_core_and_unknown_to_the_model(plan):
    assert plan.context_parameter == "context"
    assert "context" not in plan.spec.schema["properties"]
    assert plan.parameters[-1] == "context"
    with pytest.raises(Refused, match="context: Extra inputs are not permitted"):
        plan.validate({**GIVEN, "context": {}})


def test_arguments_become_what_the_annotations_say(plan):
    found = plan.validate({**GIVEN, "json": {"a": "b"}})
    assert found["day"] == date(2026, 11, 24)
    assert found["at"] == datetime.fromisoformat("2026-11-24T09:00:00+07:00")
    assert found["start"] == time(9)
    assert (found["kind"], found["size"], found["count"]) == ("first", Size.LARGE, 2)
    assert found["guests"] == [Guest(name="Nguyễn Thị Lan", age=30), Guest(name="Minh")]
    assert (found["note"], found["json"], found["urgent"]) == (None, {"a": "b"}, False)


def test_a_description_beside_the_type_stays():
    (described,) = tools_of(Annotations)
    assert described.spec.schema["properties"]["size"]["description"] == "S, M or L"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"day": "tomorrow"}, "day: Input should be a valid date"),
        ({"day": None}, "day: Input should be a valid date"),
        ({"kind": "third"}, "kind: Input should be 'first' or 'second'"),
        ({"size": "medium"}, "size: Input should be 'small' or 'large'"),
        ({"count": 21}, "count: Input should be less than or equal to 20"),
        ({"count": "many"}, "count: Input should be a valid integer"),
        ({"guests": [{"age": 3}]}, "guests.0.name: Field required"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_what_does_not_fit_is_told_by_name_for_the_model_to_mend(plan, changes, words):
    with pytest.raises(Refused) as refused:
        plan.validate({**GIVEN, **changes})
    assert refused.value.reason.startswith("the arguments of plan are wrong: ")
    assert words in refused.value.reason
    assert "argument_" not in refused.value.reason


def test_all_that_is_missing_is_told_at_once(plan):
    with pytest.raises(Refused) as refused:
        plan.validate({"at": GIVEN["at"]})
    for name in ("day", "start", "kind", "size", "guests", "count"):
        assert f"{name}: Field required" in refused.value.reason


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from([*GIVEN, "note", "json", "urgent"]) | st.text(max_size=8), JSON, max_size=10),
    st.booleans(),
)
def test_whatever_a_model_gives_is_taken_or_refused_in_one_line(arguments, complete):
    (plan,) = tools_of(Everything)
    try:
        found = plan.validate({**GIVEN, **arguments} if complete else arguments)
    except Refused as refused:
        assert refused.reason.startswith("the arguments of plan are wrong: ")
    else:
        assert set(found) == {*GIVEN, "note", "json", "urgent"}


@given(st.dates(), st.integers(1, 20), st.lists(st.builds(Guest, name=st.text(max_size=20)), max_size=3))
def test_a_valid_call_comes_through_unchanged(day, count, guests):
    (plan,) = tools_of(Everything)
    given = {**GIVEN, "day": day.isoformat(), "count": count, "guests": [guest.model_dump() for guest in guests]}
    found = plan.validate(given)
    assert (found["day"], found["count"], found["guests"]) == (day, count, guests)


def test_tools_stand_in_the_order_written_and_a_subclass_may_improve_one():
    assert [found.spec.name for found in tools_of(Derived)] == ["first", "second", "third"]
    assert tools_of(Derived)[0].spec.description == "First, but better."


async def positional(self: Any, day: str, /) -> str:
    """Positional only."""
    return day


async def variable(self: Any, *days: str) -> str:
    """Any number."""
    return ""


async def untold(self: Any, callback: Callable[[], None]) -> str:
    """A type no JSON has."""
    return ""


class Thing:
    """Nothing that JSON could hold."""


async def foreign(self: Any, thing: Thing) -> str:
    """A class of one's own."""
    return ""


async def twice(self: Any, one: ToolContext, other: ToolContext) -> str:
    """Two contexts."""
    return ""


async def unknown(self: Any, day: Nowhere) -> str:  # type: ignore[name-defined]  # noqa: F821  the point
    """An annotation that leads nowhere."""
    return ""


async def good(self: Any, day: date) -> str:
    """A look-up."""
    return ""


@pytest.mark.parametrize(
    ("method", "mark", "error", "words"),
    [
        (positional, {}, ValueError, "cannot be given by name; write each argument out"),
        (variable, {}, ValueError, "cannot be given by name; write each argument out"),
        (untold, {}, ValueError, "an argument cannot be described to a model"),
        (foreign, {}, ValueError, "an argument has a type no model can be told"),
        (twice, {}, ValueError, "one and other are both a ToolContext"),
        (unknown, {}, NameError, "Nowhere"),
        (good, {"lookup": "good"}, ValueError, r"write @tool\(deed=True"),
        (good, {"deed": True, "lookup": "nobody"}, ValueError, "cannot be survived in a crash"),
        (lambda self: "x", {}, ValueError, "is not async"),
    ],
)
def test_a_tool_that_could_not_be_called_is_refused_at_registration(method, mark, error, words):
    cls = type("Bad", (Plugin,), {"bad": tool(**mark)(method)})
    with pytest.raises(error, match=words):
        tools_of(cls)


def test_a_deed_may_be_looked_up_or_repeated_or_both():
    async def find(self: Any, day: date) -> str | None:
        return None

    for mark in ({"lookup": "find"}, {"repeatable": True}, {"lookup": "find", "repeatable": True}):
        cls = type("Good", (Plugin,), {"find": find, "order": tool(deed=True, **mark)(good)})
        (found,) = tools_of(cls)
        assert found.deed and found.spec.deed
