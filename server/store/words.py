"""Words, as documents are found by them: without case and diacritics, so that `nguyen` finds `Nguyễn`, and the other way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from .collections import Words

LONGEST = 64
"""Characters of a word that count (DocumentDB: an index entry is at most 2,048 bytes)."""
MOST = 500
"""Different words of one document that DocumentDB finds it by."""
NUMBER = range(4, 16)
"""So many of a number's last digits find it (E.164: at most 15)."""
BEGINNING = 2
"""Letters of a beginning that finds a word."""

AROUND = 60
"""Letters before the first word that is shown of a text."""

# Letters to Python that SQLite's tokenizer (Unicode 6.1) takes for marks between words: New Tai Lue's vowels, two of Vedic.
_WORD = re.compile("[^\\W_\u19b0-\u19c0\u19c8\u19c9\u1cf2\u1cf3]+")
# The combining diacritics: what SQLite's tokenizer takes off. Vowel signs of other scripts are no diacritics.
_DIACRITIC = re.compile("[\u0300-\u036f]")


def words_of(text: str) -> tuple[str, ...]:
    """The different words of *text*, in order, as `Repository.search` is asked for them."""
    return tuple(dict.fromkeys(word[:LONGEST] for word in _WORD.findall(_plain(text))))


def _plain(text: str) -> str:
    return _DIACRITIC.sub("", unicodedata.normalize("NFD", text)).lower().replace("đ", "d")


def marked(text: str, words: Collection[str]) -> list[tuple[str, bool]]:
    """*text* in pieces, each with whether it is one of *words*; what stands far before the first of them is left out."""
    text = unicodedata.normalize("NFC", text)
    places = [each.span() for each in _WORD.finditer(text) if _plain(each[0]) in words]
    begin = max(0, places[0][0] - AROUND) if places else 0
    pieces: list[tuple[str, bool]] = [("…", False)] if begin else []
    for start, end in places:
        pieces += [(text[begin:start], False), (text[start:end], True)]
        begin = end
    return [piece for piece in (*pieces, (text[begin:], False)) if piece[0]]


def digits_of(text: str) -> str:
    """The digits of a phone number, however it is written, as far as every spelling of it has them; empty: *text* is none.

    `+84 90 123 45 67` and `0084…` keep the country's code, `090 123 45 67` and `+84 (0)90…` lose the trunk's 0.
    """
    if not re.fullmatch(r"[\d\s()+./-]+", text.strip()):
        return ""
    digits = re.sub(r"\D", "", text.replace("(0)", ""))
    return digits.lstrip("0")


def found_by(words: Words, fields: Mapping[str, Any]) -> list[str]:
    """All by which a document is found, of its *fields* as in JSON: what DocumentDB keeps beside them."""
    said = words_of(" ".join(str(fields.get(name) or "") for name in words.fields))
    for name in words.numbers:
        digits = re.sub(r"\D", "", str(fields.get(name) or ""))
        said += tuple(digits[-count:] for count in NUMBER if count <= len(digits))
    if words.beginnings:
        said += tuple(word[:end] for word in said for end in range(BEGINNING, len(word)))
    return list(dict.fromkeys(said))[:MOST]
