"""The lexicon, and a text as atoms of it: the longest phrase counts, numbers and dates in digits are read here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from .cascade import Atom
from .spelling import Speller, Token, Word, letters, tokens


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day, in hours; `first` tells which half of the day an hour said with it is in."""

    name: str
    begin: int
    end: int
    first: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Phrase:
    words: tuple[Word, ...]
    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Lexicon:
    phrases: dict[str, list[Phrase]]  # by the letters of their first word, the longest first
    either: frozenset[str]
    i_verbs: frozenset[str]
    before_question: frozenset[str]
    particles: frozenset[str]
    after_hour: frozenset[str]
    parts: dict[str, Part]
    speller: Speller


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The words of lexicon.yaml."""
    text = (Path(__file__).parent / "lexicon.yaml").read_text(encoding="utf-8")
    data = yaml.load(text, Loader=yaml.CSafeLoader)
    parts = {name: _part(name, **hours) for name, hours in data["parts"].items()}
    phrases: dict[str, list[Phrase]] = {}
    for phrase in (*_listed(data["kinds"], parts), *_numbers(data)):
        phrases.setdefault(phrase.words[0][0], []).append(phrase)
    for with_same_start in phrases.values():
        with_same_start.sort(key=lambda phrase: -len(phrase.words))
    meanings = _meanings(phrases)
    other = set(map(letters, data["other"])) - set(meanings)
    return Lexicon(
        phrases,
        frozenset(letters(word)[0] for word in data["either"]),
        frozenset(data["i_verbs"]),
        frozenset(letters(word)[0] for word in data["not_after_question"]),
        frozenset(letters(word)[0] for word in data["particles"]),
        frozenset(letters(word)[0] for word in (*data["particles"], *data["after_hour"])),
        parts,
        Speller(meanings, other, {letters(short): letters(full) for short, full in data["typed_so"].items()}),
    )


def _meanings(phrases: dict[str, list[Phrase]]) -> dict[Word, object]:
    """Every word, with the kind and value of the phrase that it is alone; without one, itself."""
    meanings: dict[Word, object] = {}
    for phrase in (phrase for group in phrases.values() for phrase in group):
        for word in phrase.words:
            if len(phrase.words) == 1:
                meanings[word] = phrase.kind, phrase.value
            elif word[0][:1].isalpha():
                meanings.setdefault(word, word)
    return meanings


def _part(name: str, begin: int, end: int, first: int, before: int | None = None, after: int | None = None) -> Part:
    return Part(name, begin, end, first, begin if before is None else before, end if after is None else after)


def _listed(kinds: dict[str, dict[Any, list[str]]], parts: dict[str, Part]) -> Iterator[Phrase]:
    for kind, values in kinds.items():
        for value, phrases in values.items():
            for phrase in phrases:
                yield _phrase(phrase, kind, parts[value] if kind in ("part", "tonight") else value)
                if kind == "ordinal" and " " in phrase:
                    yield _phrase(phrase.replace(" ", "-"), kind, value)


def _phrase(written: str, kind: str, value: Any) -> Phrase:
    return Phrase(tuple((t.plain, t.marks) for t in tokens(written)), kind, value)


def _numbers(data: dict[str, Any]) -> Iterator[Phrase]:
    """Numbers in words up to 59; Vietnamese says some units differently after tens (`hai mốt`, `hai mươi lăm`)."""
    vi, en = data["units"]["vi"], data["units"]["en"]
    for units in (vi, en):
        yield from (_phrase(word, "num", value) for value, word in units.items())
    after = [*vi.items(), *data["after_tens"].items()]
    yield from (_phrase(f"mười {word}", "num", 10 + unit) for unit, word in after if word not in ("mốt", "tư"))
    for ten, word in data["tens"]["vi"].items():
        yield _phrase(word, "num", 10 * ten)
        yield from (_phrase(f"{word} {said}", "num", 10 * ten + unit) for unit, said in after)
        short = word.split()[0]
        yield from (_phrase(f"{short} {said}", "num", 10 * ten + unit) for unit, said in data["after_tens"].items())
    for ten, word in data["tens"]["en"].items():
        yield _phrase(word, "num", 10 * ten)
        for unit in range(1, 10):
            yield _phrase(f"{word} {en[unit]}", "num", 10 * ten + unit)
            yield _phrase(f"{word}-{en[unit]}", "num", 10 * ten + unit)


def atoms(text: str) -> list[Atom]:
    """The atoms of a `spelling.normal` text; what is not in the lexicon is of kind `x`."""
    words = lexicon()
    read = [words.speller.mend(token) for token in tokens(text)]
    found: list[Atom] = []
    at = 0
    while at < len(read):
        phrase = _longest(read, at)
        stop = at + (len(phrase.words) if phrase else 1)
        first, last = read[at], read[stop - 1]
        kind, value = (phrase.kind, phrase.value) if phrase else (first.kind, first.plain)
        if len(first.plain) <= 4 and stop == at + 1 and not first.marks and first.plain in words.either:
            kind, value = first.plain, phrase
        elif first.plain == "nam" and stop == at + 1 and kind == "num":
            kind = "nam"  # năm is five and year, with its diacritics too
        elif not phrase:
            kind, value = _bare(first)
        found.append(Atom(kind, value, first.begin, last.end, first.plain, first.capital))
        at = stop
    return found


def _longest(read: Sequence[Token], at: int) -> Phrase | None:
    for phrase in lexicon().phrases.get(read[at].plain, ()):
        words = read[at : at + len(phrase.words)]
        if len(words) == len(phrase.words) and all(t.may_be(*w) for t, w in zip(words, phrase.words, strict=True)):
            after = read[at + len(words)] if at + len(words) < len(read) else None
            if not _is_hour(words, after):
                return phrase
    return None


def _is_hour(words: Sequence[Token], after: Token | None) -> bool:
    """`Thu 3pm` and `hoc thu 3h` are no `thứ 3`."""
    if len(words) != 2 or words[0].plain != "thu" or after is None:
        return False
    return (after.plain in ("am", "pm") and not words[0].marks) or (
        after.plain in ("h", "g") and after.begin == words[1].end
    )


def _bare(token: Token) -> tuple[str, Any]:
    """What a number or date in digits is; the rules look at whether there is such a day or hour."""
    numbers = [
        int(part) for part in "".join(c if c.isdecimal() else " " for c in token.plain).split() if len(part) <= 4
    ]
    match token.kind:
        case "iso":
            return "date", (numbers[2], numbers[1], numbers[0])
        case "date":
            return "date", (numbers[0], numbers[1], numbers[2] + (2000 if numbers[2] < 100 else 0))
        case "slash" if numbers[0] <= 39 and numbers[1] <= 39:
            return "slash", (numbers[0], numbers[1], None)
        case "time" if numbers[0] <= 39:
            return "time", (numbers[0], numbers[1])
        case "dot":
            return "dot", (numbers[0], numbers[1])
        case "ordinal":
            return "ordinal", numbers[0]
        case "num" if len(token.plain) <= 2:
            return "num", numbers[0]
        case "num" if len(token.plain) == 4 and 2000 <= numbers[0] <= 2100:
            return "year", numbers[0]
    return "x", token.plain
