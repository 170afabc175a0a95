"""YAML to plain data, with the line of everything, and every flaw of the text at once.

The document is built here from libyaml's events and not by `yaml.load` or `yaml.compose`, for three reasons: a repeated
key is an error and not a silent override; a key is the text that was written (`on:` and `no:` are no booleans); and
PyYAML's C composer has no limit of depth, so that 50,000 opening brackets end the process with a segmentation fault.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .problems import NO_CHILDREN, Key, Mark

DEEPEST = 40
"""Levels of nesting; a tenants file needs about eight."""

_STANDARD = "tag:yaml.org,2002:"
_TEXT = _STANDARD + "str"
_SCALARS = frozenset(_STANDARD + name for name in ("str", "int", "float", "bool", "null", "timestamp"))


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with the YAML itself."""

    line: int
    path: tuple[Key, ...]
    found: str
    right: str


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text: its data (None if it is empty or cannot be parsed), where everything stands, what is wrong."""

    data: Any
    mark: Mark
    flaws: tuple[Flaw, ...]


def parse(text: str) -> Document:
    """Parse one YAML document. Never raises for what *text* contains; anchors and merge keys are resolved."""
    builder = _Builder()
    value = _NOTHING
    try:
        builder.loader = yaml.CSafeLoader(text)
        value = builder.document()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        builder.flaws.append(Flaw(line, (), "a control character", "remove it; YAML allows printable text only"))
    except yaml.MarkedYAMLError as error:
        builder.flaws.append(_syntax(error, text))
    except _TooDeep as error:
        builder.flaws.append(Flaw(error.line, (), f"nested more than {DEEPEST} levels deep", "write it flatter"))
    return Document(value.data, Mark(1, value.children), tuple(sorted(builder.flaws, key=lambda flaw: flaw.line)))


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Flaw:
    mark = error.problem_mark or error.context_mark
    context = f" {error.context}" if error.context else ""
    column = f" (column {mark.column + 1})" if mark else ""
    if mark and _at_a_tab(text, mark):
        return Flaw(mark.line + 1, (), f"a tab{column}", "indent with spaces; YAML takes no tabs for it")
    return Flaw(
        mark.line + 1 if mark else 1,
        (),
        f"YAML cannot be read{context}: {error.problem}{column}",
        "check indentation, quotes and brackets here and in the line above",
    )


def _at_a_tab(text: str, mark: yaml.Mark) -> bool:
    """Whether a line is indented with a tab up to *mark*."""
    line = text.splitlines()[mark.line : mark.line + 1]
    before = line[0][: mark.column + 1] if line else ""
    return "\t" in before and not before.strip()


class _TooDeep(Exception):
    def __init__(self, line: int) -> None:
        self.line = line


@dataclass(frozen=True, slots=True)
class _Value:
    data: Any
    children: Mapping[Key, Mark]


_NOTHING = _Value(None, NO_CHILDREN)


class _Builder:
    """Builds data from events. What an anchor names is built once and shared, so aliases cannot multiply it."""

    loader: Any  # yaml.CSafeLoader; types-PyYAML knows too little of it and of its events

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self.anchors: dict[str, _Value] = {}
        self.path: list[Key] = []

    def document(self) -> _Value:
        self.loader.get_event()  # StreamStart
        event = self.loader.get_event()
        if isinstance(event, yaml.StreamEndEvent):
            return _NOTHING
        value = self.value(self.loader.get_event())
        self.loader.get_event()  # DocumentEnd
        event = self.loader.get_event()
        if not isinstance(event, yaml.StreamEndEvent):
            self.flaw(event, "a second document begins (`---`)", "write everything in one document")
        return value

    def flaw(self, event: Any, found: str, right: str) -> None:
        self.flaws.append(Flaw(_line(event), tuple(self.path), found, right))

    def value(self, event: Any) -> _Value:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event)
        else:
            if len(self.path) >= DEEPEST:
                raise _TooDeep(_line(event))
            value = self.sequence(event) if isinstance(event, yaml.SequenceStartEvent) else self.mapping(event)
        if event.anchor:
            self.anchors[event.anchor] = value
        return value

    def alias(self, event: Any) -> _Value:
        if event.anchor not in self.anchors:
            # The name is not shown: it may be a secret that begins with an asterisk and lacks its quotes.
            self.flaw(event, "an alias (`*name`) without its anchor (`&name`) before it", "quote it if it is text")
        return self.anchors.get(event.anchor, _NOTHING)

    def scalar(self, event: Any) -> _Value:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == _TEXT:
            text = event.value
            return _Value(text if text.isascii() else unicodedata.normalize("NFC", text), NO_CHILDREN)
        if tag not in _SCALARS:
            if tag != _STANDARD + "merge" and tag != _STANDARD + "value":
                self.foreign_tag(event)
            return _Value(event.value, NO_CHILDREN)
        try:
            return _Value(self.loader.construct_object(yaml.ScalarNode(tag, event.value)), NO_CHILDREN)
        except (ValueError, KeyError, AttributeError, OverflowError, yaml.YAMLError):
            # What PyYAML raises for `!!bool x`, `!!timestamp x` and for plain text such as 2024-13-45.
            self.flaw(event, f"text that is no {tag.removeprefix(_STANDARD)}", "quote it if it is text")
            return _NOTHING

    def foreign_tag(self, event: Any) -> None:
        # The tag is not shown: it may be a secret that begins with an exclamation mark and lacks its quotes.
        self.flaw(event, "an unknown YAML tag (`!word`)", "quote it if it is text; a secret is `{env: NAME}`")

    def collection_tag(self, event: Any, standard: str) -> None:
        if event.tag not in (None, "!", _STANDARD + standard):
            self.foreign_tag(event)

    def sequence(self, event: Any) -> _Value:
        self.collection_tag(event, "seq")
        data: list[Any] = []
        children: dict[Key, Mark] = {}
        while not isinstance(event := self.loader.get_event(), yaml.SequenceEndEvent):
            self.path.append(len(data))
            value = self.value(event)
            children[len(data)] = Mark(_line(event), value.children)
            data.append(value.data)
            self.path.pop()
        return _Value(data, children)

    def mapping(self, event: Any) -> _Value:
        self.collection_tag(event, "map")
        data: dict[str, Any] = {}
        children: dict[Key, Mark] = {}
        merged: list[_Value] = []
        while not isinstance(event := self.loader.get_event(), yaml.MappingEndEvent):
            key = self.key(event)
            self.path.append(key or "")
            value_event = self.loader.get_event()
            value = self.value(value_event)
            if key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                merged += self.merge(value_event, value)
            elif key in data:
                first = children[key].line
                self.flaw(event, f"is there twice (first on line {first})", "keep one of the two")
            elif key is not None:
                data[key] = value.data
                children[key] = Mark(_line(event), value.children)
            self.path.pop()
        for value in merged:
            data.update((key, value.data[key]) for key in value.data if key not in data)
            children.update((key, value.children[key]) for key in value.children if key not in children)
        return _Value(data, children)

    def key(self, event: Any) -> str | None:
        """The key as it is written; None (and a flaw) if it is not text."""
        if isinstance(event, yaml.ScalarEvent):
            return unicodedata.normalize("NFC", event.value)
        self.flaw(event, "a key that is a list, a mapping or an alias", "a key is one word before a colon")
        self.value(event)
        return None

    def merge(self, event: Any, value: _Value) -> list[_Value]:
        """What `<<: *name` or `<<: [*one, *two]` brings in; the first that has a key wins."""
        if isinstance(value.data, dict):
            return [value]
        if isinstance(value.data, list) and all(isinstance(item, dict) for item in value.data):
            return [_Value(item, value.children[place].children) for place, item in enumerate(value.data)]
        self.flaw(event, f"`<<` merges {'a list' if isinstance(value.data, list) else 'text'}", "merge a mapping")
        return []


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
