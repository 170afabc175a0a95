"""Why the bot said that: one turn in words, with how long each part took; the data behind it is one click below."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from babel.numbers import format_currency
from quart import Response, abort

from frontdesk.services.office import Office
from frontdesk.services.timeline import Step, Timeline
from frontdesk.services.timeline_words import words

from .gate import Pages
from .language import current

BASE = "/inbox/<conversation>/why"
_ICONS = {
    "message": "message-circle",
    "taken_up": "inbox",
    "prompt": "scroll-text",
    "thought": "bot",
    "no_answer": "circle-alert",
    "untrue": "shield",
    "tool": "wrench",
    "deed": "calendar-check",
    "hook": "puzzle",
    "superseded_by_a_newer_message": "rotate-ccw",
    "hearing": "mic",
    "spoken": "mic",
    "proposed": "pencil",
    "closed_without_a_model": "triangle-alert",
    "note": "sticky-note",
    "ended": "flag",
    "delivery": "send",
    "more": "ellipsis",
}
_BAD = ("failed", "parked", "expired", "refused", "needs attention", "unknown tool", "HookFailed")


@dataclass(frozen=True, slots=True)
class Told:
    """One step of the story."""

    at: datetime
    icon: str
    words: str
    bad: bool
    start: float
    """Where its bar begins, in hundredths of the turn."""
    length: float
    """How long its bar is; 0: it took no time that is known."""
    waits: bool
    """It is waiting, not work."""
    seconds: float
    raw: str
    """Its data as JSON."""


@dataclass(frozen=True, slots=True)
class Sums:
    """A turn in figures."""

    seconds: float
    model_seconds: float
    input_tokens: int
    output_tokens: int
    cost: str
    """As this language writes money; empty: no call told its price."""


def story(told: Timeline, language: Any) -> list[Told]:
    """The steps in the operator's language, each with its bar in the waterfall."""
    first, last = _ends(told.steps)
    whole = max((last - first).total_seconds(), 0.001)
    found = []
    for step in told.steps:
        seconds = _seconds(step)
        ended = (step.at - first).total_seconds()
        start = max(0.0, ended - seconds)
        found.append(
            Told(
                at=step.at,
                icon=_ICONS.get(step.kind, "circle"),
                words=words(step, language),
                bad=step.kind in ("no_answer", "untrue") or _outcome(step) in _BAD,
                start=round(100 * start / whole, 2),
                length=round(max(100 * seconds / whole, 0.6), 2) if seconds else 0,
                waits=step.kind == "taken_up",
                seconds=seconds,
                raw=json.dumps(step.data, ensure_ascii=False, indent=2, default=str),
            )
        )
    return found


def sums(told: Timeline) -> Sums:
    """What the turn took and cost; money only as far as every call has told its price."""
    first, last = _ends(told.steps)
    thoughts = [step.data for step in told.steps if step.kind == "thought"]
    currency = next((str(data["currency"]) for data in thoughts if "currency" in data), "USD")
    costs = [data["cost"] for data in thoughts if "cost" in data]
    return Sums(
        seconds=(last - first).total_seconds(),
        model_seconds=sum(float(data.get("seconds", 0)) for data in thoughts),
        input_tokens=sum(int(data.get("input_tokens", 0)) for data in thoughts),
        output_tokens=sum(int(data.get("output_tokens", 0)) for data in thoughts),
        cost=_money(sum(costs), currency) if costs else "",
    )


def _money(amount: float, currency: str) -> str:
    """With as many digits as a single answer costs."""
    form = "¤#,##0.00##" if current() == "en" else "#,##0.00##\u00a0¤"
    return str(format_currency(amount, currency, form, locale=current(), currency_digits=False))


def _ends(steps: Sequence[Step]) -> tuple[datetime, datetime]:
    """From the first message to the answer on its way; what is delivered hours later would press everything together."""
    inside = [step for step in steps if step.kind != "delivery"] or list(steps)
    begins = [step.at - timedelta(seconds=_seconds(step)) for step in inside]
    return min(begins), max(step.at for step in inside)


def _seconds(step: Step) -> float:
    try:
        return max(0.0, float(step.data.get("seconds", 0)))
    except (TypeError, ValueError):
        return 0.0


def _outcome(step: Step) -> str:
    return str(step.data.get("outcome") or step.data.get("state") or "")


def add(pages: Pages, office: Office) -> None:
    """The pages of turns."""

    async def turn(conversation: str, no: int | None) -> Response:
        here = pages.here()
        kept = await office.talk.threads.conversation(here.business.id, conversation)
        if kept is None or conversation not in kept.parts:
            abort(404)
        told = await office.talk.timeline(here.business.id, conversation, no)
        if told is None and no is not None:
            abort(404)
        language: Any = "vi" if current() == "vi" else "en"
        return await pages.render(
            "talk/why.html",
            conversation_id=conversation,
            kept=kept,
            turn=told.turn if told is not None else None,
            story=story(told, language) if told is not None else [],
            sums=sums(told) if told is not None else None,
            neighbours=await office.talk.neighbours(here.business.id, told.turn) if told is not None else (None, None),
            contact=await office.talk.contact(here.business.id, kept),
        )

    @pages.tenant_page(BASE, role="viewer")
    async def inbox_why_newest(conversation: str) -> Response:
        return await turn(conversation, None)

    @pages.tenant_page(f"{BASE}/<int:no>", role="viewer")
    async def inbox_why(conversation: str, no: int) -> Response:
        return await turn(conversation, no)
