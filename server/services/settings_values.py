"""Between what a form posts (texts by name) and what stands in a tenants file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .settings_form import YES_NO, Field

Posted = Mapping[str, Sequence[str]]
"""What a form posted: `f.` and the key of a setting → its values. A list of groups has `f.facts[0].topic`."""

_INDEX = re.compile(r"\[(\d+)\]")
ON = "on"
MOST = 500
"""Items of one list that a form may post."""
LONGEST = 20_000
"""Characters of one value that is read as YAML, which takes its time."""


class _Plain(yaml.SafeLoader):
    """YAML without aliases: of ten lines of them a value can be made that no machine holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def texts(field: Field, value: Any) -> str:
    """*value* (JSON) as an input shows it."""
    match field.kind:
        case "list":
            return "\n".join(_line(each) for each in value or ())
        case "mapping":
            return "\n".join(f"{key}: {_line(each)}" for key, each in (value or {}).items())
        case "other":
            return (
                ""
                if value is None
                else yaml.safe_dump(value, allow_unicode=True, sort_keys=False).removesuffix("...\n")
            )
    return _line(value)


def _line(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}" if abs(value) < 1e6 else repr(value)
        case dict() | list():
            return yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=10**6).strip()
    return str(value)


def posted(field: Field, form: Posted, name: str = "") -> tuple[bool, Any]:
    """(whether the form has it, its value as JSON); what cannot be understood is left as it was typed, for pydantic."""
    name = name or f"f.{field.key}"
    if field.kind == "group":
        return _group(field, form, name)
    if field.kind == "list" and field.fields:
        return _groups(field, form, name)
    if name not in form:
        return False, None
    return True, _value(field, form[name])


def _group(field: Field, form: Posted, name: str) -> tuple[bool, Any]:
    there, found = False, {}
    for each in field.fields:
        has, value = posted(each, form, f"{name}.{each.name}")
        there = there or has
        if has and value not in (None, ""):
            found[each.name] = value
    return there, found or (None if field.nullable else {})


def _groups(field: Field, form: Posted, name: str) -> tuple[bool, Any]:
    """Rows in the order of their numbers; one in which nothing was typed is none."""
    numbers = {int(match[1]) for key in form if key.startswith(f"{name}[") and (match := _INDEX.match(key, len(name)))}
    if not numbers and f"{name}.shown" not in form:
        return False, None
    rows = []
    for number in sorted(numbers)[:MOST]:
        row: dict[str, Any] = {}
        for each in field.fields:
            has, value = posted(each, form, f"{name}[{number}].{each.name}")
            if has and value is not None and value != each.default and (value != "" or each.required):
                row[each.name] = value
        if any(value != "" for value in row.values()):
            rows.append(row)
    return True, rows


def _value(field: Field, typed: Sequence[str]) -> Any:
    text = typed[-1].replace("\r\n", "\n")
    match field.kind:
        case "switch":
            return ON in typed
        case "long":
            return text.strip()
        case "list":
            assert field.item is not None
            lines = [line for line in text.splitlines() if line.strip()]
            if field.item.kind == "other" and (len(lines) > MOST or _is_much(text)):
                return text
            return [_value(field.item, [line]) for line in lines]
        case "mapping":
            return _mapping(field, text)
        case "other":
            return _yaml(text)
    text = text.strip()
    if not text and (field.nullable or field.kind not in ("text",)):
        return None
    if field.options == YES_NO and text in YES_NO:
        return text == YES_NO[0]
    if field.kind in ("whole", "number", "money"):
        return _number(text)
    return text


def _number(text: str) -> Any:
    for read in (int, float):
        try:
            number = read(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text


def _mapping(field: Field, text: str) -> Any:
    assert field.item is not None
    found = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon:
            return text  # pydantic says that it is none
        found[key.strip()] = _value(field.item, [value])
    return found


def _is_much(text: str) -> bool:
    """Whether reading *text* as YAML would hold up the server: brackets in brackets take seconds."""
    return len(text) > LONGEST or text.count("[") + text.count("{") > MOST


def _yaml(text: str) -> Any:
    if _is_much(text):
        return text
    try:
        value = yaml.load(text, _Plain)  # noqa: S506  a SafeLoader that takes less
        json.dumps(value, allow_nan=False)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError):
        return text  # what it should be is pydantic's to say
    return value
