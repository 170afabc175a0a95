"""Texts as the patterns of this package expect them."""

from __future__ import annotations

import unicodedata


def normal(text: str) -> str:
    """NFC, small letters, one kind of apostrophe, dash and space between words."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return plain.translate(_ONE_KIND)


_ONE_KIND = str.maketrans({"’": "'", "‘": "'", "–": "-", "—": "-", "\u00a0": " ", "\u202f": " "})


def bare(text: str) -> str:
    """Without diacritics, as Vietnamese is often typed: "em da dat lich"."""
    parts = unicodedata.normalize("NFD", text.replace("đ", "d"))
    return "".join(char for char in parts if not unicodedata.combining(char))
