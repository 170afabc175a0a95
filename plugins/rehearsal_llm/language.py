"""Which language a text is in, and its words in one plain spelling: lower case, no diacritics, no chat shorthand."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from frontdesk import detect_language as detect
from frontdesk import fold as fold

from .data import load

Language = Literal["vi", "en"]
__all__ = ["Language", "Word", "detect", "fold", "letters", "lexicon", "sentences", "tokens", "visible", "words"]

READ_AT_MOST = 2_000
"""Characters of one message that are read: past this it is not a question to a front desk, and time is short."""

_WORD = re.compile(r"[a-z0-9]+")
_WRITTEN = re.compile(r"[^\W_]+")
_REPEATED = re.compile(r"([a-z])\1{2,}")


@lru_cache(maxsize=1)
def lexicon() -> dict[str, Any]:
    """The words of lexicon.yaml, as written there."""
    data: dict[str, Any] = load("lexicon.yaml")
    return data


def visible(text: str) -> str:
    """*text* as NFC without what cannot be seen (zero-width marks, direction marks), at most READ_AT_MOST characters."""
    plain = unicodedata.normalize("NFC", text[:READ_AT_MOST])
    return "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) not in ("Cf", "Cc", "Cs", "Co", "Cn"))


class Word(NamedTuple):
    """A word as it was written: its plain letters, and its diacritics in one order, wherever the tone was put."""

    plain: str
    marks: str = ""

    def may_be(self, other: Word) -> bool:
        """Whether *other* is meant: the same letters, and the same diacritics or none. `ban` may be `bạn`; `bán` not."""
        return self.plain == other.plain and (not self.marks or self.marks == other.marks)


def tokens(text: str, language: Language) -> list[Word]:
    """The words of *text*; in Vietnamese with chat shorthand written out (`hp bn` → học phí bao nhiêu)."""
    plain = unicodedata.normalize("NFC", text).casefold().replace("’", "").replace("'", "")
    found = [word for written in _WRITTEN.findall(plain) if (word := _word(written)).plain]
    if language == "en":
        return found
    return [full for word in found for full in _shorthand().get(word, (word,))]


def words(text: str, language: Language) -> list[str]:
    """The words of *text* in plain letters."""
    return [word.plain for word in tokens(text, language)]


@lru_cache(maxsize=4096)  # the same few words come in every message
def _word(written: str) -> Word:
    if written.isascii() and not _REPEATED.search(written):
        return Word(written)
    plain = "".join(_WORD.findall(_REPEATED.sub(r"\1", fold(written))))
    if plain == written:
        return Word(plain)
    marks = sorted(c for c in unicodedata.normalize("NFD", written) if unicodedata.combining(c) or c == "đ")
    return Word(plain, "".join(marks))


@lru_cache(maxsize=1)
def _shorthand() -> dict[Word, tuple[Word, ...]]:
    return {_word(short): tuple(map(_word, full.split())) for short, full in lexicon()["shorthand"].items()}


def letters(text: str) -> str:
    """What script *text* is written in: `latin`, `other`, or `` if it has no letters at all."""
    scripts = {"latin" if unicodedata.name(c, "").startswith("LATIN") else "other" for c in text if c.isalpha()}
    if not scripts:
        return ""
    return "latin" if "latin" in scripts else "other"


def sentences(text: str) -> list[str]:
    """The sentences of *text*, each with the mark that ends it; a stop inside a number or a time ends nothing."""
    return [part.strip() for part in re.findall(r"(?:[^.?!…;\n]|[.?!;](?=\w))+[?!.…;]*", text) if part.strip()]
