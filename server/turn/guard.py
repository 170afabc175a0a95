"""Looks whether the turn may still say what it was going to say: who owns the conversation, has the contact written more."""

from __future__ import annotations

from datetime import timedelta

from ..leases import ConversationGone, LeaseLost
from ..model import Conversation
from ..store.collections import CONVERSATIONS
from .state import OwnerChanged, Superseded, Work

SUPERSEDE_TIMES = 2


async def look(work: Work) -> None:
    """Look now: after the model spoke, and before a deed runs (which pins the turn). Raises what `check` raises, or
    ConversationGone."""
    conversation = await work.repository.get(CONVERSATIONS, work.held.conversation.id)
    if conversation is None:
        raise ConversationGone(work.held.conversation.id)
    check(work, conversation)


def check(work: Work, conversation: Conversation) -> None:
    """Raises LeaseLost if the conversation is somebody else's, OwnerChanged if the owner moved, Superseded if the contact
    wrote more and the turn may start over."""
    if conversation.turn_lease is None or conversation.turn_lease.token != work.held.lease.token:
        raise LeaseLost(conversation.id)
    if conversation.owner_epoch != work.epoch_read:
        raise OwnerChanged(conversation.owner)
    if work.turn.pinned or conversation.inbound_seq == work.turn.read_seq:
        return
    if may_start_over(work, conversation):
        raise Superseded


def may_start_over(work: Work, conversation: Conversation) -> bool:
    """At most twice, and not too long after the first unanswered message: then the draft goes out."""
    since = conversation.unanswered_since or work.store.now()
    within = timedelta(seconds=work.runtime.times.supersede_until)
    return work.turn.superseded < SUPERSEDE_TIMES and work.store.now() - since < within
