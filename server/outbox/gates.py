"""Whether a message may go now. Read again before each attempt; what may not go leaves the lane and is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..model import OPERATOR, Contact, Conversation, Message, OutboundState
from ..store import Repository
from ..store.collections import CONTACTS, CONVERSATIONS


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a message leaves the lane unsent."""

    state: OutboundState
    error: str


async def closed(repository: Repository, message: Message, now: datetime) -> Stop | None:
    """Why the message may not go now; None: it may. Conversation and contact are read for the purpose."""
    if (conversation := await repository.get(CONVERSATIONS, message.conversation)) is not None:
        contact = await repository.get(CONTACTS, conversation.contact)
        if contact is not None:
            return stop_reason(message, conversation, contact, now)
    return Stop("withdrawn", "the contact was erased")


def stop_reason(message: Message, conversation: Conversation, contact: Contact, now: datetime) -> Stop | None:
    """The same question before every attempt, never answered from memory."""
    if contact.opted_out:
        return Stop("withdrawn", "opted out: the contact asked for no more messages")
    if not message.author.startswith(OPERATOR) and message.owner_epoch < conversation.taken_epoch:
        return Stop("withdrawn", "taken over: a person answered in the bot's place")
    if message.useful_until is not None and now >= message.useful_until:
        return Stop("expired", "too late: it was worth sending until then only")
    return None
