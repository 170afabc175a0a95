"""What a reply says was done, in Vietnamese and English: found by patterns (patterns.yaml), not understood.

A claim is *new* ("I have booked you in") or of something that *exists* ("your visit is booked"). Questions, offers,
conditions, refusals and what the contact did are none. bench/truth.py says how often this is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import patterns
from .patterns import Frame, Language, Patterns
from .words import normal

ANY = "any"
"""The kind of "done" and "I have taken care of it": something was done."""
_VISITS = ("book", "cancel", "move")
"""Kinds that are a claim even if the contact is who did it: "you have booked"."""
_TOLD = "tell"
_NOT_BESIDE_TOLD = ("move", "send", "book", ANY)
"""Who was told is not something that was moved or sent: "chuyển cho nhân viên"."""

_VIETNAMESE = re.compile(r"[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]")
_SENTENCE = re.compile(r"[^.!?…\n;]*(?:[.!?…](?!\s|$)[^.!?…\n;]*)*[.!?…;]*")
_CLAUSE = re.compile(
    r"(?P<mark>,\s|:\s|\s-\s|\()|\s(?P<joint>and|và|va|but|nhưng|nhung|so|nên|then|because|as)\s(?!then\b)"
)
_LONGEST = 2_000
"""Characters of a sentence that are read: some patterns take its length squared."""
_AND = ("and", "và", "va")
_AROUND = " \"'“”*_~✅🎉😊👍-"


@dataclass(frozen=True, slots=True)
class Claim:
    """`words`: the part of the reply that says so. `sentence`: the whole sentence, whose times and dates are said of it."""

    kind: str
    new: bool
    words: str
    sentence: str
    verb: str = ""
    """The stem of what was done, as far as there is one: another text that has it may tell of the same."""


def claims(text: str) -> list[Claim]:
    """Every claim of a deed in *text*, in order."""
    told = normal(text)
    languages: tuple[Language, ...] = ("vi", "en") if _VIETNAMESE.search(told) else ("bare", "en")
    sentences = [sentence[:_LONGEST] for sentence in _SENTENCE.findall(told) if sentence.strip()]
    return [claim for sentence in sentences for claim in _in_sentence(sentence, languages)]


def kinds_of_tool(name: str, description: str) -> frozenset[str]:
    """What a tool does, by its name, else by its description; empty: that cannot be told."""
    for text in (normal(name).replace("_", " "), normal(description)):
        if found := frozenset(kind for kind, words in patterns.tools().items() if words.search(text)):
            return found
    return frozenset()


def tells_of(kind: str, text: str) -> bool:
    """Whether *text*, of a person, tells of a deed of this kind in whatever form, and does not ask, offer or deny it."""
    if kind == ANY:
        return bool(claims(text))
    return any(
        patterns.verbs(kind).search(clause)
        and not any(patterns.of(each).negated.search(clause) for each in ("vi", "en"))
        for sentence in _SENTENCE.findall(normal(text))
        if not sentence.rstrip().endswith("?")
        for _, clause in _clauses(sentence[:_LONGEST])
    )


def _in_sentence(sentence: str, languages: tuple[Language, ...]) -> Iterator[Claim]:
    """Clause by clause: one that is joined on without a subject of its own goes on as the one before it did."""
    claimed = supposed = False
    clauses = list(_clauses(sentence))
    for place, (joint, clause) in enumerate(clauses):
        goes_on = joint in _AND and not patterns.no_claim("subject").match(clause)
        supposed = (supposed and goes_on) or bool(patterns.no_claim("supposed").match(clause))
        asked = clause.endswith("?") and place == len(clauses) - 1
        claimed = claimed and goes_on
        if supposed or asked or patterns.no_claim("asked").match(clause):
            claimed = False
            continue
        found = _in_clause(clause, languages, claimed)
        claimed = bool(found)
        yield from (Claim(kind, new, clause, sentence.strip(), verb) for kind, (new, verb) in found.items())


def _clauses(sentence: str) -> Iterator[tuple[str, str]]:
    """Each with the word that joins it to the one before."""
    start, joint = 0, ""
    for mark in [*_CLAUSE.finditer(sentence), None]:
        clause = patterns.no_claim("polite").sub(" ", sentence[start : mark.start() if mark else None]).strip(_AROUND)
        if clause:
            yield joint, clause
        if mark:
            start, joint = mark.end(), mark["joint"] or ""


_Found = dict[str, tuple[bool, str]]
"""Kind → whether it is new, and the stem of the verb."""


def _in_clause(clause: str, languages: tuple[Language, ...], goes_on: bool) -> _Found:
    """What *clause* claims; something of any kind only if there is nothing of another."""
    found: _Found = {}
    for language in languages:
        of_language = patterns.of(language)
        for frame in of_language.frames:
            if goes_on or not frame.after:
                _with_frame(clause, frame, of_language, found, language)
        something = of_language.something.search(clause)
        if not found and something and _is_real(clause, something, ANY, of_language) and _is_ours(clause, something):
            found[ANY] = (True, _stem(something[0].split()[-1], language))
    if _TOLD in found:
        found = {kind: new for kind, new in found.items() if kind not in _NOT_BESIDE_TOLD}
    if len(found) > 1:
        found.pop(ANY, None)
    return found


def _with_frame(clause: str, frame: Frame, of_language: Patterns, found: _Found, language: Language) -> None:
    """Add to *found* what *clause* claims in this form."""
    for match in frame.expression.finditer(clause):
        kind = match.lastgroup or ANY
        if kind in found or not _is_real(clause, match, kind, of_language):
            continue
        by_contact = patterns.no_claim("contact_did").search(clause[: match.start(kind)])
        if frame.ours or kind in _VISITS or not by_contact:
            found[kind] = (frame.new, _stem("" if frame.saying else match[kind].split(" ")[0], language))


def _is_ours(clause: str, something: re.Match[str]) -> bool:
    """Not what the contact did: "anh đã thay má phanh"."""
    return not patterns.no_claim("contact_did").search(f"{clause[: something.start()]}")


def _stem(word: str, language: Language) -> str:
    """Enough of a verb to know it again: "booked" and "booking" are "book"."""
    return re.sub(r"(?:ed|e)$", "", word) if language == "en" and len(word) > 4 else word


def _is_real(clause: str, match: re.Match[str], kind: str, of_language: Patterns) -> bool:
    """Whether what looks like a claim is one."""
    until, behind = clause[: match.end()], clause[match.end() :]
    if of_language.negated.search(until) or of_language.negated_behind.match(behind):
        return False
    if patterns.no_claim("condition").search(behind) or patterns.no_claim("by_others").search(until):
        return False
    return kind not in ("send", ANY) or not patterns.no_claim("above").search(clause)
