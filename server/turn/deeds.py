"""The journal of deeds: the intent is on disk before a deed runs, its result after, so that a crash repeats nothing.

The journal is the turn document; a ghost (a process that woke after its lease ran out) cannot write it, because whoever
took the turn up raised its version.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .. import dispatch, mind
from ..crashpoints import reached
from ..errors import PluginError, Refused
from ..mind import ToolCall, ToolResult
from ..model import Deed
from ..runtime import BoundTool
from ..store.collections import TURNS
from ..tools import Done
from . import guard, tools
from .state import TurnMoved, Work


async def do(work: Work, bound: BoundTool, call: ToolCall, arguments: dict[str, Any]) -> ToolResult:
    """Run a deed once, whatever happened before: a journalled result is read, a bare intent is looked up.

    Raises Superseded or OwnerChanged before the first deed, TurnMoved, or what the deed raises (Refused, …).
    """
    deed = next((deed for deed in work.turn.deeds if deed.call == call.id), None)
    if deed is not None and deed.state != "intended":
        return _result(call, deed)
    if deed is None:
        await guard.before_deed(work)
        deed = Deed(
            key=f"{work.turn.id}/{len(work.turn.deeds) + 1}",
            call=call.id,
            tool=call.name,
            plugin=bound.plugin.name,
            arguments=call.arguments,
        )
        await journal(work, deeds=(*work.turn.deeds, deed), pinned=True, exchange=mind.dump(work.exchange))
        reached("deed.intended")
    elif not bound.tool.repeatable and (answer := await _look_up(work, bound, deed, arguments)) is not None:
        return await _write_result(work, call, deed, answer)
    return await _run(work, bound, call, deed, arguments)


async def _run(work: Work, bound: BoundTool, call: ToolCall, deed: Deed, arguments: dict[str, Any]) -> ToolResult:
    try:
        answer = await tools.invoke(work, bound, bound.tool.method, arguments, deed.key)
    except PluginError as err:
        await _replace(work, replace(deed, state="failed", result=str(err)))
        raise
    except dispatch.HookFailed as err:
        answer = None if bound.tool.repeatable else await _look_up(work, bound, deed, arguments)
        if answer is None:
            await _replace(work, replace(deed, state="failed", result=err.reason))
            raise Refused(f"{call.name} failed and is not known to have been done") from err
    reached("deed.ran")
    return await _write_result(work, call, deed, answer)


async def _look_up(work: Work, bound: BoundTool, deed: Deed, arguments: dict[str, Any]) -> Any:
    """Whether the deed has happened: its answer, or None. Raises HookFailed/PluginError if that cannot be found out."""
    return await tools.invoke(work, bound, bound.tool.lookup, arguments, deed.key)


async def _write_result(work: Work, call: ToolCall, deed: Deed, answer: Any) -> ToolResult:
    sentence = answer.sentence if isinstance(answer, Done) else str(answer)
    done = replace(deed, state="done", result=tools.told(answer), sentence=sentence)
    await _replace(work, done)
    reached("deed.journalled")
    return _result(call, done)


async def _replace(work: Work, deed: Deed) -> None:
    await journal(work, deeds=tuple(deed if old.key == deed.key else old for old in work.turn.deeds))


async def journal(work: Work, **changes: Any) -> None:
    """Change the turn document we took up. Raises TurnMoved if somebody else took it up since."""
    changed = await work.repository.update(TURNS, work.turn, **changes)
    if changed is None:
        raise TurnMoved(work.turn.id)
    work.turn = changed


def _result(call: ToolCall, deed: Deed) -> ToolResult:
    return ToolResult(id=call.id, name=call.name, content=deed.result, error=deed.state == "failed")
