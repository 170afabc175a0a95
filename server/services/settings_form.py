"""What a form is drawn from: the fields of a Settings class, each with its kind, limits, help and default.

It is for screens and the API alike, and knows nothing of HTML. The help is the text below a setting in the code.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, PydanticUndefined

from frontdesk.config import Secret, Settings
from frontdesk.config.fields import Language, PhoneNumber, TimeZone

Kind = Literal[
    "text", "long", "number", "whole", "money", "duration", "time", "switch", "choice", "list", "mapping", "group", "secret",
    "zone", "language", "phone", "other",
]  # fmt: skip
"""`other`: something that is written as YAML."""

YES_NO = ("true", "false")
"""The options of what is yes, no or left to the code."""
_ACRONYMS = {"sid", "id", "url", "api", "aws", "sdk", "llm", "crm", "http", "ttl", "sms"}
_UNITS = {
    "seconds": "s",
    "minutes": "min",
    "hours": "h",
    "days": "d",
    "bytes": "bytes",
    "megabytes": "MB",
    "tokens": "tokens",
}
_MARKED = {get_args(TimeZone)[1]: "zone", get_args(Language)[1]: "language", get_args(PhoneNumber)[1]: "phone"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One setting of a form."""

    key: str
    """Where it stands below the form's root, with dots: `tone.formality`; empty: an item of a list."""
    kind: Kind
    label: str = ""
    help: str = ""
    """What it does, from the code; English."""
    required: bool = False
    nullable: bool = False
    """Whether it may be left empty, which means something of its own."""
    default: Any = None
    """As in JSON; None: there is none, or nothing."""
    least: float | None = None
    most: float | None = None
    longest: int | None = None
    """Characters of a text, items of a list."""
    unit: str = ""
    example: str = ""
    options: tuple[str, ...] = ()
    """Of a choice, as they are written."""
    fields: tuple[Field, ...] = ()
    """Of a group, or of each item of a list of groups."""
    item: Field | None = None
    """Of a list or a mapping: what each one is."""
    adapter: Any = None
    """pydantic's, for this type alone."""

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition(".")[2]

    def normal(self, value: Any) -> Any:
        """*value* as JSON with everything written out, or as it is if it is not right."""
        try:
            return self.adapter.dump_python(self.adapter.validate_python(value), mode="json")
        except (ValidationError, PydanticSerializationError):
            return value


@lru_cache(maxsize=256)
def fields_of(model: type[BaseModel], below: str = "") -> tuple[Field, ...]:
    """The settings of a class in the order written."""
    return tuple(_field(name, info, below) for name, info in model.model_fields.items())


def leaves(fields: tuple[Field, ...]) -> list[Field]:
    """Those that are set on their own: a group is the settings in it."""
    found: list[Field] = []
    for each in fields:
        found += leaves(each.fields) if each.kind == "group" and not each.nullable else [each]
    return found


def label_of(name: str) -> str:
    """`account_sid` as people write it: `Account SID`."""
    words = [word.upper() if word in _ACRONYMS else word for word in name.split("_") if word]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]]) if words else name


def _field(name: str, info: FieldInfo, below: str) -> Field:
    written = info.validation_alias if isinstance(info.validation_alias, str) else info.alias or name
    key = f"{below}.{written}" if below else written
    annotation = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, Mapping) else {}
    made = _of_type(annotation, key, extra)
    default = None if info.is_required() else _default(info, made["adapter"])
    example = next((str(each) for each in info.examples or () if not isinstance(each, list)), "")
    unit = "$" if made["kind"] == "money" else _unit(written) if made["kind"] in ("whole", "number") else ""
    return Field(
        **made | {"key": key, "example": made.get("example") or example, "unit": unit},
        label=info.title or label_of(written),
        help=" ".join((info.description or "").split()),
        required=info.is_required(),
        default=default,
    )


def _unit(name: str) -> str:
    return next((unit for word, unit in _UNITS.items() if name.endswith(f"_{word}")), "")


def _default(info: FieldInfo, adapter: Any) -> Any:
    if info.default_factory_takes_validated_data:
        return None
    value = info.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None:
        return None
    try:
        # Validated first: a default is written as the code likes it.
        return adapter.dump_python(adapter.validate_python(value), mode="json")
    except (ValidationError, PydanticSerializationError):
        return None


def _of_type(annotation: Any, key: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a type, as arguments of `Field`."""
    bare, metadata, nullable = _unwrapped(annotation)
    for each in metadata:
        if isinstance(each, FieldInfo) and isinstance(each.json_schema_extra, Mapping):
            extra = {**each.json_schema_extra, **extra}
    found = _limits(metadata) | {"key": key, "nullable": nullable, "adapter": TypeAdapter(annotation)}
    marked = next((kind for each in metadata for other, kind in _MARKED.items() if each == other), None)
    if bare is bool and nullable:
        return found | {"kind": "choice", "options": YES_NO}
    return found | (_simple(bare, extra) if marked is None else {"kind": marked}) | _compound(bare, key)


def _unwrapped(annotation: Any) -> tuple[Any, list[Any], bool]:
    """The type itself, what is said of it, and whether it may be nothing."""
    metadata: list[Any] = []
    nullable = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata += more
        elif get_origin(annotation) in (Union, types.UnionType):
            inner = [each for each in get_args(annotation) if each is not type(None)]
            nullable = nullable or len(inner) < len(get_args(annotation))
            # `Language | Literal[""]`: the same, and may be empty.
            real = [each for each in inner if each != Literal[""]]
            if len(real) != 1:
                return annotation, metadata, nullable
            annotation = real[0]
        else:
            return annotation, metadata, nullable


def _limits(metadata: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in metadata:
        if isinstance(each, FieldInfo):
            found |= _limits(list(each.metadata))
        for name, type_, read in (
            ("least", annotated_types.Ge, "ge"),
            ("least", annotated_types.Gt, "gt"),
            ("most", annotated_types.Le, "le"),
            ("most", annotated_types.Lt, "lt"),
            ("longest", annotated_types.MaxLen, "max_length"),
        ):
            if isinstance(each, type_):
                found[name] = getattr(each, read)
    return found


def _simple(bare: Any, extra: Mapping[str, Any]) -> dict[str, Any]:
    form = extra.get("form")
    if bare is bool:
        return {"kind": "switch"}
    if bare is int:
        return {"kind": "whole"}
    if bare is float:
        return {"kind": "money" if form == "money" else "number"}
    if bare is timedelta:
        return {"kind": "duration", "example": "30 min"}
    if bare is time:
        return {"kind": "time"}
    if bare is Secret:
        return {"kind": "secret"}
    if get_origin(bare) is Literal:
        return {"kind": "choice", "options": tuple(map(str, get_args(bare)))}
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        return {"kind": "choice", "options": tuple(str(each.value) for each in bare)}
    if bare is str:
        return {"kind": "long" if form == "long" else "text"}
    return {"kind": "other"}


def _compound(bare: Any, key: str) -> dict[str, Any]:
    if isinstance(bare, type) and issubclass(bare, Settings):
        return {"kind": "group", "fields": fields_of(bare, key)}
    origin, arguments = get_origin(bare), get_args(bare)
    if origin in (tuple, list, set, frozenset) and arguments and arguments[1:] in ((), (Ellipsis,)):
        item = Field(**_of_type(arguments[0], "", {}))
        group = item.fields if item.kind == "group" else ()
        return {"kind": "list", "item": item, "fields": group} if _writable(item) else {"kind": "other"}
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        item = Field(**_of_type(arguments[1], "", {}))
        return {"kind": "mapping", "item": item} if item.kind in _LINES else {"kind": "other"}
    return {}


_LINES = (
    "text",
    "long",
    "number",
    "whole",
    "money",
    "duration",
    "time",
    "choice",
    "zone",
    "language",
    "phone",
    "other",
)
"""Kinds that can be written on one line."""


def _writable(item: Field) -> bool:
    return item.kind == "group" or item.kind in _LINES
