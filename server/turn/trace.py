"""The lines of a turn's trace, which services/timeline.py tells again in words.

A line has sizes, names and times, never what was said: that is in the conversation's messages. Lines and what they list are
bounded, so that the turn stays far below what a document may be (16 MB in DocumentDB).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .. import dispatch, settle
from ..mind import ModelReply, ModelRequest, Section, ToolCall
from ..model import Message
from ..observe.traces import Traces

if TYPE_CHECKING:
    from .state import Work

LINES = 150
"""The most lines of a turn; how many more there were is told by the last."""
CHARACTERS = 300
"""The longest text in a line."""
LISTED = 40
"""The most things a line lists: tools, sections, messages."""
SLOW_HOOK = 0.01
"""Hooks that took no longer (seconds), and did what they should, have no line."""


def add(trace: list[dict[str, Any]], at: datetime, what: str, details: dict[str, Any]) -> None:
    """Append a line, cut to size."""
    if len(trace) < LINES:
        trace.append({"at": at.isoformat(), "what": what, **{key: _cut(value) for key, value in details.items()}})
    elif trace[-1]["what"] == "more":
        trace[-1] = {**trace[-1], "lines": trace[-1]["lines"] + 1}
    else:
        # The last line gives way, and is counted with those that are left out.
        trace[-1] = {"at": at.isoformat(), "what": "more", "lines": 2}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= CHARACTERS else value[: CHARACTERS - 1] + "…"
    return value[:LISTED] if isinstance(value, list) else value


@contextmanager
def observed(work: Work, traces: Traces | None) -> Iterator[None]:
    """The turn runs inside: its slow hooks get a line, its end is counted, and made a trace of if that is wanted."""
    tenant, metrics, before = work.runtime.tenant.id, work.metrics, len(work.trace)
    token = dispatch.timekeeper.set(work)
    taken_up(work)
    try:
        yield
    finally:
        dispatch.timekeeper.reset(token)
        metrics.turns.add(tenant, work.ending)
        if work.ending in ("committed", "without_model") and work.unanswered:
            metrics.settle_seconds(max(0.0, (work.began_at - work.unanswered[0].at).total_seconds()))
            metrics.model_seconds(work.model_seconds)
            metrics.overhead_seconds(max(0.0, work.clock.monotonic() - work.began - work.model_seconds))
        if traces is not None:
            turn = work.turn
            ids = {"tenant": tenant, "conversation": turn.conversation, "turn": turn.id, "ending": work.ending}
            traces.turn_ended(ids, work.began_at, work.store.now(), work.trace[before:])


def taken_up(work: Work) -> None:
    """When the messages came that this turn reads, and what it had waited for."""
    messages = work.unanswered
    if not messages:
        return  # parked for good, and looked at again for messages that it has not read
    work.note(
        "taken up",
        attempt=work.turn.attempts,
        count=len(messages),
        messages=[{"at": message.at.isoformat(), "kind": message.kind} for message in messages],
        waited_for=settle.waited_for(work.runtime.tenant, messages[-1], messages[0].at),
        quiet_seconds=settle.quiet_seconds(work.runtime.tenant, messages[-1]),
        seconds=_seconds((work.began_at - messages[0].at).total_seconds()),
    )


def prompt(work: Work, request: ModelRequest, sections: Sequence[tuple[str, Section]], history: int) -> None:
    """What a model is told, by size; once, unless it changes between two calls."""
    told = {
        "sections": [{"name": s.name, "plugin": plugin, "characters": len(s.text)} for plugin, s in sections],
        "history": history,
        "messages": len(work.unanswered),
        "characters": sum(len(message.text) for message in request.messages[: history + len(work.unanswered)]),
        "tools": [tool.name for tool in request.tools],
    }
    if told != work.prompt:
        work.prompt = told
        work.note("prompt", **told)


def thought(work: Work, plugin: str, reply: ModelReply, seconds: float) -> None:
    """A model has answered: *seconds*, tokens, and money if its plugin says so."""
    usage = reply.usage
    cost = {} if usage.cost is None else {"cost": usage.cost, "currency": usage.currency}
    work.note(
        "thought",
        plugin=plugin,
        model=reply.model,
        seconds=_seconds(seconds),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        notes=list(reply.notes),
        tools=[call.name for call in reply.tool_calls],
        characters=len(reply.text),
        **cost,
    )
    tenant = work.runtime.tenant.id
    work.metrics.model_calls.add(tenant, plugin, "answered")
    work.metrics.model_tokens.add(tenant, plugin, "input", amount=usage.input_tokens)
    work.metrics.model_tokens.add(tenant, plugin, "output", amount=usage.output_tokens)
    if usage.cached_tokens:
        work.metrics.model_tokens.add(tenant, plugin, "cached", amount=usage.cached_tokens)
    if usage.cost is not None:
        work.metrics.model_cost.add(tenant, plugin, usage.currency, amount=usage.cost)


def no_answer(work: Work, plugin: str, reason: str, seconds: float) -> None:
    """A model did not answer, and the next one is asked."""
    work.note("no answer", plugin=plugin, reason=reason, seconds=_seconds(seconds))
    work.metrics.model_calls.add(work.runtime.tenant.id, plugin, "failed")


def untrue(work: Work, kinds: Sequence[str], outcome: str) -> None:
    """An answer said what nothing bears out, of these *kinds*; *outcome* is one of observe.metrics.UNTRUE_OUTCOMES."""
    work.note("untrue", kinds=list(kinds), outcome=outcome)
    work.metrics.untrue_replies.add(work.runtime.tenant.id, outcome)


@contextmanager
def tool(work: Work, call: ToolCall) -> Iterator[dict[str, Any]]:
    """A call of a tool runs inside, and puts into what is given here how it ended, if not well."""
    bound = work.runtime.tools.get(call.name)
    details: dict[str, Any] = {"tool": call.name, "call": call.id, "outcome": "done"}
    if bound is not None:
        details |= {"plugin": bound.plugin.name, "deed": bound.tool.deed}
    began = work.clock.monotonic()
    try:
        yield details
    except BaseException as err:
        details["outcome"] = type(err).__name__
        raise
    finally:
        work.note("tool", **details, seconds=_seconds(work.clock.monotonic() - began))


def proposed(work: Work, messages: Sequence[Message]) -> None:
    """What the turn is going to say, just before its commit."""
    work.note(
        "proposed",
        messages=len(messages),
        characters=sum(len(message.text) for message in messages),
        model=work.draft.model,
        handoff=work.draft.handoff is not None,
    )


def _seconds(seconds: float) -> float:
    return round(seconds, 4)
