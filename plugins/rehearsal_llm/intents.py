"""What a message wants besides a fact: a greeting, a person, an appointment; a yes or a no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .data import expanded, load
from .language import Language, Word, sentences, tokens
from .vocabulary import Spelling, known_words

WISHES = ("move", "cancel", "mine", "book")
"""What can be wanted of the calendar, in the order of deciding: `move my appointment` names an appointment too."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands in one message or sentence."""

    intents: frozenset[str]
    question: bool
    further: bool
    """It leans on the question before: `còn lớp trẻ em?`, `and for kids?`."""

    @property
    def wish(self) -> str | None:
        """`book`, `move`, `cancel` or `mine`; None also for a question about how that goes (`what if I cancel?`)."""
        if "hypothetical" in self.intents:
            return None
        return next((wish for wish in WISHES if wish in self.intents), None)


def read(text: str, language: Language) -> Reading:
    """The intents of *text*; `yes` and `no` only where nothing else is said."""
    written = tokens(text, language)
    table = _table()
    found = set(_found(table.anywhere, written))
    for sentence in sentences(text):
        found |= _together(tokens(sentence, language))
    plain = [word for word in written if word.plain not in _POLITE]
    for said in (written, plain):
        first = said[0].plain if said else ""
        found |= {intent for phrase, intent in table.whole.get(first, ()) if _same(phrase, said)}
    asked = text.rstrip().endswith("?") or any(_found(table.question[language], written))
    starts = table.further.get(written[0].plain, ()) if written else ()
    further = any(_same(phrase, written[: len(phrase)]) for phrase, _ in starts)
    return Reading(intents=frozenset(found), question=asked, further=further)


def _together(written: list[Word]) -> set[str]:
    """The intents of which both parts stand in one sentence, in any order: `breathe` and `cannot`, slips mended."""
    found = set(_found(_table().together, _spelling().mend(written)))
    pairs = {tuple(key.split()[:2]) for key in found}
    return {intent for intent, place in pairs if all(f"{intent} {place} {part}" in found for part in _PARTS)}


_PARTS = ("sign", "how")
_POLITE = frozenset("a nhe nha em chi anh ban ad da oi vay luon please thanks then".split())

_Phrases = dict[str, list[tuple[tuple[Word, ...], str]]]
"""Phrases with their intents, by their first word."""


@dataclass(frozen=True, slots=True)
class _Table:
    anywhere: _Phrases
    whole: _Phrases
    question: dict[str, _Phrases]
    further: _Phrases
    together: _Phrases
    """By intent and place in its list: `danger 0 sign`, `danger 0 how`."""


@lru_cache(maxsize=1)
def _table() -> _Table:
    data: dict[str, Any] = load("intents.yaml")
    return _Table(
        anywhere=_phrases(data["anywhere"]),
        whole=_phrases(data["whole"]),
        question={language: _phrases({"question": written}) for language, written in data["question"].items()},
        further=_phrases({"further": data["further"]}),
        together=_phrases(
            {
                f"{intent} {place} {part}": pair[part]
                for intent, pairs in data["together"].items()
                for place, pair in enumerate(pairs)
                for part in _PARTS
            }
        ),
    )


@lru_cache(maxsize=1)
def _spelling() -> Spelling:
    apart = {word.plain for phrases in _table().together.values() for phrase, _ in phrases for word in phrase}
    return Spelling(known_words() | apart)


def _phrases(intents: dict[str, list[str]]) -> _Phrases:
    found: _Phrases = {}
    for intent, written in intents.items():
        for phrase in expanded(written):
            meant = tuple(tokens(phrase, "en"))
            found.setdefault(meant[0].plain, []).append((meant, intent))
    return found


def _found(phrases: _Phrases, written: list[Word]) -> Iterator[str]:
    for start, word in enumerate(written):
        for phrase, intent in phrases.get(word.plain, ()):
            if _same(phrase, written[start : start + len(phrase)]):
                yield intent


def _same(phrase: tuple[Word, ...], written: list[Word]) -> bool:
    return len(phrase) == len(written) and all(map(Word.may_be, written, phrase))
