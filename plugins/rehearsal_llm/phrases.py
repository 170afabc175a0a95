"""The sentences of phrases.yaml, filled in; and a look whether one of them was said."""

from __future__ import annotations

from functools import lru_cache

from .data import load
from .language import Language

LONGEST = 1_000
"""Characters of an answer: more is not read on a phone."""


def say(key: str, language: Language, **values: str) -> str:
    """The sentence *key* in *language*."""
    return _sentences()[key][language].format(**values)


def said(key: str, text: str, **values: str) -> bool:
    """Whether the sentence *key* stands in *text*, in either language."""
    return any(sentence.format(**values) in text for sentence in _sentences()[key].values())


def fit(text: str) -> str:
    """*text* cut after a line or a sentence so that it is shorter than LONGEST."""
    text = text.strip()
    if len(text) < LONGEST:
        return text
    start = text[: LONGEST - 2]
    end = max(start.rfind("\n"), start.rfind(". ") + 1)
    return start[:end].rstrip() if end > LONGEST // 3 else start.rstrip() + "…"


@lru_cache(maxsize=1)
def _sentences() -> dict[str, dict[str, str]]:
    sentences: dict[str, dict[str, str]] = load("phrases.yaml")
    return sentences
