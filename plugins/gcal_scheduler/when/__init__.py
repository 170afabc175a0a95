"""When a contact can come: what they write of days and hours, in English, Vietnamese or both, as spans of time.

Deterministic and without a model. The words are in lexicon.yaml; what is understood how is told in
docs/explanation/how-times-are-understood.md, and by example in tests/plugins/gcal_scheduler/when_heard.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from .cascade import Setting
from .clocks import OPENS
from .sentence import Said, said
from .spans import Impossible, Instants, Past, Wall, in_order, without
from .spelling import normal

__all__ = ["Heard", "Problem", "Span", "hear"]

Problem = Literal["", "nothing", "impossible", "past", "unclear"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """When an appointment may begin: from `begin` on, before `end`. Both are aware, in the tenant's zone.

    Compare them in UTC: Python compares two times of one zone by the wall clock, which on one night of the year goes back.
    """

    begin: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What was understood. Either there are spans, in order and none of them over, or there is a problem.

    `nothing`: no time in the text. `impossible`: there is no such day or hour; `detail` is how it was said (`2027-02-30`,
    `25:00`). `past`: it is over; `detail` is the day, or day and hour, in ISO 8601, or empty. `unclear`: `detail` is `not`
    (only told when not), `vague` (`another day`), `lunar` (a day of the lunar calendar), `2026-12-05 is Saturday` (said
    with another weekday), or a span that ends before it begins.
    """

    spans: tuple[Span, ...]
    exact: bool = False
    """One point in time was named: `spans[0].begin` is it."""
    words: str = ""
    """The part of the text that was understood as time."""
    problem: Problem = ""
    detail: str = ""


def hear(text: str, now: datetime, *, zone: ZoneInfo, language: str, week_starts: int = 0, opens: int = OPENS) -> Heard:
    """What *text* says of when, seen at *now* (aware) from *zone*.

    *language* (BCP 47) only breaks ties, such as whether `Thu` is Thursday; *week_starts* is the weekday that `next week`
    begins with, 0 for Monday. An hour without a part of the day is the first from *opens* (0 to 12) o'clock on: `at 7` is in
    the morning, and in the evening where business opens at eleven. Raises ValueError for a naive *now*.
    """
    if now.tzinfo is None:
        raise ValueError("hear: now has no zone; give the clock's aware time")
    read = normal(text)
    found = said(read, Setting(now.astimezone(zone), language[:2].lower(), week_starts, min(max(opens, 0), 12)))
    words = read[found.begin : found.end]
    try:
        spans, problem, detail = _spans(found, Wall(now, zone))
    except Impossible as impossible:
        spans, problem, detail = [], "impossible", str(impossible)
    if problem:
        return Heard(spans=(), words=words, problem=problem, detail=detail)
    point = len(found.meant) == 1 and found.meant[0].times is not None and found.meant[0].times.point
    return Heard(
        spans=tuple(Span(begin=begin.astimezone(zone), end=end.astimezone(zone)) for begin, end in spans),
        exact=point and len(spans) == 1 and not found.excluded,
        words=words,
    )


def _spans(found: Said, wall: Wall) -> tuple[list[Instants], Problem, str]:
    problems = dict(reversed(found.problems))
    if "impossible" in problems:
        return [], "impossible", problems["impossible"]
    unclear = problems.get("unclear")
    if unclear and (unclear != "vague" or not found.meant):
        return [], "unclear", unclear
    to_come, over = _to_come(found, wall)
    if not to_come and over is not None:
        return [], "past", over
    if not to_come and found.any_time:
        to_come = wall.any_time()
    if not to_come and found.now and not found.excluded:
        to_come = wall.at_once()
    if not to_come:
        return [], *_without_spans(found, problems)
    latest = max(end for _, end in to_come)
    left = without(to_come, [span for meant in found.excluded for span in wall.excluded(meant, latest)])
    return (in_order(left), "", "") if left else ([], "unclear", "not")


def _to_come(found: Said, wall: Wall) -> tuple[list[Instants], str | None]:
    """The spans of what is meant, and of what is over the last: said beside a time to come, it is a story."""
    spans: list[Instants] = []
    over: str | None = None
    for meant in found.meant:
        try:
            spans.extend(wall.instants(meant))
        except Past as past:
            over = str(past)
    return spans, over


def _without_spans(found: Said, problems: dict[str, str]) -> tuple[Problem, str]:
    if found.excluded:
        return "unclear", "not"
    if "past" in problems:
        return "past", problems["past"]
    return "nothing", ""
