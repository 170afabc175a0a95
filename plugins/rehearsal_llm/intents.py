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
    parts = sentences(text)
    for sentence in parts:
        found |= _together(tokens(sentence, language) if len(parts) > 1 else written)
    plain = [word for word in written if word.plain not in _POLITE]
    for said in (written, plain):
        found |= set(_meant(table.whole, said))
    asked = text.rstrip().endswith("?") or any(_found(table.question[language], written)) or _opens(written, language)
    further = any(any(_meant(table.further, written[:length])) for length in range(1, LONGEST + 1))
    return Reading(intents=frozenset(found), question=asked, further=further)


def _opens(written: list[Word], language: Language) -> bool:
    """Whether it is a question by the order of its words: `is Bupa accepted`; `will do` is none."""
    return language == "en" and len(written) > 2 and written[0].plain in _table().opening


def _together(written: list[Word]) -> set[str]:
    """The intents of which both parts stand in one sentence, in any order: `breathe` and `cannot`, slips mended."""
    found = set(_found(_table().together, _spelling().mend(written)))
    pairs = {tuple(key.split()[:2]) for key in found}
    return {intent for intent, place in pairs if all(f"{intent} {place} {part}" in found for part in _PARTS)}


_PARTS = ("sign", "how")
_POLITE = frozenset("a nhe nha em chi anh ban ad da oi vay luon please thanks then".split())

_Phrases = dict[tuple[str, ...], list[tuple[tuple[Word, ...], str]]]
"""Phrases with their intents, by their words in plain letters."""
LONGEST = 8
"""Words in the longest phrase that is looked for."""


@dataclass(frozen=True, slots=True)
class _Table:
    anywhere: _Phrases
    whole: _Phrases
    question: dict[str, _Phrases]
    opening: frozenset[str]
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
        opening=frozenset(data["opening"]),
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
            found.setdefault(tuple(word.plain for word in meant), []).append((meant, intent))
    return found


def _found(phrases: _Phrases, written: list[Word]) -> Iterator[str]:
    plain = tuple(word.plain for word in written)
    for start in range(len(plain)):
        for end in range(start + 1, min(start + LONGEST, len(plain)) + 1):
            if plain[start:end] in phrases:
                yield from _meant(phrases, written[start:end])


def _meant(phrases: _Phrases, said: list[Word]) -> Iterator[str]:
    """The intents of the phrases that are just these words."""
    for phrase, intent in phrases.get(tuple(word.plain for word in said), ()):
        if all(map(Word.may_be, said, phrase)):
            yield intent
