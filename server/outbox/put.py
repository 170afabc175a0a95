"""How a message that no turn wrote gets into its lane: once, and never without the row that has the lane looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import leases
from ..model import BOT, OPERATOR, Conversation, Message
from ..scheduling import SOON
from ..store import Insert, PutDue, Repository, Store
from ..store.collections import MESSAGES


def _nothing(_: Conversation) -> Mapping[str, Any]:
    return {}


async def put(
    repository: Repository, store: Store, tenant: str, message: Message, decide: leases.Decide = _nothing
) -> tuple[Message, bool]:
    """Write *message*, queued and so far without a place, at the end of its lane, and have the lane looked at.

    The message as it is on disk, and whether it is new: one with its id stays as it is. If its conversation has become a
    part of another one, it goes into that one's. *decide*: what else changes in the conversation; what it raises is raised
    before anything is written. Raises ConversationGone.
    """
    stored = await repository.get(MESSAGES, message.id)
    if stored is None:

        def places(current: Conversation) -> Mapping[str, Any]:
            if current.erased_at is not None:
                raise leases.ConversationGone(current.id)
            return {**decide(current), "outbox_seq": current.outbox_seq + 1}

        changed = await leases.change_kept(repository, message.conversation, places)
        placed = replace(message, **at_place(message, changed, changed.outbox_seq))
        now = store.now()
        # The row first: a lane without the message is looked at in vain, a message without the row would stay for ever.
        early, at_once = (PutDue("lane", tenant, placed.conversation, at) for at in (now + SOON, now))
        if await repository.write(early, Insert(MESSAGES, placed), at_once) > 1:
            return placed, True
        stored = await repository.get(MESSAGES, message.id) or placed
    await repository.write(PutDue("lane", tenant, stored.conversation, store.now()))
    return stored, False


def at_place(message: Message, conversation: Conversation, place: int) -> dict[str, Any]:
    """What puts *message* at a *place* in the lane of *conversation*, which its own may have become a part of.

    Epochs are counted by each conversation for itself: what was said for the one is said for the other, but not what the bot
    was to say if a person answers now.
    """
    if conversation.id == message.conversation:
        return {"place": place}
    taken = message.author == BOT and conversation.owner.startswith(OPERATOR)
    epoch = conversation.taken_epoch - 1 if taken else conversation.owner_epoch
    return {"place": place, "conversation": conversation.id, "owner_epoch": epoch}
