"""What a person's take-over withdrew and nobody said instead: taken up again once the bot has the conversation back.

The bot does this under the turn's lease and before it answers anything, so that it sees what was said, by whomever, until
the conversation was given back, and all that its last commit made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from ..model import BOT, OPERATOR, Conversation, Message, Turn
from ..scheduling import SOON
from ..store import Between, PutDue, Repository, Store
from ..store.collections import MESSAGES, TURNS
from .take_up import goes_on

log = structlog.get_logger(__name__)

LIMIT = 100
_SAID = ("queued", "sending", "parked", "accepted", "sent", "delivered", "read")
"""Said, or going to be, unless a take-over stops it."""


async def take_up(repository: Repository, store: Store, tenant: str, conversation: Conversation) -> datetime | None:
    """What was answered in vain waits for its answer again; since when, None: nothing does.

    Nothing is in vain once any message followed, an operator's for one. A turn that did something in the world, or said
    a part, is not begun anew: the rest of its own words go out after all, and before them, to keep the order, the words
    of the turns before it. So do all of them before a turn that goes on where it was interrupted. What an earlier look
    opened again is another turn's to answer: those words are never said. Doing this twice is doing it once.
    """
    waiting: list[tuple[Turn, list[Message]]] = []
    again: list[Turn] = []
    begun = 0
    words = await _unsaid(repository, conversation)
    for id in dict.fromkeys(message.turn for message in words):
        turn = await repository.get(TURNS, id)
        if turn is None or turn.state != "committed":
            continue
        if not turn.deeds and not await _answers(repository, turn):
            again.append(turn)
            continue
        its_own = [message for message in words if message.turn == id]
        waiting.append((turn, its_own))
        in_part = len(its_own) < len(turn.outbound) or any(message.state == "sending" for message in its_own)
        if turn.deeds or in_part:
            begun = len(waiting)
    if begun < len(waiting) and await goes_on(repository, conversation):
        begun = len(waiting)
    if after_all := [message for _, its_own in waiting[:begun] for message in its_own]:
        await _say_after_all(repository, store, tenant, conversation, after_all)
    again += [turn for turn, _ in waiting[begun:]]
    return min([at for turn in again for at in await _reopen(repository, turn)], default=None)


async def _answers(repository: Repository, turn: Turn) -> bool:
    """Whether any message that *turn* read still counts as answered by it."""
    for id in turn.read:
        message = await repository.get(MESSAGES, id)
        if message is not None and message.turn == turn.id:
            return True
    return False


async def _unsaid(repository: Repository, conversation: Conversation) -> list[Message]:
    """The bot's answers that a take-over stopped and that nothing followed, in the order of the lane."""
    where = {"conversation": conversation.id, "direction": "outbound", "place": Between(1)}
    lane = await repository.find(MESSAGES, where, order_by="place", descending=True, limit=LIMIT)
    words: list[Message] = []
    for message in lane:
        if _in_vain(message, conversation):
            words.append(message)
        if message.state in _SAID and not (message.state == "queued" and _stopped(message, conversation)):
            break
    return words[::-1]


def _stopped(message: Message, conversation: Conversation) -> bool:
    """Whether a take-over ends it in the lane (outbox/gates.py)."""
    return not message.author.startswith(OPERATOR) and message.owner_epoch < conversation.taken_epoch


def _in_vain(message: Message, conversation: Conversation) -> bool:
    """An answer that a take-over stopped; one that is `sending` may have gone, and is stopped if it turns out that not."""
    answer = message.author == BOT and message.turn != "" and not message.dismissed
    return answer and message.state in ("withdrawn", "queued", "sending") and _stopped(message, conversation)


async def _reopen(repository: Repository, turn: Turn) -> list[datetime]:
    """When the messages came that *turn* answered, as far as they wait for an answer again."""
    reopened: list[datetime] = []
    for id in turn.read:
        while (message := await repository.get(MESSAGES, id)) is not None:
            if message.state == "received":
                reopened.append(message.at)
                break
            if message.turn != turn.id:
                break
            if await repository.update(MESSAGES, message, state="received", turn="") is not None:
                reopened.append(message.at)
                break
    if reopened:
        log.info("answer_reopened", turn=turn.id, messages=len(reopened))
    return reopened


async def _say_after_all(
    repository: Repository, store: Store, tenant: str, conversation: Conversation, words: Sequence[Message]
) -> None:
    await repository.write(PutDue("lane", tenant, conversation.id, store.now() + SOON))
    for message in words:
        current: Message | None = message
        while current is not None and _in_vain(current, conversation):
            # A take-over that comes now stops it again.
            again: dict[str, Any] = {"state": "queued", "not_before": None, "error": ""}
            changes = again if current.state != "sending" else {}
            if await repository.update(MESSAGES, current, owner_epoch=conversation.taken_epoch, **changes) is not None:
                break
            current = await repository.get(MESSAGES, message.id)
    await repository.write(PutDue("lane", tenant, conversation.id, store.now()))
