"""What a message wants besides a fact: a greeting, a person, an appointment; a yes or a no."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .data import load
from .language import Language, Word, tokens

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
    found = {
        intent for intent, phrases in table.anywhere.items() if any(_within(phrase, written) for phrase in phrases)
    }
    plain = [word for word in written if word.plain not in _POLITE]
    for intent, phrases in table.whole.items():
        if any(_same(phrase, said) for phrase in phrases for said in (written, plain)):
            found.add(intent)
    asked = text.rstrip().endswith("?") or any(_within(phrase, written) for phrase in table.question[language])
    further = any(_same(phrase, written[: len(phrase)]) for phrase in table.further)
    return Reading(intents=frozenset(found), question=asked, further=further)


_POLITE = frozenset("a nhe nha em chi anh ban ad da oi vay luon please thanks then".split())

_Phrases = frozenset[tuple[Word, ...]]


@dataclass(frozen=True, slots=True)
class _Table:
    anywhere: dict[str, _Phrases]
    whole: dict[str, _Phrases]
    question: dict[str, _Phrases]
    further: _Phrases


@lru_cache(maxsize=1)
def _table() -> _Table:
    data: dict[str, Any] = load("intents.yaml")
    return _Table(
        anywhere={intent: _phrases(written) for intent, written in data["anywhere"].items()},
        whole={intent: _phrases(written) for intent, written in data["whole"].items()},
        question={language: _phrases(written) for language, written in data["question"].items()},
        further=_phrases(data["further"]),
    )


def _phrases(written: list[str]) -> _Phrases:
    """Each item of the list is a phrase, or several with commas between."""
    return frozenset(tuple(tokens(phrase, "en")) for item in written for phrase in item.split(","))


def _within(phrase: tuple[Word, ...], written: list[Word]) -> bool:
    length = len(phrase)
    return any(_same(phrase, written[i : i + length]) for i in range(len(written) - length + 1))


def _same(phrase: tuple[Word, ...], written: list[Word]) -> bool:
    return len(phrase) == len(written) and all(map(Word.may_be, written, phrase))
