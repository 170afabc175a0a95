"""How a document and a query look in DocumentDB; knows no driver.

`_id` is `tenant/id` (a tenant has no `/`), or the id alone for server-wide documents. Beside the document's own fields
stand `tenant`, `schema` and `write_id`, the token of the last write, by which a retry recognises its own work.
Top-level times are BSON dates, so that they can be indexed; everything below is kept as in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from . import Between, Collection, In, Where
from .bulk import Stored, iso
from .codec import Codec
from .queries import Planner, check_words, shape_of
from .words import found_by

D = TypeVar("D")

_UNSAFE = re.compile(r"[%.$\x00]")


class Layout(Generic[D]):
    """One collection's documents as DocumentDB keeps them."""

    def __init__(self, collection: Collection[D]) -> None:
        self.collection = collection
        self.codec = Codec(collection)
        self.planner = Planner(collection)

    def key(self, tenant: str, id: str) -> str:
        """The `_id` of a document."""
        return f"{tenant}/{id}" if self.collection.tenant_data else id

    def dump(self, tenant: str, document: Any, write_id: str) -> dict[str, Any]:
        """The whole document. Raises ValueError for one that could not be read back."""
        self.codec.check(document)
        stored = self._dump(document, None)
        stored.pop("id")
        owner = {"tenant": tenant} if self.collection.tenant_data else {}
        return {
            "_id": self.key(tenant, document.id),
            **owner,
            **stored,
            **self.words_of(stored),
            "schema": self.collection.schema,
            "write_id": write_id,
        }

    def dump_changes(self, changed: D, names: frozenset[str]) -> dict[str, Any]:
        """Only the fields *names*."""
        self.codec.check(changed, names)
        words = self.collection.words
        stored = self._dump(changed, set(names))
        if words is None or names.isdisjoint((*words.fields, *words.numbers)):
            return stored
        return stored | self.words_of({name: getattr(changed, name) for name in (*words.fields, *words.numbers)})

    def words_of(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """What stands beside a document's *fields* so that it is found by its words."""
        words = self.collection.words
        return {} if words is None else {"found_by": found_by(words, fields)}

    def load(self, stored: Mapping[str, Any]) -> D:
        """The document; fields this release does not know are left out."""
        key = stored["_id"]
        fields = {name: _unescaped(value) for name, value in stored.items() if name in self.collection.fields}
        fields["id"] = key.partition("/")[2] if self.collection.tenant_data else key
        return self.codec.read_python(fields)

    def load_stored(self, stored: Mapping[str, Any]) -> Stored:
        """The document as it lies there."""
        own = {"_id", "version", "schema", "found_by", "write_id"} | (
            {"tenant"} if self.collection.tenant_data else set()
        )
        fields = {name: _unescaped(value) for name, value in stored.items() if name not in own}
        times = {name: iso(value) for name, value in fields.items() if isinstance(value, datetime)}
        tenant, _, id = stored["_id"].partition("/") if self.collection.tenant_data else ("", "", stored["_id"])
        return Stored(tenant, id, stored["version"], stored["schema"], fields | times)

    def dump_stored(self, document: Stored, write_id: str) -> dict[str, Any]:
        """The document as it lies here."""
        owner = {"tenant": document.tenant} if self.collection.tenant_data else {}
        own = {"version": document.version, "schema": document.schema, "write_id": write_id}
        words = self.words_of(document.fields)
        return {"_id": self.key(*document.place), **owner, **self.dump_fields(document.fields), **words, **own}

    def dump_fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields as in JSON, in this store's form. What this release does not know to be a time stays text."""
        stored = {name: _escaped(value) for name, value in fields.items()}
        times = {name: stored[name] for name in self.codec.times if isinstance(stored.get(name), str)}
        return stored | {name: datetime.fromisoformat(text) for name, text in times.items()}

    def filter(self, tenant: str, where: Where) -> dict[str, Any]:
        """The filter of a query of this tenant."""
        found: dict[str, Any] = {"tenant": tenant} if self.collection.tenant_data else {}
        for name, asked in where.items():
            key = self._field(name)
            if isinstance(asked, In):
                found[key] = {"$in": [self._value(tenant, name, value) for value in asked.values]}
            elif isinstance(asked, Between):
                bounds = {"$gte": asked.low, "$lt": asked.high}
                given = {op: self._value(tenant, name, bound) for op, bound in bounds.items() if bound is not None}
                found |= {key: given} if given else {}
            else:
                found[key] = self._value(tenant, name, asked)
        return found

    def select(
        self, tenant: str, where: Where, order_by: str, descending: bool, after: Any
    ) -> tuple[dict[str, Any], list[tuple[str, int]]]:
        """Filter and sort of a query; raises QueryError if no declared index serves it."""
        shape, _ = shape_of(self.collection, where)
        plan = self.planner.plan(shape, order_by)
        direction = -1 if descending else 1
        found = self.filter(tenant, where)
        if after is not None:
            found = {"$and": [found, self._behind(tenant, plan.order, descending, after)]}
        return found, [(name, direction) for name in ((plan.order, "_id") if plan.order else ("_id",))]

    def search(self, tenant: str, words: Sequence[str], after: Any) -> tuple[dict[str, Any], list[tuple[str, int]]]:
        """Filter and sort of a search; raises QueryError if no words are declared."""
        newest = check_words(self.collection, words).newest
        parts: list[dict[str, Any]] = [{"found_by": word} for word in words]
        if after is not None:
            parts.append(self._behind(tenant, newest, True, after))
        return {"tenant": tenant, "$and": parts}, [(newest, -1), ("_id", -1)]

    def count(self, tenant: str, where: Where) -> dict[str, Any]:
        """Filter of a count; raises QueryError if no declared index serves it."""
        shape, _ = shape_of(self.collection, where)
        self.planner.plan(shape, ordered=False)
        return self.filter(tenant, where)

    def indexes(self) -> list[tuple[str, list[tuple[str, int]], bool]]:
        """(name, keys, unique) of every index. A plain one ends with `_id`, so that it serves `after` too."""
        owner = ("tenant",) if self.collection.tenant_data else ()
        plain = [(index, (*owner, *index, "_id"), False) for index in self.collection.indexes]
        unique = [(index, (*owner, *index), True) for index in self.collection.unique]
        listing: list[tuple[tuple[str, ...], tuple[str, ...], bool]] = []
        if owner:
            listing.append(((), (*owner, "_id"), False))
        if (words := self.collection.words) is not None:
            listing.append((("words",), (*owner, "found_by", words.newest, "_id"), False))
        return [
            ("_".join(("by", *index)) if index else "by_id", [(name, 1) for name in keys], only)
            for index, keys, only in (*listing, *plain, *unique)
        ]

    def _dump(self, document: D, include: set[str] | None) -> dict[str, Any]:
        plain = self.collection.adapter.dump_python(document, mode="json", include=include, warnings="error")
        stored: dict[str, Any] = {name: _escaped(value) for name, value in plain.items()}
        for name in self.codec.times:
            if name in stored:
                stored[name] = getattr(document, name)
        return stored

    def _behind(self, tenant: str, order: str, descending: bool, after: Any) -> dict[str, Any]:
        than = "$lt" if descending else "$gt"
        onward = {"_id": {than: self.key(tenant, after.id)}}
        if not order:
            return onward
        place = getattr(after, order)
        same = {order: place, **onward}
        if place is None:
            # Nothing sorts before every value, and `$gt` compares values of one type only.
            return same if descending else {"$or": [same, {order: {"$gt": self._least(order)}}]}
        rest = [{order: None}] if descending and self.codec.types[order][1] else []
        return {"$or": [same, {order: {than: place}}, *rest]}

    def _least(self, order: str) -> Any:
        if self.codec.types[order][0] is datetime:
            return datetime(1, 1, 1, tzinfo=UTC)
        return "" if self.codec.column_type(order) == "TEXT" else -(2**63)

    def _field(self, name: str) -> str:
        return "_id" if name == "id" else name

    def _value(self, tenant: str, name: str, value: Any) -> Any:
        return self.key(tenant, value) if name == "id" else value


def _escaped(value: Any) -> Any:
    """*value* with dictionary keys that DocumentDB takes: no dots, `$` or NUL (percent-encoded), none empty (`%`)."""
    if isinstance(value, dict):
        return {_UNSAFE.sub(_percent, key) or "%": _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, str):
        value.encode()  # A lone surrogate is no text: UnicodeEncodeError, a ValueError, before anything is sent.
    return value


def _percent(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"


def _unescaped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_plain(key): _unescaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unescaped(item) for item in value]
    return value


def _plain(key: str) -> str:
    if key == "%":
        return ""
    return re.sub(r"%(25|2E|24|00)", lambda match: chr(int(match[1], 16)), key) if "%" in key else key
