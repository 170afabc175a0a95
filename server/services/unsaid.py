"""What a person's take-over withdrew and nobody said instead: taken up again when the bot gets the conversation back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import structlog

from .. import leases
from ..model import BOT, Conversation, Message, Turn
from ..store import In, PutDue, Repository, Store
from ..store.collections import MESSAGES, TURNS

log = structlog.get_logger(__name__)

SOON = timedelta(seconds=5)
LIMIT = 100
_SAID = ("sending", "parked", "accepted", "sent", "delivered", "read")


async def take_up(store: Store, tenant: str, conversation: Conversation) -> None:
    """Before the bot gets *conversation* back: what it had answered in vain waits for an answer again.

    Nothing is in vain once any message followed, an operator's for one. A turn that did something in the world is not
    done again: its own words go out after all. Doing this twice is doing it once.
    """
    repository = store.for_tenant(tenant)
    withdrawn = [m for m in await _outbound(repository, conversation, "withdrawn", "queued") if _void(m, conversation)]
    said = await _outbound(repository, conversation, *_SAID, limit=1)
    since = said[0].at if said else datetime.min.replace(tzinfo=UTC)
    for id in dict.fromkeys(message.turn for message in withdrawn):
        turn = await repository.get(TURNS, id)
        if turn is None:
            continue
        if turn.deeds:
            if turn.opened_at > since:
                words = [message for message in withdrawn if message.turn == id]
                await _say_after_all(store, repository, tenant, conversation, words)
        else:
            await _reopen(repository, conversation, turn, since)


async def _outbound(
    repository: Repository, conversation: Conversation, *states: str, limit: int = LIMIT
) -> list[Message]:
    """The newest first."""
    return await repository.find(
        MESSAGES,
        {"conversation": conversation.id, "direction": "outbound", "state": In(states)},
        order_by="at",
        descending=True,
        limit=limit,
    )


def _void(message: Message, conversation: Conversation) -> bool:
    """A turn's answer that had its place in the lane when a person took over, which ends it there (outbox/gates.py)."""
    adopted = message.author == BOT and message.turn != "" and message.place > 0
    return adopted and message.owner_epoch < conversation.taken_epoch and not message.dismissed


async def _reopen(repository: Repository, conversation: Conversation, turn: Turn, since: datetime) -> None:
    reopened: list[datetime] = []
    for id in turn.read:
        while (message := await repository.get(MESSAGES, id)) is not None:
            if (message.state, message.turn) != ("answered", turn.id) or message.at <= since:
                break
            if await repository.update(MESSAGES, message, state="received", turn="") is not None:
                reopened.append(message.at)
                break
    if reopened:
        log.info("answer_reopened", turn=turn.id, messages=len(reopened))
        await leases.change(
            repository,
            conversation.id,
            lambda current: {"unanswered_since": min((*reopened, current.unanswered_since or reopened[0]))},
        )


async def _say_after_all(
    store: Store, repository: Repository, tenant: str, conversation: Conversation, words: Iterable[Message]
) -> None:
    await repository.write(PutDue("lane", tenant, conversation.id, store.now() + SOON))
    for message in words:
        # A take-over that comes now voids it again.
        await repository.update(
            MESSAGES, message, state="queued", owner_epoch=conversation.taken_epoch, not_before=None, error=""
        )
    await repository.write(PutDue("lane", tenant, conversation.id, store.now()))
