"""The words of a text in plain letters, with what can be told of their diacritics and their slips of typing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from frontdesk import fold

READ_AT_MOST = 500
"""Characters of a text that are read: who says when they can come needs fewer."""

_NOT_TIME = (
    r"24/7|\d{1,3}(?:[.,]\d{3})+(?!\d)"
    r"|\d[\d.,]*\s?(?:%|[$€₫]|(?:k|đ|d|vnđ|vnd|usd|tr|triệu|trieu|ngàn|ngan|nghìn|nghin|kg|cm|km)\b)"
    r"|(?<!thứ )(?<!thu )(?<!ngày )(?<!ngay )(?<!tháng )(?<!thang )(?<![tT])"
    r"\d+\s?(?:tuổi|tuoi|tháng tuổi|thang tuoi|người|nguoi|khách|khach|chỗ|lần|lan|viên|vien|buổi|buoi|đêm|dem|nights?"
    r"|people|persons?|guests?|pax|kids|years?\s?old|yo)\b"
)
"""Money, ages, heads: numbers that are no time whatever stands beside them."""
_TOKEN = re.compile(
    rf"(?P<other>{_NOT_TIME})"
    r"|(?P<iso>\d{4}(?P<by>[-/.])\d{1,2}(?P=by)\d{1,2})(?![\d/-])"
    r"|(?P<date>\d{1,2}(?P<sep>[/.-])\d{1,2}(?P=sep)(?:\d{4}|\d{2}))(?![\d/])"
    r"|(?P<slash>\d{1,2}/\d{1,2})(?![\d/])"
    r"|(?P<time>\d{1,2}:\d{2})(?!\d)"
    r"|(?P<dot>\d{1,2}\.\d{2})(?![\d.])"
    r"|(?P<ordinal>\d{1,2}(?:st|nd|rd|th))\b"
    r"|(?P<num>\d+)"
    r"|(?P<word>[ap]\.\s?m\b\.?|[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<mark>[^\w\s])"
    r"|(?P<line>\n)",
    re.IGNORECASE,
)
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")


Word = tuple[str, str]
"""Plain letters, diacritics."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or mark. `plain` has no diacritics; `marks` are those it was written with, in one order."""

    kind: str
    plain: str
    marks: str
    begin: int
    end: int
    capital: bool = False

    def may_be(self, plain: str, marks: str) -> bool:
        """Whether that word is meant: the same letters, and the same diacritics or none."""
        return self.plain == plain and (not self.marks or self.marks == marks)


def normal(text: str) -> str:
    """*text* as it is read: composed (NFC), without what cannot be seen, not longer than READ_AT_MOST."""
    composed = unicodedata.normalize("NFC", text[: 2 * READ_AT_MOST])[:READ_AT_MOST]
    return "".join(c for c in composed if c == "\n" or unicodedata.category(c) not in ("Cf", "Cc", "Cs", "Co", "Cn"))


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a `normal` text."""
    for match in _TOKEN.finditer(text):
        kind, written = match.lastgroup or "", match.group()
        plain, marks = letters(written) if kind == "word" else (written, "")
        yield Token(kind, plain, marks, match.start(), match.end(), written.istitle())


@lru_cache(maxsize=4096)  # the same few words come in every message
def letters(written: str) -> tuple[str, str]:
    """*written* in plain letters, and its diacritics in one order, wherever the tone was put (`hoà`, `hòa`)."""
    lower = _REPEATED.sub(r"\1", written.casefold())
    marks = "".join(sorted(c for c in unicodedata.normalize("NFD", lower) if unicodedata.combining(c) or c == "đ"))
    plain = fold(lower)
    if plain[1:2] == ".":
        plain = plain.replace(".", "").replace(" ", "")  # p. m.
    return plain.removesuffix("'s"), marks


class Speller:
    """Mends what is no word of the lexicon and no other word: wrong diacritics, and one slip in a long word."""

    def __init__(self, meanings: dict[Word, object], other: set[Word], typed_so: dict[Word, Word]) -> None:
        """*meanings*: every word of the lexicon, with what it means where it says all by itself."""
        self._known, self._other, self._typed_so = set(meanings), other, typed_so
        self._plain = {plain for plain, _ in meanings}
        self._long = sorted((plain, meaning) for (plain, _), meaning in meanings.items() if len(plain) >= 6)
        self._mended: dict[str, str] = {}

    def mend(self, token: Token) -> Token:
        """*token*, with the letters or diacritics it should have had where that is plain."""
        if token.kind != "word":
            return token
        if full := self._typed_so.get((token.plain, token.marks)):
            return replace(token, plain=full[0], marks=full[1])
        if (token.plain, token.marks) in self._known:
            return token
        if token.plain in self._plain:
            wrong = token.marks and (token.plain, token.marks) not in self._other
            return replace(token, marks="") if wrong else token
        if len(token.plain) < 6 or (token.plain, "") in self._other:
            return token
        return replace(token, plain=self._nearest(token.plain), marks="")

    def _nearest(self, plain: str) -> str:
        if plain not in self._mended:
            if len(self._mended) > 10_000:
                self._mended.clear()
            near = {meaning: word for word, meaning in self._long if one_slip(plain, word)}
            self._mended[plain] = next(iter(near.values())) if len(near) == 1 else plain
        return self._mended[plain]


def one_slip(one: str, other: str) -> bool:
    """Whether a letter too many, too few, changed or swapped with its neighbour is all that tells them apart."""
    if abs(len(one) - len(other)) > 1 or one[0] != other[0]:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    swapped = len(a) > 1 and len(b) > 1 and a[:2] == b[1::-1] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped
