"""find() against a naive filter in Python: whatever is asked, paged through in whatever order."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.clock import SystemClock
from frontdesk.store import Between, Collection, In, QueryError
from frontdesk.store.collections import COLLECTIONS
from frontdesk.store.queries import Planner, shape_of
from frontdesk.store.sqlite import SqliteStore

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Thing:
    id: str
    version: int = 1
    word: str
    number: int
    moment: datetime | None


THINGS = Collection("things", Thing, indexes=(("word", "number", "moment"), ("moment",), ("number", "moment")))

WORDS = st.sampled_from(["", "a", "ạ", "b", "B", "a\x00", "😀"])
NUMBERS = st.sampled_from([-1, 0, 2**53, 2**53 + 1, 2**63 - 1])
MOMENTS = st.one_of(st.none(), st.integers(-3, 3).map(lambda n: NOON + timedelta(milliseconds=n)))


@st.composite
def things(draw: Any) -> list[Thing]:
    ids = draw(st.lists(st.text(min_size=1, max_size=3, alphabet="aBạ/.0\x00"), unique=True, max_size=12))
    return [Thing(id=id, word=draw(WORDS), number=draw(NUMBERS), moment=draw(MOMENTS)) for id in ids]


def one_value(field: str) -> Any:
    return {"word": WORDS, "number": NUMBERS, "moment": MOMENTS}[field]


def some(field: str) -> Any:
    return one_value(field).filter(lambda value: value is not None)


@st.composite
def questions(draw: Any) -> tuple[dict[str, Any], str]:
    """A where and an order that one of the declared indexes serves."""
    index = draw(st.sampled_from(THINGS.indexes))
    length = draw(st.integers(0, len(index)))
    where = {name: draw(one_value(name)) for name in index[:length]}
    rest = (*index[length:], "id")
    how = draw(st.sampled_from(["", "in", "between"])) if rest[0] != "id" else ""
    if how == "in":
        where[rest[0]] = In(draw(st.lists(some(rest[0]), max_size=3)))
        return where, draw(st.sampled_from(rest[:2]))
    if how == "between":
        bound = st.one_of(st.none(), some(rest[0]))
        where[rest[0]] = Between(draw(bound), draw(bound))
    return where, rest[0]


def naive(stored: list[Thing], where: dict[str, Any], order_by: str, descending: bool) -> list[Thing]:
    def matches(thing: Thing) -> bool:
        for name, asked in where.items():
            value = getattr(thing, name)
            if isinstance(asked, In):
                fits = value in asked.values
            elif isinstance(asked, Between):
                bounded = asked.low is not None or asked.high is not None
                fits = not (bounded and value is None)
                fits = fits and (asked.low is None or value >= asked.low) and (asked.high is None or value < asked.high)
            else:
                fits = value == asked
            if not fits:
                return False
        return True

    def place(thing: Thing) -> Any:
        value = getattr(thing, order_by)
        return (value is not None, value if value is not None else 0, thing.id)

    return sorted(filter(matches, stored), key=place, reverse=descending)


@given(stored=things(), question=questions(), descending=st.booleans(), page=st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_find_answers_as_a_naive_filter_would(
    stored: list[Thing], question: tuple[dict[str, Any], str], descending: bool, page: int
) -> None:
    where, order_by = question

    async def ask() -> tuple[list[Thing], int]:
        with tempfile.TemporaryDirectory() as directory:
            store = SqliteStore(Path(directory) / "s.db", SystemClock(), collections=(*COLLECTIONS, THINGS))
            await store.open()
            try:
                acme = store.for_tenant("acme")
                await asyncio.gather(*(acme.insert(THINGS, thing) for thing in stored))
                found: list[Thing] = []
                while True:
                    after = found[-1] if found else None
                    more = await acme.find(
                        THINGS, where, order_by=order_by, descending=descending, limit=page, after=after
                    )
                    found += more
                    if len(more) < page:
                        return found, await acme.count(THINGS, where)
            finally:
                await store.close()

    found, count = asyncio.run(ask())
    expected = naive(stored, where, order_by, descending)
    assert found == expected
    assert count == len(expected)


def test_a_refusal_names_the_collection_the_question_and_the_indexes() -> None:
    shape, _ = shape_of(THINGS, {"word": "a", "moment": Between(NOON)})
    with pytest.raises(
        QueryError, match=r"things.*\[word is, moment between\] sorted by moment.*word, number, moment; mo"
    ):
        Planner(THINGS).plan(shape, "moment")


def test_a_refused_question_is_refused_again() -> None:
    planner = Planner(THINGS)
    for _ in range(2):
        with pytest.raises(QueryError):
            planner.plan((), "word_of_nobody")
