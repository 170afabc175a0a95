"""The questions in a message, and the facts that answer them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .intents import Reading, read
from .language import Language, detect, sentences
from .match import AT_MOST, Found, Index, Known

SURE = 0.6
"""From here on each half of "fees and address?" counts as a question of its own."""
LEANING = frozenset({"#price", "#duration"})
"""Asked of the thing named just before: `do you teach TOEIC, how much is it`."""
ABOUT_ITSELF = frozenset({"bot", "well"})
"""Questions to the assistant: answered by the dialogue."""
_AND = re.compile(r",|\s(?:và|va|với cả|and|also)\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a message asked: the facts that answer it, and what is left."""

    facts: tuple[Known, ...] = ()
    unknown: tuple[str, ...] = ()
    """Questions that no fact answers."""
    remarks: tuple[str, ...] = ()
    """Sentences that ask nothing that could be told, but do say something."""


def answered(text: str, before: str, index: Index, threshold: float, language: Language) -> Answered:
    """The facts for every question in *text*; *before* is what the contact wrote last, for questions that lean on it."""
    found: list[list[Known]] = []
    left: list[tuple[str, bool]] = []
    parts = sentences(text)
    for sentence in parts:
        spoken = detect(sentence) or language
        reading = read(sentence, spoken)
        of_it = _find(sentence, before if reading.further else "", index, threshold, spoken)
        dropped = _dropped(sentence, of_it, index, spoken)
        if of_it or len(dropped) > 1:
            found += [of_it] if of_it else []
            for part in dropped:
                terms = index.terms(part, spoken)
                of_what = left and not of_it and set(terms) <= LEANING
                alone = [] if of_what else _facts(index.search(terms, threshold))
                found += [alone] if alone else []
                left += [] if alone else [(part.strip(), True)]
        elif terms := index.terms(sentence, spoken):
            # `I want a refund` asks nothing, but where nobody said a word of refunds it is not answered either.
            wished = "want" in reading.intents and any(term[:1] == "#" and not index.knows(term) for term in terms)
            left.append((sentence, wished or _asks(sentence, reading)))
    facts = _together(found)
    if not facts and len(parts) > 1:
        # Three short messages for one thought: no single one of them says it.
        facts += _facts(index.search(index.terms(text, language), threshold))
        left = [] if facts else left
    return Answered(
        facts=tuple(dict.fromkeys(facts)),
        unknown=tuple(sentence for sentence, asks in left if asks),
        remarks=tuple(sentence for sentence, asks in left if not asks),
    )


def _together(found: list[list[Known]]) -> list[Known]:
    """All of them, or only those that every part speaks of: `fees` and `IELTS course` are one question in two messages."""
    common = [fact for fact in found[0] if all(fact in other for other in found)] if found else []
    return common or [fact for of_it in found for fact in of_it[:AT_MOST]]


def _find(sentence: str, before: str, index: Index, threshold: float, language: Language) -> list[Known]:
    terms = index.terms(sentence, language)
    if before and terms:
        return _facts(_leaning(terms, before, index, threshold, language))
    parts = [part for part in _AND.split(sentence) if part.strip()]
    if len(parts) > 1:
        several = [_facts(index.search(index.terms(part, language), SURE, at_most=None)) for part in parts]
        if sum(map(bool, several)) > 1:
            # `Whiter teeth, what's the price`: what could be meant of many things is meant of the one that is named.
            named = [found for found in several if len(found) == 1]
            return _together(named or [found for found in several if found])
    return _facts(index.search(terms, threshold))


def _dropped(sentence: str, told: list[Known], index: Index, language: Language) -> list[str]:
    """The parts of *sentence* that ask something of which what is *told* says not a word."""
    parts = _AND.split(sentence)
    asking = [part for part in parts if len(parts) > 1 and read(part, language).question]
    terms = {part: index.terms(part, language) for part in asking}
    return [part for part in asking if terms[part] and not any(set(terms[part]) & fact.weights.keys() for fact in told)]


def _leaning(terms: tuple[str, ...], before: str, index: Index, threshold: float, language: Language) -> list[Found]:
    """`And for kids?` after a question about prices: the best of the new words with one of the words before."""
    earlier = index.terms(before, detect(before) or language)
    tried = [index.search(dict.fromkeys((*terms, term)), threshold) for term in earlier]
    return max((found for found in tried if found), key=lambda found: found[0].score, default=[]) or index.search(
        terms, threshold
    )


def _asks(sentence: str, reading: Reading) -> bool:
    """Whether it must be said that the answer is not known."""
    social = reading.intents & {"greeting", "thanks", "goodbye", "yes", "no"}
    if reading.intents & ABOUT_ITSELF or (social and not sentence.rstrip().endswith("?")):
        return False
    return reading.question


def _facts(found: Iterable[Found]) -> list[Known]:
    return [one.fact for one in found]
