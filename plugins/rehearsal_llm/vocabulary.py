"""From words to meanings: phrases of the lexicon become one mark each in both languages, the rest becomes word stems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from .language import Language, fold, lexicon, words

LONGEST_PHRASE = 6
"""Words in the longest phrase of the lexicon that is looked for."""


def terms(text: str, language: Language) -> list[str]:
    """What *text* is about: `#price` for a phrase of the lexicon, a stem for any other word that carries meaning.

    `Học phí lớp giao tiếp bao nhiêu vậy ạ` → #price #course #conversation.
    """
    return [term for term, _ in spotted(words(text, language), language)]


def spotted(tokens: list[str], language: Language) -> Iterator[tuple[str, bool]]:
    """Terms of *tokens*, each with whether the lexicon knows it. The longest phrase wins; fillers are dropped."""
    phrases, fillers = _phrases()[language], _fillers()[language]
    keys = [stem(token) for token in tokens] if language == "en" else tokens
    start = 0
    while start < len(tokens):
        for length in range(min(LONGEST_PHRASE, len(tokens) - start), 0, -1):
            concept = phrases.get(tuple(keys[start : start + length]))
            if concept is not None:
                yield f"#{concept}", True
                start += length
                break
        else:
            token = tokens[start]
            if token not in fillers and (len(token) > 1 or token.isdigit()):
                yield keys[start], False
            start += 1


def stem(word: str) -> str:
    """An English word without its commonest endings: `booked`, `books`, `booking` → `book`."""
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith(("ss", "us", "is")):
            return word[: -len(ending)] + rest
    return word


def known_words() -> frozenset[str]:
    """Every single word in a phrase of the lexicon or among the fillers: what a misspelt word may have meant."""
    return _known_words()


@lru_cache(maxsize=1)
def beside_the_subject() -> frozenset[str]:
    """Terms that are seldom what a question is about (`#booking` in "what do I bring to my appointment")."""
    return frozenset(f"#{concept}" for concept in lexicon()["beside_the_subject"])


@lru_cache(maxsize=1)
def _phrases() -> dict[Language, dict[tuple[str, ...], str]]:
    found: dict[Language, dict[tuple[str, ...], str]] = {"vi": {}, "en": {}}
    for concept, phrases in lexicon()["concepts"].items():
        for phrase in phrases:
            plain = words(phrase, "en")
            found["vi"][tuple(plain)] = concept
            # One Vietnamese syllable without its diacritics is often an English word: `bé` would be `be`.
            if len(plain) > 1 or fold(phrase) == phrase.casefold():
                found["en"][tuple(map(stem, plain))] = concept
    return found


@lru_cache(maxsize=1)
def _fillers() -> dict[Language, frozenset[str]]:
    fillers = lexicon()["fillers"]
    return {"vi": frozenset(fold(fillers["vi"]).split()), "en": frozenset(fold(fillers["en"]).split())}


@lru_cache(maxsize=1)
def _known_words() -> frozenset[str]:
    return frozenset(word for phrase in _phrases()["vi"] for word in phrase) | _fillers()["vi"] | _fillers()["en"]


class Spelling:
    """Mends words that are one slip away from a known one (`prcie` → `price`); short words are left alone."""

    SHORTEST = 5

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._known = frozenset(vocabulary)
        self._by_part: dict[str, list[str]] = {}
        for word in sorted(self._known):
            if len(word) >= self.SHORTEST and word.isalpha():
                for part in _parts(word):
                    self._by_part.setdefault(part, []).append(word)

    def mend(self, tokens: list[str]) -> list[str]:
        return [self._mend(token) for token in tokens]

    def _mend(self, token: str) -> str:
        if len(token) < self.SHORTEST or not token.isalpha() or token in self._known or stem(token) in self._known:
            return token
        for part in _parts(token):
            for word in self._by_part.get(part, ()):
                if word[0] == token[0] and _one_slip(token, word):
                    return word
        return token


def _parts(word: str) -> list[str]:
    return [word, *(word[:i] + word[i + 1 :] for i in range(len(word)))]


def _one_slip(one: str, other: str) -> bool:
    """One letter more, less, different, or two neighbours swapped."""
    if len(one) > len(other):
        one, other = other, one
    differing = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    rest, other_rest = one[differing:], other[differing:]
    if len(one) < len(other):
        return rest == other_rest[1:]
    swapped = len(rest) > 1 and rest[1] + rest[0] + rest[2:] == other_rest
    return rest[1:] == other_rest[1:] or swapped
