"""Which questions a collection answers. One planner for both back ends, so that both refuse the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import Between, Collection, In, QueryError, Where
from .collections import Words

MAX_LIMIT = 1_000
MAX_IN = 100
MAX_WORDS = 10

Shape = tuple[tuple[str, str, int], ...]
"""What a query looks like without its values: (field, `is`/`null`/`in`/`between`, size or which bounds)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is served: `index` is the declared one (`("id",)`: the primary key)."""

    index: tuple[str, ...]
    order: str
    """The field it is sorted by before the id; empty: by id alone."""


class Planner:
    """Checks queries on one collection against its declared indexes; remembers the shapes it has seen."""

    def __init__(self, collection: Collection[Any]) -> None:
        self._collection = collection
        self._plans: dict[tuple[Shape, str, bool], Plan] = {}

    def plan(self, shape: Shape, order_by: str = "", *, ordered: bool = True) -> Plan:
        """The plan of a query; `ordered=False` for a count. Raises QueryError when no declared index serves it."""
        key = (shape, order_by, ordered)
        if (known := self._plans.get(key)) is None:
            known = self._plans[key] = self._make(shape, order_by, ordered)
        return known

    def _make(self, shape: Shape, order_by: str, ordered: bool) -> Plan:
        order = order_by or "id"
        equal = {name for name, how, _ in shape if how in ("is", "null")}
        spans = [(name, how) for name, how, _ in shape if how in ("in", "between")]
        if len(spans) <= 1:
            for index in (("id",), *self._collection.indexes, *self._collection.unique):
                if _serves(index, equal, spans, order if ordered else None):
                    return Plan(index, "" if order == "id" else order)
        raise QueryError(self._refusal(shape, order_by))

    def _refusal(self, shape: Shape, order_by: str) -> str:
        asked = ", ".join(f"{name} {how}" for name, how, _ in shape) or "everything"
        offered = "; ".join(", ".join(index) for index in (*self._collection.indexes, *self._collection.unique))
        return (
            f"collection {self._collection.name}: no index serves [{asked}] sorted by {order_by or 'id'}. "
            f"Declared are: id{'; ' + offered if offered else ''}. Ask equalities on a prefix of one of them, then at "
            "most one In or Between, sorted by the field that follows the equalities (store/collections.py)"
        )


def _serves(index: tuple[str, ...], equal: set[str], spans: list[tuple[str, str]], order: str | None) -> bool:
    """Whether *index* (which every store continues with the id) answers it; `order` None: in any order."""
    chain = index if index == ("id",) else (*index, "id")
    if set(chain[: len(equal)]) != equal:
        return False
    following = chain[len(equal) :] or ("id",)
    if not spans:
        return order is None or order == following[0]
    name, how = spans[0]
    if name != following[0]:
        return False
    return order is None or order == name or (how == "in" and order in following[1:2])


def shape_of(collection: Collection[Any], where: Where) -> tuple[Shape, list[Any]]:
    """The shape of *where* and its values in the same order. Raises QueryError for a value no index can hold."""
    shape: list[tuple[str, str, int]] = []
    values: list[Any] = []
    for name, asked in where.items():
        if isinstance(asked, In):
            if len(asked.values) > MAX_IN:
                raise QueryError(f"{collection.name}.{name}: In of {len(asked.values)} values; at most {MAX_IN}")
            shape.append((name, "in", len(asked.values)))
            given = list(asked.values)
        elif isinstance(asked, Between):
            given = [bound for bound in (asked.low, asked.high) if bound is not None]
            shape.append((name, "between", (asked.low is not None) + 2 * (asked.high is not None)))
        elif asked is None:
            shape.append((name, "null", 0))
            continue
        else:
            shape.append((name, "is", 0))
            given = [asked]
        for value in given:
            if not isinstance(value, str | int | datetime):
                raise QueryError(f"{collection.name}.{name}: {value!r} cannot be asked for; ask for text, int or time")
        values += given
    return tuple(shape), values


def check_limit(collection: Collection[Any], limit: int) -> None:
    """Raise QueryError unless 1 <= limit <= 1,000."""
    if not 1 <= limit <= MAX_LIMIT:
        raise QueryError(f"{collection.name}: limit {limit}; it must be 1 to {MAX_LIMIT:,}. Page with `after`")


def check_words(collection: Collection[Any], words: Sequence[str]) -> Words:
    """By which words documents are found. Raises QueryError unless they are, and 1 to 10 are given."""
    if collection.words is None:
        raise QueryError(f"collection {collection.name} declares no words (store/collections.py)")
    if not 1 <= len(words) <= MAX_WORDS or not all(words):
        raise QueryError(f"{collection.name}: search for 1 to {MAX_WORDS} words, as words_of makes them")
    return collection.words


def check_changes(collection: Collection[Any], changes: Any) -> None:
    """Raise QueryError when *changes* names a field that cannot be changed."""
    for name in changes:
        if name not in collection.fields or name in ("id", "version"):
            raise QueryError(
                f"collection {collection.name}: {name!r} cannot be changed; its fields are "
                f"{', '.join(sorted(collection.fields))}, of which id and version are the store's"
            )
        if any(name in index for index in collection.unique):
            raise QueryError(f"collection {collection.name}: {name!r} is part of a unique key, which insert alone sets")
