"""From words to meanings: phrases of the lexicon become one mark each in both languages, the rest becomes word stems."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from .data import expanded
from .language import Language, Word, lexicon, tokens

FILLER = "#nothing"
"""The concept of phrases that say nothing about what is asked (`phòng khám` is no room and no examination)."""
LONGEST_PHRASE = 6
"""Words in the longest phrase of the lexicon that is looked for."""


def spotted(written: list[Word], language: Language) -> list[str]:
    """What *written* is about: `#price` for a phrase of the lexicon, a stem for any other word that carries meaning.

    The longest phrase wins; fillers are dropped: `Học phí lớp giao tiếp bao nhiêu vậy ạ` → #price #course #conversation.
    """
    found: list[str] = []
    keys = [_key(word.plain, language) for word in written]
    start = 0
    while start < len(written):
        length, term = _phrase_at(written, keys, start, language)
        if not length:
            length, word = 1, written[start]
            if not _is_filler(word, language) and (len(word.plain) > 1 or word.plain.isdigit()):
                term = keys[start]
        if term and term != FILLER:
            found.append(term)
        start += length
    return found


def _phrase_at(written: list[Word], keys: list[str], start: int, language: Language) -> tuple[int, str]:
    """Length and term of the longest phrase that begins at *start*; length 0 if none does."""
    phrases = _phrases()[language]
    for length in range(min(LONGEST_PHRASE, len(written) - start), 0, -1):
        for marks, concept in phrases.get(tuple(keys[start : start + length]), ()):
            if all(not word.marks or word.marks == mark for word, mark in zip(written[start:], marks, strict=False)):
                return length, f"#{concept}"
    return 0, ""


def _key(plain: str, language: Language) -> str:
    return stem(plain) if language == "en" else plain


def _is_filler(word: Word, language: Language) -> bool:
    return any(word.may_be(filler) for filler in _fillers()[language].get(word.plain, ()))


def stem(word: str) -> str:
    """An English word without its commonest endings: `booked`, `books`, `booking` → `book`."""
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith(("ss", "us", "is")):
            return word[: -len(ending)] + rest
    return word


@lru_cache(maxsize=1)
def beside_the_subject() -> frozenset[str]:
    """Terms that are seldom what a question is about (`#booking` in "what do I bring to my appointment")."""
    return frozenset(f"#{concept}" for concept in lexicon()["beside_the_subject"])


@lru_cache(maxsize=1)
def there_or_not() -> frozenset[str]:
    """Terms of things that a fact answers for by naming them (`#lift`)."""
    return frozenset(f"#{concept}" for concept in lexicon()["there_or_not"])


@lru_cache(maxsize=1)
def implied() -> dict[str, tuple[str, ...]]:
    """By a term, the terms of whose askers a fact with it speaks: `#lift` → `#wheelchair`."""
    return {f"#{one}": tuple(f"#{other}" for other in others) for one, others in lexicon()["implies"].items()}


_Phrases = dict[tuple[str, ...], list[tuple[tuple[str, ...], str]]]


@lru_cache(maxsize=1)
def _phrases() -> dict[Language, _Phrases]:
    """By the plain words of a phrase: the diacritics of each word, and the concept."""
    found: dict[Language, _Phrases] = {"vi": {}, "en": {}}
    for concept, written in lexicon()["concepts"].items():
        for phrase in expanded(written):
            meant = tokens(phrase, "en")
            marks = tuple(word.marks for word in meant)
            found["vi"].setdefault(tuple(word.plain for word in meant), []).append((marks, concept))
            # One Vietnamese syllable without its diacritics is often an English word: `bé` would be `be`.
            if len(meant) > 1 or not any(marks):
                found["en"].setdefault(tuple(stem(word.plain) for word in meant), []).append((marks, concept))
    return found


@lru_cache(maxsize=1)
def _fillers() -> dict[Language, dict[str, list[Word]]]:
    found: dict[Language, dict[str, list[Word]]] = {"vi": {}, "en": {}}
    for language, by_word in found.items():
        for word in tokens(lexicon()["fillers"][language], "en"):
            by_word.setdefault(word.plain, []).append(word)
    return found


@lru_cache(maxsize=1)
def known_words() -> frozenset[str]:
    """Every single word in a phrase of the lexicon or among the fillers: what a misspelt word may have meant."""
    phrases = (word for phrase in _phrases()["vi"] for word in phrase)
    return frozenset(phrases) | frozenset(word for by_word in _fillers().values() for word in by_word)


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

    def mend(self, written: list[Word]) -> list[Word]:
        """*written* with every slip mended; a mended word has no diacritics, so it may be any word of these letters."""
        mended = [self._mend(word.plain) for word in written]
        return [word if plain == word.plain else Word(plain) for word, plain in zip(written, mended, strict=True)]

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
