"""Runs what a model asks for: look-ups as they come, deeds through the journal, and the core's own tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from frontdesk.config import TenantConfig

from .. import alerts, dispatch
from ..errors import NeedsAttention, PluginError, Refused, RetryLater
from ..mind import ModelMessage, ToolCall, ToolResult, ToolSpec
from ..runtime import BoundTool, Runtime
from ..tools import Done, ToolContext
from . import deeds, trace
from .offer import OFFER_CHOICES, OFFERED, choices_in
from .remember import REMEMBER, remember
from .state import Work
from .wish import ANSWER_BY, answer_by

CALL_A_PERSON = ToolSpec(
    name="call_a_person",
    description=(
        "Ask a colleague to take over this conversation: when the contact wants a person, is upset, or needs what you "
        "cannot know or do. Tell the contact that a colleague will answer."
    ),
    schema={
        "type": "object",
        "properties": {"reason": {"type": "string", "description": "For the colleague: what the contact needs."}},
        "required": ["reason"],
        "additionalProperties": False,
    },
)
"""Of the core's own tools, offered in every turn; the hand-off happens at the turn's commit."""

LONGEST = 20_000
"""Characters of a tool's answer: it is told to the model, kept in the turn's document, and read by the truth check."""


def core_tools(tenant: TenantConfig, *, speaks: bool = False) -> tuple[ToolSpec, ...]:
    """What the core offers beside the plugins' tools. *speaks*: one of them has a voice."""
    offered = (CALL_A_PERSON, OFFER_CHOICES)
    return (*offered, *([REMEMBER] if tenant.memory else []), *([ANSWER_BY] if speaks else []))


def core_tools_of(runtime: Runtime) -> tuple[ToolSpec, ...]:
    return core_tools(runtime.tenant, speaks=bool(runtime.hook("synthesize")))


async def run(work: Work, call: ToolCall) -> ToolResult:
    """Answer one call. What went wrong is the answer, in words that help the model.

    Raises Superseded or OwnerChanged just before a deed, and TurnMoved if the turn was taken from us.
    """
    with trace.tool(work, call) as line:
        return await _answer(work, call, line)


async def _answer(work: Work, call: ToolCall, line: dict[str, Any]) -> ToolResult:
    if call.name == CALL_A_PERSON.name:
        work.draft.handoff = _reason(call)
        return ToolResult(id=call.id, name=call.name, content="A colleague has been asked to take over.")
    ours = {spec.name for spec in core_tools_of(work.runtime)}
    if call.name in ours:
        return await _noted(work, call, line)
    bound = work.runtime.tools.get(call.name)
    if bound is None:
        line["outcome"] = "unknown tool"
        there_are = ", ".join([*work.runtime.tools, *sorted(ours)])
        return _error(call, f"there is no tool {call.name}; there are: {there_are}")
    try:
        arguments = bound.tool.validate(call.arguments)
    except Refused as err:
        line["outcome"] = "refused"
        return _error(call, err.reason)
    try:
        if bound.tool.deed:
            return await deeds.do(work, bound, call, arguments)
        answer = await invoke(work, bound, bound.tool.method, arguments)
        return ToolResult(id=call.id, name=call.name, content=told(answer))
    except Refused as err:
        line["outcome"] = "refused"
        return replace(_error(call, err.reason), refused=not isinstance(err, deeds.NotDone))
    except RetryLater as err:
        line["outcome"] = "later"
        return _error(call, f"it is not possible right now ({err.reason}); it may be in a while")
    except NeedsAttention as err:
        line["outcome"] = "needs attention"
        case = {"case": work.turn.id, "conversation": work.turn.conversation}
        await alerts.alert(work.runtime, work.repository, work.store, f"{call.name} does not work", err.what, **case)
        return _error(call, "it does not work at the moment; a colleague has been told")
    except (dispatch.HookFailed, PluginError):
        line["outcome"] = "failed"
        return _error(call, "it failed; nothing is known to have been done")


async def _noted(work: Work, call: ToolCall, line: dict[str, Any]) -> ToolResult:
    """Choices for the answer, something to remember, or how the contact wants to be answered."""
    try:
        if call.name == REMEMBER.name:
            return ToolResult(id=call.id, name=call.name, content=await remember(work, call))
        if call.name == ANSWER_BY.name:
            return ToolResult(id=call.id, name=call.name, content=await answer_by(work, call))
        work.draft.choices = choices_in(call, work.runtime.tenant.opt_out)
        return ToolResult(id=call.id, name=call.name, content=OFFERED)
    except Refused as err:
        line["outcome"] = "refused"
        return _error(call, err.reason)


def person_called(exchange: Sequence[ModelMessage]) -> str | None:
    """Why this exchange asks for a person; None: it does not."""
    calls = [call for message in exchange for call in message.tool_calls if call.name == CALL_A_PERSON.name]
    return _reason(calls[-1]) if calls else None


async def invoke(work: Work, bound: BoundTool, method: str, arguments: dict[str, Any], key: str = "") -> Any:
    """Call a tool's method (or its look-up) with the context it asks for; raises what dispatch.call raises."""
    values = dict(arguments)
    if bound.tool.context_parameter:
        values[bound.tool.context_parameter] = ToolContext(
            conversation=work.held.conversation,
            contact=work.contact,
            now=work.store.now().astimezone(work.runtime.tenant.zone),
            key=key,
        )
    return await dispatch.call(bound.calls[method], within=work.seconds_left(), **values)


def told(answer: Any) -> str:
    """What the model reads of a tool's answer."""
    if answer is None:
        return "done"
    return within(answer.told if isinstance(answer, Done) else str(answer))


def within(text: str) -> str:
    """*text*, or as much of it as there is room for."""
    return (
        text
        if len(text) <= LONGEST
        else f"{text[:LONGEST]}\n[… the rest, {len(text) - LONGEST} characters, is left out]"
    )


def _reason(call: ToolCall) -> str:
    return str(call.arguments.get("reason") or "the contact asked for a person")[:500]


def _error(call: ToolCall, reason: str) -> ToolResult:
    return ToolResult(id=call.id, name=call.name, content=reason, error=True)
