"""What `frontdesk conversations why` prints."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

from ..services.timeline import Timeline
from ..services.timeline_words import Language, words
from .output import tame

LONGEST = 300
"""Characters of a step's words; `--json` has all of them."""


def as_words(timeline: Timeline, language: Language, zone: ZoneInfo) -> str:
    """A head, and a line for each step: its time in the tenant's zone, what happened."""
    turn = timeline.turn
    head = f"{turn.id}: {turn.state}, begun {turn.opened_at.astimezone(zone):%d %b %Y %H:%M:%S}"
    lines = [head]
    for step in timeline.steps:
        said = " ".join(tame(words(step, language)).split())
        said = said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
        at = step.at.astimezone(zone)
        lines.append(f"{at:%H:%M:%S}.{at.microsecond // 1000:03}  {said}")
    return "\n".join(lines)


def as_json(timeline: Timeline, language: Language) -> str:
    """Everything, as one JSON object."""
    turn = timeline.turn
    steps = [
        {"at": step.at.isoformat(), "kind": step.kind, "words": words(step, language), "data": step.data}
        for step in timeline.steps
    ]
    told = {"turn": turn.id, "no": turn.no, "state": turn.state, "model": turn.model, "steps": steps}
    return json.dumps(told, ensure_ascii=False, indent=1)
