"""Finds the facts that answer a question, or none: a wrong answer is worse than "I do not know"."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

from frontdesk import TenantConfig

from .language import Language, detect, tokens, words
from .vocabulary import Spelling, beside_the_subject, implied, known_words, spotted, there_or_not

# Where a word of the question stands in the fact says how surely the fact is about it.
QUESTION, TOPIC, ANSWER_WORD, ANSWER_CONCEPT = 1.0, 0.9, 0.8, 0.5
CONCEPT = 1.5
"""How much more a phrase of the lexicon says than a word of which only the spelling is known."""
STRANGE_CONCEPT = 6.0
"""The weight of a meaning that no fact has: the question is likely to be about just that."""
STRANGE_WORD = 1.2
"""The weight of a word nobody knows: it may be the subject, or a manner of speaking."""
NUMBER = 0.2
BESIDE = 0.6
"""The weight of a meaning that is seldom the subject itself."""
SIDE_BY_SIDE = 0.005
"""Facts whose scores differ by no more than this answer the question equally well."""
AT_MOST = 3
"""Facts in the answer to one question."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A fact as it is looked up: the weight (0 to 1) of each term that stands in it."""

    id: str
    topic: str
    answer: str
    weights: dict[str, float]
    wordings: tuple[frozenset[str], ...]
    """The terms of its topic, then of each of its questions."""
    urgent: bool = False
    """What to do when it cannot wait."""


@dataclass(frozen=True, slots=True)
class Found:
    """A fact, and how much of the question it covers (0 to 1)."""

    fact: Known
    score: float


class Index:
    """The facts of one tenant, ready to be searched."""

    def __init__(self, tenant: TenantConfig) -> None:
        self.facts = tuple(
            replace(_known(fact.id, fact.topic, fact.questions, fact.answer), urgent=fact.urgent)
            for fact in tenant.facts
        )
        self._frequency = Counter(term for fact in self.facts for term in fact.weights)
        own = {term for term in self._frequency if not term.startswith("#")}
        self._spelling = Spelling(known_words() | own)
        self._names = frozenset(words(f"{tenant.name} {tenant.persona.name}", "en"))

    def terms(self, text: str, language: Language) -> tuple[str, ...]:
        """What *text* asks about, without slips of the pen and without the names of business and assistant."""
        written = self._spelling.mend(tokens(text, language))
        return tuple(dict.fromkeys(term for term in spotted(written, language) if term not in self._names))

    def search(self, asked: Iterable[str], threshold: float, at_most: int | None = AT_MOST) -> list[Found]:
        """The facts that answer a question about these terms, best first; empty if none covers enough of it."""
        weights = {term: self._weight(term) for term in asked}
        total = sum(weights.values())
        if not total:
            return []
        ranked = sorted(
            (Found(fact, self._score(fact, weights, total)) for fact in self.facts), key=lambda found: -found.score
        )
        best = ranked[0].score if ranked else 0.0
        if best < threshold:
            return []
        return [found for found in ranked if best - found.score <= SIDE_BY_SIDE][:at_most]

    def knows(self, term: str) -> bool:
        """Whether any fact has this term."""
        return term in self._frequency

    def _score(self, fact: Known, weights: dict[str, float], total: float) -> float:
        covered = sum(weight * fact.weights.get(term, 0.0) for term, weight in weights.items())
        # Coverage decides; likeness to one of the fact's own wordings breaks ties between facts that cover the same.
        return 0.85 * covered / total + 0.15 * _likeness(weights.keys(), fact)

    def _weight(self, term: str) -> float:
        """How much of the question *term* is: much if few facts have it, little for a bare number."""
        if term.isdigit():
            return NUMBER
        if term in beside_the_subject():
            return BESIDE
        if term not in self._frequency:
            return STRANGE_CONCEPT if term.startswith("#") else STRANGE_WORD
        rarity = 1 + math.log((len(self.facts) + 1) / (self._frequency[term] + 0.5)) / 3
        return rarity * (CONCEPT if term.startswith("#") else 1.0)


def _known(id: str, topic: str, questions: tuple[str, ...], answer: str) -> Known:
    # A name that only the answer has (`Denplan`) says much; a meaning it mentions in passing (`cash`) says little.
    named = {term for term in _terms(answer) if not term.startswith("#") or term in there_or_not()}
    weights = {term: ANSWER_WORD if term in named else ANSWER_CONCEPT for term in _terms(answer)}
    wordings = [_terms(text) for text in (topic, *questions)]
    for found, weight in zip(wordings, (TOPIC, *(QUESTION for _ in questions)), strict=True):
        weights.update((term, max(weight, weights.get(term, 0.0))) for term in found)
    for term, others in implied().items():
        weights.update((other, max(weights[term], weights.get(other, 0.0))) for other in others if term in weights)
    return Known(id=id, topic=topic, answer=answer, weights=weights, wordings=tuple(wordings))


def _likeness(asked: Set[str], fact: Known) -> float:
    if len(asked) > 1:
        return max((len(asked & wording) / len(asked | wording) for wording in fact.wordings if wording), default=0.0)
    # A bare `how much?` is meant for every fact that has it in its topic, unless one is about just that.
    return 1.0 if asked in fact.wordings else 0.5 if asked <= fact.wordings[0] else 0.0


def _terms(text: str) -> frozenset[str]:
    language = detect(text) or "vi"
    return frozenset(spotted(tokens(text, language), language))
