"""What a message wants besides a fact: a greeting, a person, an appointment; a yes or a no."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from .language import Language, words

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
    tokens = words(text, language)
    table = _table()
    found = {intent for intent, phrases in table.anywhere.items() if any(_within(phrase, tokens) for phrase in phrases)}
    plain = tuple(token for token in tokens if token not in _POLITE) or tuple(tokens)
    found |= {intent for intent, phrases in table.whole.items() if tuple(tokens) in phrases or plain in phrases}
    asked = text.rstrip().endswith("?") or any(_within(phrase, tokens) for phrase in table.question[language])
    further = any(tuple(tokens[: len(phrase)]) == phrase for phrase in table.further)
    return Reading(intents=frozenset(found), question=asked, further=further)


_POLITE = frozenset("a nhe nha em chi anh ban ad da oi vay luon please thanks then".split())

_Phrases = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Table:
    anywhere: dict[str, _Phrases]
    whole: dict[str, _Phrases]
    question: dict[str, _Phrases]
    further: _Phrases


@lru_cache(maxsize=1)
def _table() -> _Table:
    data: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "intents.yaml").read_text(encoding="utf-8"))
    return _Table(
        anywhere={intent: _phrases(written) for intent, written in data["anywhere"].items()},
        whole={intent: _phrases(written) for intent, written in data["whole"].items()},
        question={language: _phrases(written) for language, written in data["question"].items()},
        further=_phrases(data["further"]),
    )


def _phrases(written: list[str]) -> _Phrases:
    """Each item of the list is a phrase, or several with commas between."""
    return frozenset(tuple(words(phrase, "en")) for item in written for phrase in item.split(","))


def _within(phrase: tuple[str, ...], tokens: list[str]) -> bool:
    length = len(phrase)
    return any(tuple(tokens[i : i + length]) == phrase for i in range(len(tokens) - length + 1))
