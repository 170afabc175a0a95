"""Why the bot said that: one turn as an ordered list of typed steps, from what the store has of it.

The turn's trace tells what happened while it ran (turn/trace.py writes it); messages, deeds, notes and what became of each
answer are read now. Words for people: timeline_words.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..model import Deed, Message, Turn
from ..store import Between, Repository
from ..store.collections import MESSAGES, NOTES, TURNS

ENDED = ("committed", "parked", "withdrawn")
"""A parked turn that was taken up again has the time of its parking, and has not ended."""
WRITTEN = 200
"""How many messages after a turn's beginning are looked through for those it wrote."""
NOTE_AFTER = timedelta(seconds=1)
"""A note of a turn is written beside its end."""

KINDS = (
    "message",
    "taken_up",
    "prompt",
    "thought",
    "no_answer",
    "untrue",
    "tool",
    "chosen",
    "hook",
    "superseded_by_a_newer_message",
    "hearing",
    "spoken",
    "proposed",
    "closed_without_a_model",
    "deed",
    "note",
    "ended",
    "delivery",
    "more",
)
"""Every kind of step: `what` of a trace's line with `_` for spaces, or what is read beside it."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened at a time. `data` is plain JSON; its keys depend on the kind."""

    at: datetime
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened in a turn, oldest first."""

    turn: Turn
    steps: tuple[Step, ...]


async def timeline(repository: Repository, conversation: str, no: int | None = None) -> Timeline | None:
    """The turn with this number, or the newest; None if there is none."""
    turn = await _turn(repository, conversation, no)
    if turn is None:
        return None
    steps = [_read(message) for id in turn.read if (message := await repository.get(MESSAGES, id)) is not None]
    steps += _traced(turn)
    steps += await _notes(repository, turn)
    if turn.closed_at is not None and turn.state in ENDED:
        steps.append(Step(turn.closed_at, "ended", {"state": turn.state, "reason": turn.reason}))
    steps += _deliveries(turn, await _since(repository, turn))
    # Steps of one millisecond stay in the order in which they were gathered.
    return Timeline(turn, tuple(sorted(steps, key=lambda step: step.at)))


async def _turn(repository: Repository, conversation: str, no: int | None) -> Turn | None:
    if no is not None:
        return await repository.get(TURNS, f"{conversation}.{no}")
    newest = await repository.find(TURNS, {"conversation": conversation}, order_by="no", descending=True, limit=1)
    return newest[0] if newest else None


def _read(message: Message) -> Step:
    data = {"id": message.id, "kind": message.kind, "text": message.text, "files": len(message.media)}
    return Step(message.at, "message", data)


def _traced(turn: Turn) -> Iterator[Step]:
    """The lines of the trace, each deed with what its journal says; deeds that a crash left without a line come last."""
    deeds = {deed.call: deed for deed in turn.deeds}
    for line in turn.trace:
        data = {key: value for key, value in line.items() if key not in ("at", "what")}
        kind = str(line["what"]).replace(" ", "_")
        if kind == "parked":
            continue  # told by how the turn ended
        if kind == "tool" and (deed := deeds.pop(data.get("call", ""), None)) is not None:
            data |= _journalled(deed)
        yield Step(datetime.fromisoformat(line["at"]), kind, data)
    for deed in deeds.values():
        yield Step(turn.closed_at or turn.opened_at, "deed", {"tool": deed.tool, **_journalled(deed)})


def _journalled(deed: Deed) -> dict[str, Any]:
    return {
        "plugin": deed.plugin,
        "key": deed.key,
        "arguments": deed.arguments,
        "state": deed.state,
        "result": deed.result,
    }


async def _notes(repository: Repository, turn: Turn) -> list[Step]:
    until = None if turn.closed_at is None else turn.closed_at + NOTE_AFTER
    where = {"conversation": turn.conversation, "at": Between(turn.opened_at, until)}
    notes = await repository.find(NOTES, where, order_by="at")
    return [Step(note.at, "note", {"author": note.author, "text": note.text}) for note in notes]


async def _since(repository: Repository, turn: Turn) -> list[Message]:
    where = {"conversation": turn.conversation, "at": Between(turn.opened_at, None)}
    return await repository.find(MESSAGES, where, order_by="at", limit=WRITTEN)


def _deliveries(turn: Turn, since: Iterable[Message]) -> Iterator[Step]:
    """What became of each message that the turn wrote, and of those that say one of them again."""
    written: set[str] = set()
    for message in since:
        if message.direction != "outbound" or not (message.turn == turn.id or message.again_of in written):
            continue
        written.add(message.id)
        data = {
            "id": message.id,
            "text": message.text,
            "state": message.state,
            "attempts": message.attempts,
            "provider_id": message.provider_id,
            "error": message.error,
            "again_of": message.again_of,
            "possible_duplicate": message.possible_duplicate,
        }
        yield Step(message.accepted_at or message.intent_at or message.at, "delivery", data)
