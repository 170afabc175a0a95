"""The journal of deeds: the intent is on disk before a deed runs, its result after, so that a crash repeats nothing.

The journal is the turn document; a ghost (a process that woke after its lease ran out) cannot write it, because whoever
took the turn up raised its version.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .. import dispatch, mind
from ..crashpoints import reached
from ..errors import NeedsAttention, PluginError, Refused, RetryLater
from ..leases import LeaseLost
from ..mind import ToolCall, ToolResult
from ..model import Deed
from ..runtime import BoundTool
from ..store.collections import TURNS
from ..tools import Done
from . import guard, tools
from .state import TurnMoved, Work

UNKNOWN = "it is not known whether this was done: do not try it again, and do not say that it was done; call a person"
"""What the model is told of a deed that nobody can find out about."""
MAY_STILL_BE = (
    "it gave no answer in time and has not been done so far; ask for it once more with the very same arguments, or call a "
    "person; do not say that it was done"
)
ONCE = "this very thing was done before in this answer, and is not done a second time; it came to: {result}"
NOT_RUN = "it is switched off at the moment; nothing was done"


class NotDone(Refused):
    """What the core, and not the tool, tells the model in place of a result."""


async def do(work: Work, bound: BoundTool, call: ToolCall, arguments: dict[str, Any]) -> ToolResult:
    """Run a deed once, whatever happened before: a journalled result is read, a bare intent is looked up.

    Raises Superseded or OwnerChanged before the first deed, TurnMoved, or what the deed raises (Refused, …).
    """
    deed = next((deed for deed in work.turn.deeds if _is_of(deed, call)), None)
    if deed is not None and deed.state == "done":
        return _result(call, deed)
    if deed is None:
        await guard.look(work)
        deed = Deed(
            key=f"{work.turn.id}/{len(work.turn.deeds) + 1}",
            call=call.id,
            tool=call.name,
            plugin=bound.plugin.name,
            arguments=call.arguments,
        )
        await journal(work, deeds=(*work.turn.deeds, deed), pinned=True, exchange=mind.dump(work.exchange))
        reached("deed.intended")
    elif (answer := await _look_up(work, bound, deed, arguments)) is not None:
        return await _write_result(work, call, deed, answer)
    else:
        await guard.look(work)
    if work.held.seconds_left() <= 0:
        raise LeaseLost(work.turn.conversation)
    return await _run(work, bound, call, deed, arguments)


def _is_of(deed: Deed, call: ToolCall) -> bool:
    """Whether a journalled deed is what this call asks for. One that failed may be tried again, as a new deed."""
    # Of what was or may have been done, no second is begun, whatever the call is numbered.
    return deed.state != "failed" and (deed.tool, deed.arguments) == (call.name, call.arguments)


async def _run(work: Work, bound: BoundTool, call: ToolCall, deed: Deed, arguments: dict[str, Any]) -> ToolResult:
    try:
        answer = await tools.invoke(work, bound, bound.tool.method, arguments, deed.key)
    except (Refused, RetryLater, NeedsAttention) as err:
        # Said on purpose: it was not done.
        await _replace(work, replace(deed, state="failed", result=str(err)))
        raise
    except (dispatch.HookFailed, PluginError) as err:
        ran = not isinstance(err, dispatch.HookFailed) or err.ran
        answer = await _look_up(work, bound, deed, arguments) if ran else None
        if answer is None and not ran:
            await _replace(work, replace(deed, state="failed", result=NOT_RUN))
            raise NotDone(NOT_RUN) from err
        if answer is None:
            # The vendor may still do it: the intent stays, so that the same call once more has the same key.
            _count(work, "unknown")
            raise NotDone(MAY_STILL_BE) from err
    reached("deed.ran")
    return await _write_result(work, call, deed, answer)


async def _look_up(work: Work, bound: BoundTool, deed: Deed, arguments: dict[str, Any]) -> Any:
    """Whether an intended deed has happened: its answer; None if it may be done (again).

    Raises NotDone, in words for the model, when that cannot be found out: the intent stays as it is.
    """
    if bound.tool.repeatable:
        return None
    try:
        return await tools.invoke(work, bound, bound.tool.lookup, arguments, deed.key)
    except (dispatch.HookFailed, PluginError) as err:
        _count(work, "unknown")
        raise NotDone(UNKNOWN) from err


async def _write_result(work: Work, call: ToolCall, deed: Deed, answer: Any) -> ToolResult:
    # Of what answers nothing there is nothing to say: what the contact hears then is not made from it.
    sentence = answer.sentence if isinstance(answer, Done) else str(answer or "")
    done = replace(deed, state="done", result=tools.told(answer), sentence=tools.within(sentence.strip()))
    await _replace(work, done)
    reached("deed.journalled")
    return _result(call, done)


async def _replace(work: Work, deed: Deed) -> None:
    await journal(work, deeds=tuple(deed if old.key == deed.key else old for old in work.turn.deeds))
    _count(work, deed.state)


def _count(work: Work, outcome: str) -> None:
    work.metrics.deeds.add(work.runtime.tenant.id, outcome)


async def journal(work: Work, **changes: Any) -> None:
    """Change the turn document we took up. Raises TurnMoved if somebody else took it up since."""
    changed = await work.repository.update(TURNS, work.turn, **changes)
    if changed is None:
        raise TurnMoved(work.turn.id)
    work.turn = changed


def _result(call: ToolCall, deed: Deed) -> ToolResult:
    content = deed.result if deed.call == call.id else ONCE.format(result=deed.result)
    return ToolResult(id=call.id, name=call.name, content=content)
