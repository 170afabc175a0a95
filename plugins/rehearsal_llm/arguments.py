"""What a tool's parameters are, by their schema, and their values in what a contact writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from frontdesk import ToolSpec

from . import when
from .intents import read
from .language import detect, fold, words
from .vocabulary import known_words, stem

VISIT = frozenset("appointment booking visit reservation event lich".split())
"""Words of parameters that name something booked already."""

_ID = re.compile(r"\bids?\b|opaque", re.IGNORECASE)
_WORDS = frozenset(
    "reason note notes topic subject purpose question message request wish comment comments text".split()
)
_PHONE = re.compile(r"(?<![\w+])(?:\+?\d[\d .\-]{7,14}\d)(?!\w)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
_NAME = re.compile(
    r"\b(?:t[êe]n (?:(?:em|mình|minh|tôi|toi|chị|chi|anh) )?(?:l[àa] )?|(?:em|mình|tôi|chị|anh) (?:tên )?là |"
    r"my name is|name is|name's|this is)\s*(?P<name>[^\W\d_][^\d,.!?;\n]{0,60})",
    re.IGNORECASE,
)

NAME_WORDS = 8
_NO_NAME = re.compile(r"\b(?:your?|the|this|that|not|don['’]?t|please|must|tell|show|need|want)\b|\d", re.IGNORECASE)
"""Words of an English sentence; digits."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter of a tool, its schema with references and `null` taken out."""

    name: str
    schema: Mapping[str, Any]
    required: bool

    @property
    def kind(self) -> str:
        """What fills it: id, day, time, moment, choice, number, yes, name, phone, email, words, when, or other.

        `when` takes the contact's own words of a time.
        """
        if "enum" in self.schema or "const" in self.schema:
            return "choice"
        formats = {"date": "day", "time": "time", "date-time": "moment", "email": "email"}
        type_, name = self.schema.get("type"), self.name.casefold()
        if self.schema.get("format") in formats:
            return formats[self.schema["format"]]
        if type_ in ("integer", "number"):
            return "number"
        if type_ == "boolean":
            return "yes"
        if type_ != "string":
            return "other"
        parts = set(name.split("_"))
        if parts & {"id", "slot", "reference", "ref"} or name in VISIT or _ID.search(self.description):
            return "id"
        if name in ("when", "wanted_time"):
            return "when"
        for kind, names in (("name", {"name"}), ("phone", {"phone", "mobile", "tel"}), ("email", {"email", "mail"})):
            if parts & names:
                return kind
        return "words" if parts & _WORDS else "other"

    @property
    def asked_as(self) -> str:
        """What it is called in the middle of a question: `the kind of bread (rye, baguette)`."""
        what = self.description.rstrip(". ") or self.name.replace("_", " ")
        first, _, rest = what.partition(" ")
        # A word that could as well be a name (`Bupa number`) keeps its capital.
        ordinary = fold(first) in known_words() or rest.startswith(("of ", "for ", "the ", "to "))
        what = what[:1].lower() + what[1:] if ordinary and first[1:] == first[1:].lower() else what
        choices = [str(choice).replace("_", " ") for choice in self.schema.get("enum") or ()]
        told = not choices or all(choice.casefold() in what.casefold() for choice in choices)
        return what if told else f"{what} ({', '.join(choices)})"

    @property
    def description(self) -> str:
        return str(self.schema.get("description") or "")


def arguments(tool: ToolSpec) -> list[Argument]:
    """The parameters of *tool*, in the order written."""
    required = set(tool.schema.get("required") or ())
    properties: Mapping[str, Any] = tool.schema.get("properties") or {}
    return [Argument(name, _plain(schema, tool.schema), name in required) for name, schema in properties.items()]


def from_texts(argument: Argument, texts: Sequence[str], now: datetime) -> Any:
    """A value for *argument* out of what the contact wrote, newest text first; None if it is not there or does not fit."""
    for text in texts:
        value = _value(argument, text, now)
        if value is not None and _allowed(value, argument.schema):
            return value
    return None


def answer(argument: Argument, text: str, now: datetime) -> Any:
    """A value from the reply to a question for just this *argument*: the whole text, if nothing better is in it."""
    value = _value(argument, text, now)
    if value is None and argument.kind == "name" and not may_be_a_name(text):
        return None
    if value is None and argument.kind in ("name", "words", "other") and argument.schema.get("type") == "string":
        value = " ".join(text.split())[:200]
    return value if value is not None and _allowed(value, argument.schema) else None


def may_be_a_name(text: str) -> bool:
    """Whether a reply to the question for a name is one, and not `yes`, `không biết` or an order."""
    reading = read(text, detect(text) or "vi")
    if not any(character.isalpha() for character in text):
        return False
    return not (reading.intents or reading.question or _NO_NAME.search(text)) and len(text.split()) <= NAME_WORDS


def _value(argument: Argument, text: str, now: datetime) -> Any:
    today = now.date()
    match argument.kind:
        case "day":
            return next((day.isoformat() for day in when.days(text, today)), None)
        case "time":
            return _time(text)
        case "moment":
            day, time = next(iter(when.days(text, today)), None), _time(text)
            return _moment(day, time, now) if day and time else None
        case "choice":
            return _choice(argument.schema.get("enum") or [argument.schema.get("const")], text)
        case "number":
            numbers = re.findall(r"(?<![\d.,/:])\d{1,6}(?![\d.,/:h])", text)
            return int(numbers[0]) if len(numbers) == 1 else None
        case "yes":
            intents = read(text, detect(text) or "vi").intents
            return True if "yes" in intents else False if "no" in intents else None
        case "name":
            found = _NAME.search(text)
            return found["name"].strip() if found else None
        case "phone":
            found = _PHONE.search(text)
            return found[0].strip() if found else None
        case "email":
            found = _EMAIL.search(text)
            return found[0] if found else None
    return None


def _time(text: str) -> str | None:
    minutes = {minute for clock in when.clocks(text) for minute in clock.minutes}
    by_day = {minute for minute in minutes if 7 * 60 <= minute < 19 * 60} if len(minutes) > 1 else minutes
    return f"{min(by_day) // 60:02}:{min(by_day) % 60:02}:00" if len(by_day) == 1 else None


def _moment(day: date, time: str, now: datetime) -> str:
    hour, minute, _ = map(int, time.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=now.tzinfo).isoformat()


def _choice(choices: Sequence[Any], text: str) -> Any:
    plain = _stems(text)
    found = [choice for choice in choices if _stems(str(choice).replace("_", " ")) in plain]
    return found[0] if len(found) == 1 else None


def _stems(text: str) -> str:
    """Its words between blanks, without their endings: `baguettes` names the choice `baguette`."""
    return f" {' '.join(map(stem, words(text, 'en')))} "


def _allowed(value: Any, schema: Mapping[str, Any]) -> bool:
    if isinstance(value, str):
        length = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        return bool(length) and ("pattern" not in schema or re.search(schema["pattern"], value) is not None)
    if isinstance(value, int) and not isinstance(value, bool):
        inside = schema.get("minimum", value) <= value <= schema.get("maximum", value)
        within = schema.get("exclusiveMinimum", value - 1) < value < schema.get("exclusiveMaximum", value + 1)
        return bool(inside and within)
    return True


def _plain(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    described = {key: schema[key] for key in ("description",) if key in schema}
    for alternatives in (schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")):
        real = [one for one in alternatives or () if one.get("type") != "null"]
        if real:
            return {**_plain(real[0], root), **described}
    if "$ref" in schema:
        target = (root.get("$defs") or {}).get(str(schema["$ref"]).rpartition("/")[2], {})
        return {**_plain(target, root), **described}
    return schema
