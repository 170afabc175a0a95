"""What both back ends ask of a document before they write it, and how values become keys.

A document that could not be read back, or that one back end would keep differently from the other, is refused here with
ValueError: a bug of the caller, found by the tests.
"""

from __future__ import annotations

import dataclasses
import secrets
import types
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from frontdesk.model import Due, DueKind

from . import Collection, QueryError, StoreError

D = TypeVar("D")

MAX_KEY = 512
"""Characters of an id or of a text that is indexed (DocumentDB: an index entry is at most 2,048 bytes)."""

RESERVED = frozenset({"_id", "found_by", "schema", "write_id"})
"""Fields that the stores keep beside a document's own (and `tenant` in tenant data)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds_of(moment: datetime) -> int:
    """Whole milliseconds since 1970, exactly (no float). Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment!r}; use an aware datetime")
    return (moment - _EPOCH) // _MILLISECOND


def time_of(milliseconds: int) -> datetime:
    """The aware UTC time of *milliseconds* since 1970."""
    return _EPOCH + milliseconds * _MILLISECOND


def first_version(now: datetime) -> int:
    """A version for a row that may be deleted and come back: no earlier life of the row had it.

    Milliseconds and 20 random bits, below 2**63. Whoever still holds a version of the earlier life matches nothing.
    """
    return (milliseconds_of(now) << 20) | secrets.randbits(20)


def changed_copy(document: Any, changes: Mapping[str, Any]) -> Any:
    """*document* with *changes* and the next version.

    A document is a dataclass without slots, so that its fields are copied as one dictionary: a ninth of the time of
    `dataclasses.replace`, for every write of the server.
    """
    copy = object.__new__(type(document))
    copy.__dict__.update(document.__dict__, version=document.version + 1)
    copy.__dict__.update(changes)
    return copy


@lru_cache(maxsize=4096)
def check_tenant(tenant: str) -> str:
    """*tenant* if it can be one; ValueError otherwise (`/` and control characters separate it from an id)."""
    if not tenant or len(tenant) > MAX_KEY or "/" in tenant or min(tenant) < " ":
        raise ValueError(f"{tenant!r} is no tenant id: 1 to {MAX_KEY} characters without `/` and control characters")
    return tenant


def fields_of(collection: Collection[Any]) -> dict[str, tuple[Any, bool]]:
    """Field → (its type without None, whether it may be None)."""
    found: dict[str, tuple[Any, bool]] = {}
    for name, hint in get_type_hints(collection.model).items():
        options = set(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else {hint}
        present = options - {types.NoneType}
        found[name] = (present.pop() if len(present) == 1 else hint, types.NoneType in options)
    return found


def due_id(kind: DueKind, tenant: str, ref: str) -> str:
    """The id of the row of (kind, tenant, ref); a tenant has no `/`, so it names one row only."""
    return f"{kind}/{check_tenant(tenant)}/{ref}"


def due_row(kind: DueKind, tenant: str, ref: str, due_at: datetime, version: int) -> Due:
    """The row of (kind, tenant, ref)."""
    return Due(id=due_id(kind, tenant, ref), version=version, kind=kind, tenant=tenant, ref=ref, due_at=due_at)


_Concerned = tuple[
    tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]
]
"""Times, times one level down, indexed texts, and fields with the values they may have."""


class Codec(Generic[D]):
    """One collection's documents on their way in and out."""

    def __init__(self, collection: Collection[D]) -> None:
        self.collection = collection
        self.types = fields_of(collection)
        if hasattr(collection.model, "__slots__"):
            raise StoreError(
                f"collection {collection.name}: {collection.model.__name__} has slots; a document has none"
            )
        taken = RESERVED | ({"tenant"} if collection.tenant_data else frozenset())
        if clash := sorted(taken & self.types.keys()):
            raise StoreError(
                f"collection {collection.name}: {', '.join(clash)} is the store's own; name the field otherwise"
            )
        self.times = tuple(name for name, (kind, _) in self.types.items() if kind is datetime)
        self._choices = {name: choices for name, (kind, _) in self.types.items() if (choices := _choices(kind))}
        self._concerned: dict[frozenset[str] | None, _Concerned] = {}
        self._texts = tuple(name for name in ("id", *collection.index_fields()) if self.column_type(name) == "TEXT")

    def column_type(self, name: str) -> Literal["TEXT", "INTEGER"]:
        """How an index keeps this field: text as it is, ints natively, times as whole milliseconds."""
        kind = self.types[name][0]
        if kind is str or all(isinstance(choice, str) for choice in _choices(kind) or [None]):
            return "TEXT"
        if kind in (int, bool, datetime):
            return "INTEGER"
        raise StoreError(f"{self.collection.name}.{name}: {kind} cannot be indexed; index text, int, bool or time")

    @cached_property
    def nested_times(self) -> tuple[tuple[str, str], ...]:
        """(field, field inside it) of the times one level down, e.g. (`turn_lease`, `until`)."""
        return tuple(
            (outer, inner)
            for outer, (kind, _) in self.types.items()
            if dataclasses.is_dataclass(kind)
            for inner, hint in get_type_hints(kind).items()
            if hint is datetime
        )

    def check(self, document: Any, names: frozenset[str] | None = None) -> None:
        """Raise ValueError unless the document (or only its fields *names*) can be kept and read back the same."""
        if (concerned := self._concerned.get(names)) is None:
            concerned = self._concerned[names] = self._concern(names)
        times, nested_times, texts, choices_of = concerned
        for name in times:
            if (moment := getattr(document, name)) is not None:
                self._check_time(name, moment)
        for outer, inner in nested_times:
            if (holder := getattr(document, outer)) is not None:
                self._check_time(f"{outer}.{inner}", getattr(holder, inner))
        for name in texts:
            text = getattr(document, name)
            if text is not None and len(text) > MAX_KEY:
                raise ValueError(
                    f"{self.collection.name}.{name} has {len(text):,} characters; what is indexed has at most {MAX_KEY}"
                )
        for name, choices in choices_of:
            # pydantic's serializer lets any text pass as a Literal; its validator would refuse to read it back.
            if (value := getattr(document, name)) not in choices:
                raise ValueError(f"{self.collection.name}.{name} is {value!r}; it is one of {', '.join(choices)}")
        if names is None and not document.id:
            raise ValueError(f"{self.collection.name}: a document with an empty id")

    def stored_key(self, name: str, fields: Mapping[str, Any]) -> str | int | None:
        """The key of the field *name* of a document that is not read: *fields* are as in JSON."""
        value = fields.get(name, self._defaults.get(name))
        is_time = self.types[name][0] is datetime and isinstance(value, str)
        return key_value(datetime.fromisoformat(value) if is_time else value)

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        """What an earlier release did not write."""
        declared = dataclasses.fields(self.collection.model)  # type: ignore[arg-type]
        return {each.name: each.default for each in declared if each.default is not dataclasses.MISSING}

    def _concern(self, names: frozenset[str] | None) -> _Concerned:
        """What there is to check when these fields are written (None: all)."""
        written = self.types.keys() if names is None else names
        return (
            tuple(name for name in self.times if name in written),
            tuple((outer, inner) for outer, inner in self.nested_times if outer in written),
            tuple(name for name in self._texts if name in written),
            tuple((name, choices) for name, choices in self._choices.items() if name in written),
        )

    def _check_time(self, name: str, moment: datetime) -> None:
        if moment.tzinfo is None or moment.microsecond % 1000 or moment.utcoffset():
            raise ValueError(
                f"{self.collection.name}.{name} is {moment!r}; times are kept in UTC and whole milliseconds: "
                "pass it through frontdesk.clock.milliseconds"
            )

    def read_json(self, stored: str) -> D:
        """The document in *stored*; fields this release does not know are left out."""
        try:
            document: D = self.collection.adapter.validator.validate_json(stored)
        except ValidationError as error:
            raise self._unreadable(error) from error
        return document

    def read_python(self, stored: Mapping[str, Any]) -> D:
        """The same from a mapping with aware times."""
        try:
            return self.collection.adapter.validate_python(stored)
        except ValidationError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: ValidationError) -> StoreError:
        # The values are a contact's: the message names places and kinds of errors only.
        places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors(include_input=False))
        return StoreError(
            f"a document of collection {self.collection.name} cannot be read ({places}). It was written by a newer "
            "release, or by hand: run the release that wrote it, or correct the document"
        )


def _choices(kind: Any) -> tuple[str, ...]:
    """Every choice of a Literal, or of a union of them; empty for any other type."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(choice for option in get_args(kind) for choice in _choices(option))
    return ()


def key_value(value: Any) -> str | int | None:
    """*value* as an index column keeps it. Raises QueryError for what cannot be a key."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return milliseconds_of(value)
    if isinstance(value, int):
        return int(value)
    raise QueryError(f"{value!r} cannot be a key; keys are text, int, bool or time")
