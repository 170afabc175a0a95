"""Whether a message may go now. Read again before each attempt; what may not go leaves the lane and is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..model import BOT, Contact, Conversation, Message, OutboundState


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a message leaves the lane unsent."""

    state: OutboundState
    error: str


def stop_reason(message: Message, conversation: Conversation, contact: Contact | None, now: datetime) -> Stop | None:
    """None: it may go. The same question before every attempt, never answered from memory."""
    if contact is None:
        return Stop("withdrawn", "the contact was erased")
    if contact.opted_out:
        return Stop("withdrawn", "opted out: the contact asked for no more messages")
    if message.author == BOT and message.owner_epoch < conversation.taken_epoch:
        return Stop("withdrawn", "taken over: a person answered in the bot's place")
    if message.useful_until is not None and now >= message.useful_until:
        return Stop("expired", "too late: it was worth sending until then only")
    return None
