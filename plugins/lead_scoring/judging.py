"""From what a contact wrote to what is known and how serious they are: pure rules, the same words give the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from math import log2
from pathlib import Path
from typing import Any

import yaml

from frontdesk import Evidence, Message, fold

from .settings import LeadScoringSettings, Signal, Wanted

QUOTE = 200
"""Characters of a quotation."""
SHORTEST = 3
"""Characters of a quotation that says anything."""
FULL = 100
_SENTENCE = re.compile(r"(?:[^.!?…\n]|(?<=\d)\.(?=\d))+[.!?…]*")
_NUMBER = r"\d{1,3}(?:[.,]\d{3})+|\d+(?:[.,]\d+)?"
_MONEY = re.compile(
    rf"(?:[$€£]\s?(?:{_NUMBER})(?:\s?k\b)?)"
    rf"|(?:\b(?:{_NUMBER})\s?(?:k|tr|trieu|ty|nghin|ngan|cu|vnd|vnđ|dong|usd|eur|gbp|dollars?|euros?|pounds?|million|thousand)\b(?:\s(?:ruoi|mot|hai|ba|bon|nam|sau|bay|tam|chin)\b)?)"
    rf"|(?:\b(?:{_NUMBER})\s?[€£$₫])"
    rf"|(?:\b(?:vnd|usd|eur|gbp)\s?(?:{_NUMBER}))"
    r"|(?:\b[1-9]\d{0,3}0{5,}\b)"
)
_TIMING = re.compile(
    r"\b(?:hom nay|ngay mai|toi nay|chieu nay|sang mai|tuan nay|tuan sau|cuoi tuan|thang nay|thang sau|thang \d{1,2}|"
    r"dau thang|cuoi thang|ngay \d{1,2}(?:/\d{1,2})?|\d{1,2}/\d{1,2}(?:/\d{2,4})?|thu (?:hai|ba|tu|nam|sau|bay)|chu nhat|"
    r"today|tomorrow|tonight|this (?:week|weekend|month|afternoon|evening)|"
    r"next (?:week|weekend|month|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday)|"
    r"on (?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)|"
    r"in (?:january|february|march|april|may|june|july|august|september|october|november|december)|"
    r"within \w+ (?:days?|weeks?|months?))\b"
)
_AUTHORITY = re.compile(
    r"\b(?:(?:em|minh|toi|anh|chi|tui) (?:tu )?quyet(?: dinh)?|hoi (?:lai )?(?:chong|vo|bo me|ba me|gia dinh|sep)|"
    r"ban voi (?:chong|vo|gia dinh)|"
    r"cho con (?:em|minh|toi|anh|chi)|cho be nha|I decide|my decision|ask my (?:husband|wife|parents|boss|partner)|"
    r"talk to my (?:husband|wife|parents|boss|partner)|for my (?:son|daughter|child|kids|children))\b",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:khong|chua|chang|dung|not|don't|dont|no|never|won't|wont|cannot|can't|cant)\W+(?:\w+\W+){0,2}$"
)
"""Before a signal that it turns round: it does not count then."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why points were given or taken."""

    what: str
    points: int
    quote: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a contact, and how serious they are."""

    fields: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    reasons: tuple[Reason, ...] = ()
    full: int = 0
    """Points before time has taken its part, 0 to 100."""
    last: datetime | None = None
    """When the contact wrote last."""


def judge(messages: Sequence[Message], settings: LeadScoringSettings, *, visit: bool = False) -> Judgement:
    """Of a contact's messages (oldest first; ours are left out). *visit*: whether one is booked."""
    said = [each for each in messages if each.direction == "inbound" and each.text.strip()]
    fields: dict[str, str] = {}
    evidence: list[Evidence] = []
    reasons: list[Reason] = []
    for wanted in settings.fields:
        found = _newest(said, wanted)
        if found is not None:
            value, quote, message = found
            fields[wanted.name] = value
            evidence.append(Evidence(quote=quote, message=message.id, field=wanted.name, at=message.at))
            reasons.append(Reason(wanted.name, wanted.points, quote, message.id))
    for signal in (*settings.signals, *(known_signals() if settings.known_signals else ())):
        hit = _said(said, signal.words)
        if hit is not None:
            quote, message = hit
            evidence.append(Evidence(quote=quote, message=message.id, at=message.at))
            reasons.append(Reason(signal.reason or signal.words[0], signal.points, quote, message.id))
    if visit:
        reasons.append(Reason("has booked a visit", settings.visit))
    full = max(0, min(FULL, sum(reason.points for reason in reasons)))
    return Judgement(fields, tuple(evidence), tuple(reasons), full, said[-1].at if said else None)


def score(full: int, last: datetime | None, now: datetime, half_life: timedelta) -> int:
    """What time has left of *full* points; the clock may stand before the last word (another machine's)."""
    silent = max(timedelta(), now - last) if last is not None else timedelta()
    left: float = 0.5 ** (silent / half_life)
    return round(full * left)


def falls_below(full: int, threshold: int, last: datetime, half_life: timedelta) -> datetime | None:
    """When the score is below *threshold* if the contact says nothing more; None: it is by now."""
    # `score` rounds: half a point below counts as the threshold still.
    edge = threshold - 0.5
    if full <= edge:
        return None
    return last + half_life * log2(full / edge) + timedelta(seconds=1)


def temperature(points: int, settings: LeadScoringSettings) -> Any:
    """Hot, warm or cold."""
    return "hot" if points >= settings.hot else "warm" if points >= settings.warm else "cold"


def stands_in(quote: str, messages: Iterable[Message]) -> Message | None:
    """The contact's message in which *quote* stands, but for capitals, accents and spaces: a model may not make up one."""
    wanted = _plain(quote)
    if len(wanted) < SHORTEST:
        return None
    whole = re.compile(rf"(?<!\w){re.escape(wanted)}(?!\w)")
    return next((each for each in messages if each.direction == "inbound" and whole.search(_plain(each.text))), None)


@cache
def known_signals() -> tuple[Signal, ...]:
    """The plugin's own."""
    listed = yaml.safe_load((Path(__file__).parent / "signals.yaml").read_text("utf-8"))
    return tuple(Signal(**each) for each in listed)


def _newest(said: Sequence[Message], wanted: Wanted) -> tuple[str, str, Message] | None:
    """The value, the sentence, the message; the newest counts."""
    for message in reversed(said):
        for sentence in reversed(_SENTENCE.findall(message.text)):
            if value := _value(sentence, wanted):
                return value, sentence.strip()[:QUOTE], message
    return None


def _value(sentence: str, wanted: Wanted) -> str:
    if wanted.words and _match(sentence, wanted.words) is None:
        return ""
    if wanted.words:
        return sentence.strip()[:QUOTE]
    pattern = {"budget": _MONEY, "timing": _TIMING, "authority": _AUTHORITY}.get(wanted.kind)
    if pattern is None:
        return ""
    folded = _folded(sentence)
    match = pattern.search(folded)
    if match is None or (wanted.kind == "timing" and _NOT.search(folded[: match.start()])):
        return ""
    return sentence[match.start() : match.end()].strip()


def _said(said: Sequence[Message], words: Sequence[str]) -> tuple[str, Message] | None:
    for message in reversed(said):
        for sentence in reversed(_SENTENCE.findall(message.text)):
            match = _match(sentence, words)
            if match is not None and _NOT.search(_folded(sentence)[: match.start()]) is None:
                return sentence.strip()[:QUOTE], message
    return None


def _match(sentence: str, words: Sequence[str]) -> re.Match[str] | None:
    return _pattern(tuple(words)).search(_folded(sentence))


@lru_cache(maxsize=512)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(_folded(word)) for word in words) + r")(?!\w)")


@lru_cache(maxsize=8192)
def _one(char: str) -> str:
    return one if len(one := fold(char)) == 1 else char


@lru_cache(maxsize=8192)
def _folded(text: str) -> str:
    """*text* without accents and capitals, a character for each: what is found there is at the same place in *text*."""
    return "".join(map(_one, text))


def _plain(text: str) -> str:
    return " ".join(fold(text).split())
