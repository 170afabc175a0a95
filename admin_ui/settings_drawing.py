"""Settings as a form shows them: what was typed, what is wrong with it in an operator's words, the sections of a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frontdesk.services.settings_desk import Entry, Flaw
from frontdesk.services.settings_form import Field, label_of
from frontdesk.services.settings_values import posted, texts

from .language import _, mark

SECTIONS: Mapping[str, tuple[str, str]] = {
    "": (mark("The business"), "building-2"),
    "persona": (mark("Who contacts are talking to"), "bot"),
    "opening_hours": (mark("Opening hours"), "clock"),
    "words": (mark("Sentences of its own"), "quote"),
    "spending": (mark("What it may cost"), "coins"),
    "limits": (mark("How much it answers"), "gauge"),
    "settle": (mark("How long it waits for more"), "timer"),
    "voice": (mark("Voice notes, in and out"), "mic"),
    "opt_out": (mark("No more messages"), "ban"),
    "retention": (mark("How long data is kept"), "database"),
}
"""First part of a key → the section's title and icon; what is in none is of the business."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A field, ready to be drawn; of a list of groups `rows` are the fields of each."""

    field: Field
    name: str
    text: str = ""
    on: bool = False
    flaw: str = ""
    rows: tuple[tuple[Shown, ...], ...] = ()
    blank: tuple[Shown, ...] = ()
    """A row for one more."""
    entry: Entry | None = None
    note: str = ""
    """Of a draft: what is in force instead."""

    @property
    def id(self) -> str:
        """For `id` attributes."""
        return re.sub(r"[^a-zA-Z0-9_-]+", "-", self.name).strip("-")

    @property
    def summary(self) -> str:
        """Of a row: the first text in it."""
        return self.text


def drawn(
    entries: Iterable[Entry], form: Mapping[str, Sequence[str]] | None = None, flaws: Iterable[Flaw] = ()
) -> list[Shown]:
    """The fields of a form; with *form*, as they were typed."""
    wrong = {each.key: worded(each) for each in flaws}
    return [_entry(entry, form, wrong) for entry in entries]


def others(shown: Iterable[Shown], flaws: Iterable[Flaw]) -> list[str]:
    """What is wrong with no field that is shown."""
    keys = {each.field.key for each in shown}
    return [
        f"{each.key}: {worded(each)}" if each.key else worded(each) for each in flaws if _root(each.key) not in keys
    ]


def _root(key: str) -> str:
    return re.split(r"\[", key)[0]


def _entry(entry: Entry, form: Mapping[str, Sequence[str]] | None, wrong: Mapping[str, str]) -> Shown:
    field, name = entry.field, f"f.{entry.field.key}"
    there, value = posted(field, form) if form is not None and field.kind != "secret" else (False, None)
    shown = _field(field, name, field.key, value if there else entry.value, wrong, entry)
    if there and name in (form or {}) and field.kind != "switch":
        typed = (form or {})[name][-1]
        return Shown(field=field, name=name, text=typed, flaw=shown.flaw, entry=entry)
    return shown


def _field(
    field: Field, name: str, key: str, value: Any, wrong: Mapping[str, str], entry: Entry | None = None
) -> Shown:
    flaw = wrong.get(key, "")
    if field.kind == "list" and field.fields:
        rows = tuple(
            tuple(_part(each, f"{name}[{no}]", f"{key}[{no}]", row, wrong) for each in field.fields)
            for no, row in enumerate(value or ())
        )
        empty = tuple(_part(each, f"{name}[{len(rows)}]", "-", {}, {}) for each in field.fields)
        return Shown(field=field, name=name, rows=rows, blank=empty, flaw=flaw, entry=entry)
    if field.kind == "group":
        inner = tuple(_part(each, name, key, value or {}, wrong) for each in field.fields)
        return Shown(field=field, name=name, rows=(inner,), flaw=flaw, entry=entry)
    if not flaw and field.kind in ("list", "mapping"):
        flaw = next((f"{text}" for other, text in wrong.items() if _root(other) == key and key), "")
    text = "" if field.kind == "secret" else texts(field, value)
    return Shown(field=field, name=name, text=text, on=value is True, flaw=flaw, entry=entry)


def _part(field: Field, name: str, key: str, row: Any, wrong: Mapping[str, str]) -> Shown:
    value = row.get(field.name, field.default) if isinstance(row, Mapping) else row
    return _field(field, f"{name}.{field.name}", f"{key}.{field.name}", value, wrong)


def sections(shown: Iterable[Shown]) -> list[tuple[str, str, str, list[Shown]]]:
    """(key, title, icon, fields) of a tenant's own settings."""
    found: dict[str, list[Shown]] = {key: [] for key in SECTIONS}
    for each in shown:
        first, dot, _rest = each.field.key.partition(".")
        found[first if dot and first in SECTIONS else ""].append(each)
    return [(key, _(SECTIONS[key][0]), SECTIONS[key][1], fields) for key, fields in found.items() if fields]


def option(value: str) -> str:
    """One of a choice, as people read it."""
    return {"true": _("Yes"), "false": _("No")}.get(value) or _(label_of(value))


def worded(flaw: Flaw) -> str:
    """What is wrong, as an operator would say it; of what is not known here, what `frontdesk check` says."""
    if flaw.found in ("missing", "is empty", "nothing is written"):
        return _("This is needed.")
    return _right(flaw.right) or _sentence(f"{flaw.found}; {flaw.right}" if flaw.right else flaw.found)


def _right(right: str) -> str:
    for pattern, say in _RIGHT:
        if match := re.fullmatch(pattern, right):
            return say(match)
    return ""


def _said(text: str) -> Callable[[re.Match[str]], str]:
    return lambda match: _(text, **match.groupdict())


_RIGHT: Sequence[tuple[str, Callable[[re.Match[str]], str]]] = (
    (r"write (?P<n>\d+) character\(s\) or more.*", _said(mark("Too short: %(n)s characters at least."))),
    (r"write (?P<n>\d+) characters or less", _said(mark("Too long: %(n)s characters at most."))),
    (r"write (?P<n>\d+) item\(s\) or more", _said(mark("Too few: %(n)s at least."))),
    (r"write (?P<n>\d+) items or less", _said(mark("Too many: %(n)s at most."))),
    (r"write (?P<n>[\d.]+) or more", _said(mark("Write %(n)s or more."))),
    (r"write (?P<n>[\d.]+) or less", _said(mark("Write %(n)s or less."))),
    (r"write more than (?P<n>[\d.]+)", _said(mark("Write more than %(n)s."))),
    (r"write less than (?P<n>[\d.]+)", _said(mark("Write less than %(n)s."))),
    (r"write a whole number(, or leave the key out)?", _said(mark("Write a whole number."))),
    (r"write a number(, or leave the key out)?", _said(mark("Write a number."))),
    (r"write a number and its unit .*", _said(mark("Write a number and its unit, such as 30 min, 2 h or 7 d."))),
    (r"write opening and closing time, .*", _said(mark("Write opening and closing time, such as 08:00-17:30."))),
    (r"write the spans of a day in order, .*", _said(mark("Write the times of a day in order, without overlap."))),
    (r"did you mean (?P<near>.+)\?", _said(mark("There is none of this name. Did you mean %(near)s?"))),
    (r'write "\+", country code, number: .*', _said(mark("Write it with the country code, such as +84 912 345 678."))),
    (r"must be at most cap_seconds \((?P<n>[\d.]+) s\), .*", _said(mark("At most the longest wait, %(n)s s."))),
)
"""What the models say would be right, and the same for operators."""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"
