"""What a turn has to show, and whether it bears out what a reply claims."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from . import figures
from .claims import ANY, Claim, claims, kinds_of_tool, tells_of
from .words import normal


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A tool that was called, with what it answered. `told`: every text that tells of it."""

    tool: str
    description: str = ""
    told: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a reply may rest on."""

    today: date
    """By the tenant's clock."""
    done: Sequence[Shown] = ()
    """Each deed that was done in this turn."""
    read: Sequence[Shown] = ()
    """Each look-up of this turn that was answered, and each section that a plugin wrote."""
    earlier: Sequence[Shown] = ()
    """Each deed that was done in earlier turns of the conversation, oldest first."""
    people: Sequence[str] = ()
    """What the tenant's people wrote in the conversation."""
    person: bool = False
    """Whether a person has been called."""
    asked: str = ""
    """What the contact wrote and this turn answers."""
    facts: Sequence[str] = ()
    """What is true at this tenant."""
    said: Sequence[str] = ()
    """What else was said in the conversation, by whomever."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something said that nothing bears out. `kind`: of a claim (patterns.yaml) or of a figure; `what`: for a model."""

    kind: str
    what: str
    claim: bool


_AVAILABLE = re.compile(r"free|avail|slot|times|opening|hours|vacan|trống")
_OWN = re.compile(r"\bmy\b|\bown\b|booked|existing|status|order|contact's")
_NOTHING = re.compile(
    r"\b(?:no|none|not|nothing|empty|chưa có|không có|không tìm thấy|chưa tìm thấy|không thấy)\b|^\W*$|^(?:false|null)$"
)
_SHOWS = {
    "cancel": "cancel|hủy|huỷ",
    "move": "moved|resched|dời|chuyển|đổi",
    "refund": "refund|paid back|reimburs|hoàn",
    "send": "sent|ship|deliver|mail|gửi|giao",
    "remind": "remind|nhắc",
    "note": "",
    "book": "",
    "tell": "told|inform|notif|báo",
}
"""Words that a record has to have to bear out more than that there is one."""
_ALSO = {"book": frozenset({"move"}), "move": frozenset({"book"})}
"""Who moved a visit may say that it is booked; who booked one in place of another, that it is moved."""
_OF_A_VISIT = frozenset({"book", "move", "cancel", "remind"})
"""Deeds that are of a day and a time: what is said of them has to be theirs."""
_SAME_WORDS = 3
"""With fewer of them that a claim and a record have the same is an accident."""
_WE = re.compile(r"\b(?:i|we|em|bên em|bên mình|chúng tôi)\b")
_ASKS_STATE = re.compile(
    r"\b(?:did|have|has|am|is|are|was|were|do) (?:i|you|we|my|it|the|that|there|anyone)\b|\balready\b|\bright\?"
    r"|\bchưa\b|phải không|đúng không|\brồi (?:à|hả|chứ|nhỉ|mà)\b|\bcó .*\b(?:không|ko|k)\b|\bmấy giờ\b|\b(?:khi|hôm) nào\b"
)


def problems(reply: str, known: Known) -> list[Problem]:
    """What *reply* says and nothing bears out; empty: it may be said."""
    found: dict[tuple[str, str], Problem] = {}
    for claim in claims(reply):
        if not _is_told_again(claim, known) and (problem := _judged(claim, known)):
            found.setdefault((problem.kind, problem.what), problem)
    return [*found.values(), *_figures(reply, known)]


def _is_told_again(claim: Claim, known: Known) -> bool:
    """Whether a fact or a result of this turn says it in the same words."""
    words = claim.words.rstrip(".!")
    if len(words.split()) < _SAME_WORDS:
        return False  # "done" stands in many a text that tells of something else
    same = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")
    # A fact says what is so in general: "if your visit is cancelled …" cancels none.
    facts = known.facts if claim.kind == ANY else ()
    results = (text for each in (*known.read, *known.done) for text in each.told)
    return any(same.search(normal(text)) for text in (*facts, *results))


def _figures(reply: str, known: Known) -> Iterator[Problem]:
    told = [text for each in (*known.done, *known.read, *known.earlier) for text in each.told]
    source = figures.Source(
        texts=[*known.said, known.asked, *known.people, *told], facts=known.facts, asked=known.asked
    )
    for unknown in figures.unknown(reply, source, known.today):
        yield Problem(kind=unknown.kind, what=f'"{unknown.written}" stands in no fact, result or message', claim=False)


def _judged(claim: Claim, known: Known) -> Problem | None:
    """What is wrong with *claim*; None: it is borne out."""
    said = f'"{claim.words}"'
    if claim.kind == "tell" and (known.person or any(tells_of("tell", text) for text in known.people)):
        return None
    if claim.kind == ANY and _follows(claim, known):
        return None
    shown = list(_bearing_out(claim, known))
    if not shown:
        return Problem(kind=claim.kind, what=f"{said}: no tool has done or shown that", claim=True)
    of_visits = [each for each in shown if claim.kind in _OF_A_VISIT or _is_of_a_visit(each)]
    if len(of_visits) < len(shown) or _agrees(
        claim.sentence, [text for each in shown for text in each.told], known.today
    ):
        return None
    return Problem(kind=claim.kind, what=f"{said}: the day or time is another than the tool has said", claim=True)


def _is_of_a_visit(shown: Shown) -> bool:
    """Whether it is a deed whose day and time a bare "done" has to agree with, too."""
    return bool(kinds_of_tool(shown.tool, shown.description) & _OF_A_VISIT)


def _bearing_out(claim: Claim, known: Known) -> Iterator[Shown]:
    """Everything that may be what is claimed."""
    now = [each for each in known.done if _does(claim.kind, each) or _names(claim, each)]
    yield from now
    before = [each for each in _standing(claim.kind, known.earlier)]
    before += [Shown(tool="", told=[text]) for text in known.people if tells_of(claim.kind, text)]
    if claim.new or claim.kind == ANY:
        # What was done in an earlier turn may be told again; it does not make a new deed true, nor a bare "done".
        yield from (each for each in before if _told_again(claim, each, known))
    else:
        yield from before
    if not claim.new:
        yield from (each for each in known.read if _shows(claim.kind, each))


def _follows(claim: Claim, known: Known) -> bool:
    """Whether a fact, a record or the tenant's people have the verb of something that is of no kind of ours."""
    if _WE.search(claim.words):
        return False  # what stands in a fact is so in general, and nothing that we have done just now
    records = (text for each in known.read for text in each.told)
    return len(claim.verb) > 2 and any(claim.verb in normal(text) for text in (*known.facts, *known.people, *records))


def _told_again(claim: Claim, earlier: Shown, known: Known) -> bool:
    """Whether a claim that sounds new is of a deed of an earlier turn: the contact asks whether it was done, or it is the
    same day and time."""
    if _ASKS_STATE.search(normal(known.asked)):
        return True
    of_claim, of_deed = figures.read(claim.sentence, known.today), figures.merged(earlier.told, known.today)
    return bool(of_claim.minutes & of_deed.minutes) and (not of_claim.days or bool(of_claim.days & of_deed.days))


def _names(claim: Claim, shown: Shown) -> bool:
    """Whether it is told of with the very verb of the claim."""
    return len(claim.verb) > 1 and any(claim.verb in normal(text) for text in (*shown.told, shown.description))


def _does(kind: str, shown: Shown) -> bool:
    """Whether a deed may be of this kind. Of one whose name and description say nothing, it may."""
    found = kinds_of_tool(shown.tool, shown.description)
    return kind == ANY or not found or bool(found & {kind, *_ALSO.get(kind, ())})


def _standing(kind: str, earlier: Sequence[Shown]) -> list[Shown]:
    """The deeds of this kind; of visits that were booked, those not cancelled since."""
    standing: list[Shown] = []
    for each in earlier:
        if kind in ("book", "move", "remind") and "cancel" in kinds_of_tool(each.tool, each.description):
            standing = [other for other in standing if not _same_visit(other, each)]
        elif _does(kind, each):
            standing.append(each)
    return standing


def _same_visit(booked: Shown, cancelled: Shown) -> bool:
    """Whether the one may be of the other: it is, unless the times say otherwise."""
    today = date(2000, 1, 1)  # only what is written out is compared
    one, other = figures.merged(booked.told, today).minutes, figures.merged(cancelled.told, today).minutes
    return not one or not other or bool(one & other)


def _shows(kind: str, shown: Shown) -> bool:
    """Whether a look-up was of a record, and has found one."""
    text = normal(" ".join(shown.told))
    about = normal(shown.tool).replace("_", " ")
    of_what_is_free = _AVAILABLE.search(about) and not _OWN.search(about)
    if not of_what_is_free and not _OWN.search(about):
        about = normal(shown.description)
        of_what_is_free = _AVAILABLE.search(about) and not _OWN.search(about)
    if of_what_is_free or (_NOTHING.search(text) and not re.search(r"\d", text)):
        return False
    return kind == ANY or re.search(_SHOWS[kind], text) is not None


def _agrees(sentence: str, told: Sequence[str], today: date) -> bool:
    """Whether days and times that are said of a visit are its own, as far as both are written."""
    said, own = figures.read(sentence, today), figures.merged(told, today)
    times = not said.minutes or not own.minutes or bool(said.minutes & own.minutes)
    return times and (not said.days or not own.days or bool(said.days & own.days))
