"""A small grammar: rules that replace neighbouring atoms by what they mean together, one rule after the other.

A pattern is a regular expression over kinds of atoms, each kind a name: `num hour num?`, `(?<=at)num`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of the text and what it is; `begin` and `end` are its characters, `plain` its letters."""

    kind: str
    value: Any
    begin: int
    end: int
    plain: str = ""
    capital: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """Against what a text is understood: the wall clock, language, first weekday and opening hour of the desk."""

    now: datetime
    language: str
    week_starts: int
    opens: int


@dataclass(frozen=True, slots=True)
class Found:
    """The atoms a pattern matched, with those around them."""

    atoms: Sequence[Atom]
    first: int
    last: int
    setting: Setting

    def all(self, kind: str) -> list[Any]:
        """The values of the matched atoms of *kind*, in order."""
        return [atom.value for atom in self.atoms[self.first : self.last] if atom.kind == kind]

    def one(self, *kinds: str) -> Any:
        """The value of the first matched atom of one of *kinds*; None without any."""
        return next((atom.value for atom in self.atoms[self.first : self.last] if atom.kind in kinds), None)

    def before(self, kind: str) -> bool:
        """Whether an atom of *kind* stands anywhere before the match."""
        return any(atom.kind == kind for atom in self.atoms[: self.first])

    @property
    def next(self) -> Atom | None:
        """The atom after the match."""
        return self.atoms[self.last] if self.last < len(self.atoms) else None


Made = tuple[str, Any] | list[tuple[str, Any]] | None
"""A kind with its value, several in order, or None: the rule does not hold here."""
_CODES: dict[str, str] = {}


def code(kind: str) -> str:
    """The character that stands for *kind* in a line of kinds."""
    return _CODES.setdefault(kind, chr(0xE000 + len(_CODES)))


@dataclass(frozen=True, slots=True)
class Rule:
    pattern: re.Pattern[str]
    make: Callable[[Found], Made]


def rule(pattern: str, make: Callable[[Found], Made]) -> Rule:
    """What stands like *pattern* becomes what *make* makes of it."""
    return Rule(re.compile(re.sub(r"[a-z_]+", lambda name: code(name.group()), pattern).replace(" ", "")), make)


def becomes(kind: str, value: Any = 1) -> Callable[[Found], Made]:
    """Makes the same of every match."""
    return lambda found: (kind, value)


def reduced(atoms: list[Atom], rules: Sequence[Rule], setting: Setting) -> list[Atom]:
    """*atoms* after each of *rules* was applied once, from left to right."""
    atoms = list(atoms)
    line = "".join(code(atom.kind) for atom in atoms)
    for each in rules:
        at = 0
        while match := each.pattern.search(line, at):
            start, stop = match.span()
            made = each.make(Found(atoms, start, stop, setting)) if stop > start else None
            if made is None:
                at = start + 1
                continue
            new = [
                _joined(kind, value, atoms[start:stop]) for kind, value in (made if isinstance(made, list) else [made])
            ]
            atoms[start:stop] = new
            line = line[:start] + "".join(code(atom.kind) for atom in new) + line[stop:]
            at = start + max(len(new), 1)
    return atoms


def _joined(kind: str, value: Any, parts: Sequence[Atom]) -> Atom:
    return Atom(kind, value, parts[0].begin, parts[-1].end, parts[0].plain, parts[0].capital)
