"""A message of emoji and nothing else: what is meant by it, as far as one can tell."""

from __future__ import annotations

import unicodedata

_YES = frozenset("👍👌✅🆗")
_THANKS = frozenset("🙏❤💖💕💗🥰😍🌹💐")
_SAD = frozenset("👎😡😠🤬😢😭😞😔🙁☹💔😤😩😫😖😣🤮")
_UNSEEN = ("Cf", "Mn", "Me", "Zs", "Cc")
"""Joiners, variation selectors, what is between."""


def as_words(text: str) -> str:
    """*text*, but `ok` for a thumb up alone: it answers a question as the word does."""
    return "ok" if _emoji(text) and set(_emoji(text)) <= _YES else text


def mood_of(text: str) -> str:
    """`thanks`, `sad` or `other` for a text of emoji alone; empty for any other."""
    found = _emoji(text)
    for mood, signs in (("sad", _SAD), ("thanks", _THANKS)):
        if any(sign in signs for sign in found):
            return mood
    return "other" if found else ""


def _emoji(text: str) -> str:
    """The emoji of a text that has nothing else; skin tones and the like left out."""
    seen = [char for char in text if unicodedata.category(char) not in _UNSEEN]
    signs = [char for char in seen if unicodedata.category(char) != "Sk"]
    return "".join(signs) if signs and all(unicodedata.category(char) == "So" for char in signs) else ""
