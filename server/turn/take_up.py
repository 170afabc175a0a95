"""Which turn a conversation is at: a new one, or the one that a crash, a superseding or parking left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import mind
from ..mind import ModelMessage, ToolCall, ToolResult
from ..model import Conversation, Message, Turn
from ..store import Repository, Store
from ..store.collections import MESSAGES, TURNS
from . import commit as ending
from .state import TurnMoved

UNANSWERED = 50
"""The most inbound messages that one turn answers."""
PARKED_TIMES = 3
"""After so many attempts a parked turn is reopened by hand only."""

_Current = tuple[Turn | None, int, tuple[ModelMessage, ...]]
"""The first turn after the last committed one that was not withdrawn, if it was begun; its number; what the deeds of the
withdrawn ones did."""


async def unanswered(repository: Repository, conversation: Conversation) -> list[Message]:
    """The inbound messages that nobody has answered, oldest first."""
    found: list[Message] = []
    for part in conversation.parts:
        where = {"conversation": part, "direction": "inbound", "state": "received"}
        found += await repository.find(MESSAGES, where, order_by="at", limit=UNANSWERED)
    return found if not conversation.merged else sorted(found, key=lambda message: message.at)[:UNANSWERED]


def has_read_all(turn: Turn, conversation: Conversation) -> bool:
    """Whether *turn* certainly read every message that had come when *conversation* was as it is here."""
    return turn.read_seq == conversation.inbound_seq and len(turn.read) < UNANSWERED


async def take_up(repository: Repository, store: Store, conversation: Conversation, waiting: Sequence[Message]) -> Turn:
    """The turn that answers *waiting*, its version raised. Still `parked`: it is reopened by hand only."""
    # Most turns are new: it is written unread, and only where one is there is that one read.
    current: _Current = None, conversation.turn_no + 1, ()
    elsewhere = await _of_merged(repository, conversation, waiting)
    while True:
        turn, no, deeds_before = current
        read = tuple(message.id for message in waiting)
        if turn is None:
            turn = _new(conversation, no, elsewhere + deeds_before, store, read)
            if await repository.insert(TURNS, turn):
                return turn
        elif turn.pinned and not _all_wait(turn, waiting):
            await ending.withdraw(repository, store, turn, "a person answered meanwhile")
        elif turn.state == "parked" and turn.parked_times >= PARKED_TIMES:
            return turn
        else:
            changes: dict[str, Any] = {
                "state": "open",
                "attempts": turn.attempts + 1,
                "tries": turn.tries + 1,
                "outbound": (),
            }
            if not turn.pinned:
                changes |= {"read": read, "read_seq": conversation.inbound_seq}
            taken = await repository.update(TURNS, turn, **changes)
            if taken is not None:
                await ending.drop_drafts(repository, turn.outbound)
                return taken
        current = await _current(repository, conversation)


async def goes_on(repository: Repository, conversation: Conversation) -> bool:
    """Whether the next turn is an interrupted one that is continued as it is, and answers what it had read and no more."""
    turn, _, _ = await _current(repository, conversation)
    return turn is not None and turn.pinned and _all_wait(turn, await unanswered(repository, conversation))


async def put_away(
    repository: Repository, store: Store, conversation: Conversation, waiting: Sequence[Message]
) -> None:
    """A person answers, or has answered: what an interrupted turn did is told to them, and it ends.

    A parked turn stays on the operators' screen for as long as something it read waits for its answer.
    """
    turn, _, _ = await _current(repository, conversation)
    if turn is None:
        return
    ids = {message.id for message in waiting}
    if turn.state == "parked" and ids.intersection(turn.read):
        return
    await ending.withdraw(repository, store, turn, "a person answers this conversation")


async def _current(repository: Repository, conversation: Conversation) -> _Current:
    no = conversation.turn_no + 1
    deeds_before: tuple[ModelMessage, ...] = ()
    while True:
        turn = await repository.get(TURNS, f"{conversation.id}.{no}")
        if turn is not None and turn.state == "committed":
            # The conversation went on without us: our lease ran out while we were frozen.
            raise TurnMoved(turn.id)
        if turn is None or turn.state != "withdrawn":
            return turn, no, deeds_before
        deeds_before += _told(turn)
        no += 1


async def _of_merged(
    repository: Repository, conversation: Conversation, waiting: Sequence[Message]
) -> tuple[ModelMessage, ...]:
    """What was done for *waiting* by turns that were interrupted before their conversation became a part of this one."""
    ids = {message.id for message in waiting}
    told: tuple[ModelMessage, ...] = ()
    for part in conversation.merged:
        newest = await repository.find(
            TURNS, {"conversation": part}, order_by="no", descending=True, limit=PARKED_TIMES
        )
        for turn in reversed(newest):
            if turn.state != "committed" and ids.intersection(turn.read):
                told += _told(turn)
    return told


def _told(turn: Turn) -> tuple[ModelMessage, ...]:
    """A withdrawn turn's deeds as the next turn's model reads them, so that it does not do them once more."""
    if not turn.deeds:
        return ()
    # The keys are ids of their own: the next turn's journal must not take these calls for its own.
    calls = tuple(ToolCall(id=deed.key, name=deed.tool, arguments=deed.arguments) for deed in turn.deeds)
    results = tuple(
        ToolResult(
            id=deed.key,
            name=deed.tool,
            content=deed.result if deed.state != "intended" else "it is not known whether this was done",
            error=deed.state != "done",
        )
        for deed in turn.deeds
    )
    return ModelMessage(role="assistant", tool_calls=calls), ModelMessage(role="user", tool_results=results)


def _all_wait(turn: Turn, waiting: Sequence[Message]) -> bool:
    return set(turn.read) <= {message.id for message in waiting}


def _new(
    conversation: Conversation, no: int, deeds_before: tuple[ModelMessage, ...], store: Store, read: tuple[str, ...]
) -> Turn:
    """A turn taken up for the first time."""
    return Turn(
        id=f"{conversation.id}.{no}",
        conversation=conversation.id,
        no=no,
        attempts=1,
        tries=1,
        read=read,
        read_seq=conversation.inbound_seq,
        exchange=mind.dump(deeds_before),
        opened_at=store.now(),
    )
