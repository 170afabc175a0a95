"""The choices in a tool's answer, each with the opaque id it is known by, and which of them the contact means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from . import when
from .language import fold

AT_MOST = 8
"""Choices shown at once."""
TITLE, DESCRIPTION = 24, 72
"""Characters of a choice that can be tapped."""
SHORT = 6
"""Words of a reply that can be nothing but a choice."""

_LINE = re.compile(r"^[\s\-*•]*(?P<id>[^\s,;]{2,64}?)\s*(?P<sep>—|–|\||=|:(?=\s)| - )\s*(?P<label>\S.*)$")
_BRACKET_FIRST = re.compile(
    r"^[\s\-*•\d.)]*[\[(](?:id[:= ]\s*)?(?P<id>[^\s\])]{2,64})[\])]\s*[—–:|-]?\s*(?P<label>\S.*)$"
)
_BRACKET_LAST = re.compile(
    r"^[\s\-*•]*(?:\d{1,2}[.)]\s+)?(?P<label>.*?\S)\s*[\[(](?:id[:= ]\s*)?(?P<id>[^\s\])]{2,64})[\])]\.?$"
)
_NO_ID = re.compile(r"\d{1,2}[:h.]\d{2}|\d{1,2}/\d{1,2}(/\d+)?|\d{4}-\d{2}-\d{2}")
_SHOWN = re.compile(r"^(\d{1,2})\. (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Option:
    """One choice. `label` is what people read; `id` is passed on as it came and never shown."""

    id: str
    label: str

    @property
    def tapped(self) -> str:
        """The label as it reads where it was offered to be tapped."""
        title, description = _in_two(self.label)
        return f"{title} ({description})" if description else title


@dataclass(frozen=True, slots=True)
class Offer:
    """Choices below an answer: to be tapped, or as lines of it."""

    options: Sequence[Option]
    asked: str = ""
    """The question that stands below the lines."""
    listed: str = ""
    """What stands there in place of the numbered lines."""

    def choices(self) -> list[dict[str, str]]:
        """As the core's tool takes them; empty: they have no room there, or cannot be told apart by their titles."""
        found = []
        for option in self.options[:AT_MOST]:
            title, description = _in_two(option.label)
            described = {"description": description} if description else {}
            found.append({"title": title, **described, "id": option.id})
        short = all(len(each["title"]) <= TITLE and len(each.get("description", "")) <= DESCRIPTION for each in found)
        distinct = len({each["title"].casefold() for each in found}) == len(found)
        return found if short and distinct else []

    def lines(self) -> tuple[str, str]:
        """What stands below the text where nothing can be tapped."""
        return self.listed or show(self.options), self.asked


def parse(content: str) -> list[Option]:
    """The choices in a tool's answer: JSON, or lines such as `id — label`, `[id] label`, `label (id: …)`."""
    try:
        data = json.loads(content)
    except ValueError:
        found = list(_from_lines(content))
    else:
        found = list(_from_json(data))
    return list({option.id: option for option in found}.values())


def heading(content: str) -> str:
    """What a tool says above its choices: lines in front of the first one, the last of which ends in a colon."""
    above: list[str] = []
    for line in content.splitlines():
        if next(_from_lines(line), None) is not None:
            break
        above.append(line.strip())
    text = "\n".join(filter(None, above))
    return text if text.endswith(":") else ""


def _in_two(label: str) -> tuple[str, str]:
    """The title and the description of a choice: a long label is cut where a word ends."""
    if len(label) <= TITLE:
        return label, ""
    title = label[: TITLE + 1].rpartition(" ")[0] or label
    return title.rstrip(" ,;:–—-"), label[len(title) :].lstrip(" ,;:–—-")


def show(options: Sequence[Option]) -> str:
    """The choices as a numbered list, one a line."""
    return "\n".join(f"{no}. {option.label}" for no, option in enumerate(options[:AT_MOST], 1))


def shown(text: str) -> list[str]:
    """The labels of a numbered list that was said before."""
    return [match[2].strip() for match in _SHOWN.finditer(text)]


def _from_lines(content: str) -> Iterator[Option]:
    for line in content.splitlines():
        match = _BRACKET_FIRST.match(line) or _BRACKET_LAST.match(line) or _LINE.match(line)
        if match and _is_id(match["id"], sure=match.re is not _LINE or match["sep"] != ":"):
            yield Option(match["id"], match["label"].strip())


def _is_id(text: str, *, sure: bool) -> bool:
    """`slot-7f3a` is an id; a time, a date or the word before a colon (`Friday: …`) is none."""
    if _NO_ID.fullmatch(text) or when.days(text, date(2000, 1, 1)):
        return False
    return sure or any(c.isdigit() or c in "_-" for c in text)


def _from_json(data: Any) -> Iterator[Option]:
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        yield from (option for items in (lists or [[data]]) for option in _from_items(items))
    elif isinstance(data, list):
        yield from _from_items(data)


def _from_items(items: list[Any]) -> Iterator[Option]:
    for item in items:
        if not isinstance(item, dict):
            continue
        key = "id" if "id" in item else next((key for key in item if key.endswith("id")), None)
        if key is None or not isinstance(item[key], str | int):
            continue
        named = next((item[name] for name in ("label", "text", "title", "when", "time") if item.get(name)), None)
        rest = [str(value) for name, value in item.items() if name != key and isinstance(value, str | int | float)]
        yield Option(str(item[key]), str(named) if named else ", ".join(rest) or str(item[key]))


_ORDINALS = {
    **dict.fromkeys(("first", "1st", "thu nhat", "dau tien", "cai dau", "gio dau", "som nhat", "earliest"), 0),
    **dict.fromkeys(("second", "2nd", "thu hai", "thu nhi", "thu 2"), 1),
    **dict.fromkeys(("third", "3rd", "thu ba", "thu 3"), 2),
    **dict.fromkeys(("fourth", "4th", "thu tu", "thu 4"), 3),
    **dict.fromkeys(("fifth", "5th", "thu nam", "thu 5"), 4),
    **dict.fromkeys(("last", "latest", "cuoi cung", "cuoi", "muon nhat"), -1),
}
_WEEKDAYS = frozenset(f"thu {day}" for day in ("hai", "ba", "tu", "nam", 2, 3, 4, 5))
"""Ordinals that are days of the week, too: `thứ ba` is Tuesday and "the third"."""
_ANY = re.compile(r"\b(any of them|any|either|whichever|nao cung duoc|gio nao cung duoc|sao cung duoc)\b")
_NUMBER = re.compile(
    r"(?:(?:so|number|no|option|cai|lua chon|phuong an|chon|slot)\.? ?)?(\d{1,2})"
    r"(?: (?:please|nhe|a|nha|di|em|thanks))*"
)
_ORDINAL = re.compile(
    r"\b(?P<sure>(?:the|cai|so|gio|lua chon) )?"
    rf"(?P<word>{'|'.join(sorted(map(re.escape, _ORDINALS), key=len, reverse=True))})\b(?P<one> one| option| slot)?"
)


def pick(labels: Sequence[str], text: str, today: date) -> int | None:
    """Which of *labels* the contact means by *text*; None if that is none of them, or more than one."""
    plain = " ".join(re.sub(r"[^\w\s:/]", " ", fold(text)).split())
    if not labels or not plain:
        return None
    # What is tapped comes back as its title, without the description.
    tapped = [
        no for no, label in enumerate(labels) if fold(label) == fold(text) or fold(label).startswith(f"{fold(text)} (")
    ]
    if len(tapped) == 1:
        return tapped[0]
    numbered = _NUMBER.fullmatch(plain)
    if numbered:
        return _by_number(labels, int(numbered[1]), today)
    ordinal = _ORDINAL.search(plain)
    # A Monday among the choices wins over "the second", unless `cái` or the like stands before `thứ hai`.
    if ordinal and (ordinal["sure"] or ordinal["one"]) and (place := _place(labels, ordinal["word"])) is not None:
        return place
    named = matching(labels, text, today)
    if len(named) == 1:
        return named[0]
    if ordinal and not named and len(plain.split()) <= SHORT and not _may_be_a_day(ordinal["word"], labels, today):
        return _place(labels, ordinal["word"])
    return 0 if _ANY.search(plain) and len(plain.split()) <= SHORT else None


def matching(labels: Sequence[str], text: str, today: date) -> list[int]:
    """The places of the labels that fit every day, time and part of the day named in *text*; empty if none is named."""
    days, clocks, part = when.days(text, today), when.clocks(text), when.part_of_day(text)
    if not (days or clocks or part):
        return []
    return [no for no, label in enumerate(labels) if _fits(label, days, clocks, part, today)]


def names_time(text: str) -> bool:
    """Whether a time of day stands in *text*: only then does a day alone not leave the choice open."""
    return bool(when.clocks(text))


def _fits(label: str, days: list[date], clocks: list[when.Clock], part: tuple[int, int] | None, today: date) -> bool:
    own_days, own_clocks = when.days(label, today), when.clocks(label)
    if days and own_days and not set(days) & set(own_days):
        return False
    if days and not own_days and not clocks and part is None:
        return False
    start = _start(own_clocks[0].minutes) if own_clocks else frozenset()
    if clocks:
        return any(start & clock.minutes for clock in clocks)
    return part is None or any(part[0] <= minute // 60 < part[1] for minute in start)


def _start(minutes: frozenset[int]) -> frozenset[int]:
    """Lists are written on the 24-hour clock: `9:00` is in the morning, only before six it may be the afternoon."""
    return frozenset({min(minutes)}) if min(minutes) >= 6 * 60 else minutes


def _by_number(labels: Sequence[str], number: int, today: date) -> int | None:
    if 1 <= number <= len(labels):
        return number - 1
    named = matching(labels, f"{number}:00", today)
    return named[0] if len(named) == 1 else None


def _place(labels: Sequence[str], word: str) -> int | None:
    place = _ORDINALS[word]
    return place % len(labels) if -1 <= place < len(labels) else None


def _may_be_a_day(word: str, labels: Sequence[str], today: date) -> bool:
    """Whether *word* may ask for another day than those of the *labels*: who is not sure books nothing."""
    return word in _WEEKDAYS and any(when.days(label, today) or when.clocks(label) for label in labels)
