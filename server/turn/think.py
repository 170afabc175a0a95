"""The model and the tools, in turns, until there are words for the contact."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from itertools import groupby
from typing import Any

import structlog

from .. import alerts, blame, dispatch, mind
from ..crashpoints import reached
from ..errors import NeedsAttention, PluginError
from ..leaks import leak
from ..mind import ModelMessage, ModelReply, ModelRequest, ToolCall, ToolResult
from . import deeds, guard, offer, recall, tools, trace, truth, wish
from .state import NoAnswer, Work

log = structlog.get_logger(__name__)

MAX_STEPS = 8
"""Calls of a model in one turn; a model that still asks for tools then is going round in circles."""

MAX_CALLS = 10
"""Calls of tools that a model may make at once: of more it has lost its way, and each may be a deed."""
TOO_MANY = f"nothing was done: not more than {MAX_CALLS} tools at once; ask again for what is still needed"


_BESIDE_AN_ANSWER = {tools.CALL_A_PERSON.name, offer.OFFER_CHOICES.name, wish.ANSWER_BY.name}


async def think(work: Work) -> None:
    """Fill work.draft. Raises Superseded, OwnerChanged, TurnMoved, or NoAnswer when no model could answer."""
    work.exchange = mind.load(work.turn.exchange)
    work.draft.handoff = tools.person_called(work.exchange)
    work.draft.choices = offer.standing(work.exchange, work.runtime.tenant.opt_out)
    await _finish_interrupted_step(work)
    for _ in range(MAX_STEPS):
        reply, request = await _ask(work)
        reached("turn.thought")
        work.draft.model = reply.model
        if not reply.tool_calls:
            # Whether it may still be said is what the commit asks.
            if await truth.say(work, request, reply.text):
                return
            continue
        await guard.look(work)
        work.exchange.append(ModelMessage(role="assistant", text=reply.text, tool_calls=reply.tool_calls))
        await _answer_calls(work)
        if _is_said(reply) and _is_whole(work, reply) and await truth.say(work, request, reply.text):
            return
    raise NoAnswer(f"the model asked for tools {MAX_STEPS} times and said nothing to the contact")


def _is_said(reply: ModelReply) -> bool:
    """Whether its words are for the contact: beside the call of another tool they are the model's own."""
    return {call.name for call in reply.tool_calls} <= _BESIDE_AN_ANSWER


def _is_whole(work: Work, reply: ModelReply) -> bool:
    """Whether the words beside the calls are the answer: nothing that was asked for could change them."""
    return bool(reply.text.strip()) and all(not result.error for result in work.exchange[-1].tool_results)


async def _finish_interrupted_step(work: Work) -> None:
    """After a crash in the middle of a step: its calls are answered from the journal, or by looking, before going on."""
    if work.exchange and work.exchange[-1].tool_calls:
        await _answer_calls(work)


async def _answer_calls(work: Work) -> None:
    """Look-ups that stand beside each other at the same time; deeds one after another, in the order asked for."""
    results: list[ToolResult] = []
    calls = work.exchange[-1].tool_calls
    for _, group in groupby(enumerate(calls[:MAX_CALLS]), lambda each: _alone(work, *each)):
        results += await _side_by_side([tools.run(work, call) for _, call in group])
    results += [ToolResult(id=call.id, name=call.name, content=TOO_MANY, error=True) for call in calls[MAX_CALLS:]]
    work.exchange.append(ModelMessage(role="user", tool_results=tuple(results)))
    if work.turn.pinned:
        await deeds.journal(work, exchange=mind.dump(work.exchange), trace=tuple(work.trace))


async def _side_by_side(runs: list[Coroutine[Any, Any, ToolResult]]) -> list[ToolResult]:
    """When it returns, or raises what one of them raised, none is left running."""
    if len(runs) == 1:
        # A deed runs in the turn's own task, as what follows it does.
        return [await runs[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run) for run in runs]
    except BaseExceptionGroup as err:
        raise err.exceptions[0] from None
    return [task.result() for task in tasks]


def _alone(work: Work, place: int, call: ToolCall) -> int:
    """The same number for look-ups; for each deed one of its own."""
    bound = work.runtime.tools.get(call.name)
    return place if bound is not None and bound.tool.deed else -1


async def _ask(work: Work) -> tuple[ModelReply, ModelRequest]:
    """The first model of the tenant's list that answers, and what it was asked. Raises NoAnswer with every reason."""
    request = await recall.request(work)
    reasons: list[str] = []
    for bound in work.runtime.hook("think"):
        if work.seconds_left() <= 0:
            reasons.append("the turn's deadline has passed")
            break
        began = work.clock.monotonic()
        # Sections, and the models before it, took their part of what was left when the request was made.
        asked = replace(request, seconds=min(request.seconds, work.seconds_left()))
        try:
            reply: ModelReply | None = await dispatch.call(bound, within=work.seconds_left(), request=asked)
        except (PluginError, dispatch.HookFailed) as err:
            text, logged = str(err), blame.in_words(err)
            if isinstance(err, NeedsAttention):
                text = err.what
                await _alert(work, bound.label.plugin, err.what)
        else:
            text = "answered nothing"
            if reply is not None and (reply.tool_calls or reply.text.strip()):
                trace.thought(work, bound.label.plugin, reply, work.clock.monotonic() - began)
                said = offer.said_in(reply.text if _is_said(reply) else "", reply.tool_calls)
                if not (text := leak(said, request)):
                    return reply, request
            logged = text
        finally:
            work.model_seconds += work.clock.monotonic() - began
        trace.no_answer(work, bound.label.plugin, text, work.clock.monotonic() - began)
        reasons.append(f"{bound.label.plugin}: {text}")
        log.warning("model_failed", tenant=work.runtime.tenant.id, plugin=bound.label.plugin, reason=logged)
    raise NoAnswer("; ".join(reasons) or "no plugin of this tenant thinks: list a model, such as rehearsal_llm")


async def _alert(work: Work, plugin: str, what: str) -> None:
    case = {"case": work.turn.id, "conversation": work.turn.conversation}
    await alerts.alert(work.runtime, work.repository, work.store, f"{plugin} needs attention", what, **case)
