"""The sentences of phrases.yaml, filled in; and a look whether one of them was said."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

from .data import load
from .language import Language

Formality = Literal["formal", "friendly", "casual"]
LONGEST = 1_000
"""Characters of an answer: more is not read on a phone."""


class Voice(NamedTuple):
    """How it is spoken: the language, and the tone of the tenant's persona."""

    language: Language
    formality: Formality = "friendly"
    emoji: bool = False


VOICES = tuple(Voice(language, formality) for language in get_args(Language) for formality in get_args(Formality))
"""Every voice a sentence may have been said in, before its emoji."""


def say(key: str, voice: Voice, **values: str) -> str:
    """The sentence *key* in that *voice*."""
    return _sentence(key, voice).format(**values)


def said(key: str, text: str) -> bool:
    """Whether the sentence *key* stands in *text*, in any voice."""
    return any(_sentence(key, voice) in text for voice in VOICES)


def continued(text: str) -> str:
    """A sentence after another: one polite `Dạ` is enough."""
    opening = next((yes for each in _data()["address"].values() if (yes := each["yes"]) and text.startswith(yes)), "")
    rest = text.removeprefix(opening)
    return rest[:1].upper() + rest[1:]


def fit(text: str) -> str:
    """*text* cut after a line or a sentence so that it is shorter than LONGEST."""
    text = text.strip()
    if len(text) < LONGEST:
        return text
    start = text[: LONGEST - 2]
    end = max(start.rfind("\n"), start.rfind(". ") + 1)
    return start[:end].rstrip() if end > LONGEST // 3 else start.rstrip() + "…"


@lru_cache(maxsize=1024)
def _sentence(key: str, voice: Voice) -> str:
    """With the contact addressed, its other placeholders still open."""
    written = _data()[key][voice.language]
    if not isinstance(written, str):
        written = written.get(voice.formality) or written["friendly"]
    begins_with_address = written.startswith(("{yes}", "{da}"))
    for placeholder, words in _data()["address"][voice.formality].items():
        written = written.replace(f"{{{placeholder}}}", words)
    if begins_with_address:
        written = written[:1].upper() + written[1:]
    emoji = _data()["emoji"].get(key, "") if voice.emoji else ""
    return f"{written} {emoji}".rstrip()


@lru_cache(maxsize=1)
def _data() -> dict[str, dict[str, Any]]:
    data: dict[str, dict[str, Any]] = load("phrases.yaml")
    return data
