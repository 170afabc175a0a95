"""Whether a message may go now. Read again before each attempt; what may not go leaves the lane and is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .. import consent
from ..model import OPERATOR, Commit, Contact, Conversation, Message, OutboundState
from ..store import Repository
from ..store.collections import CONTACTS, CONVERSATIONS


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a message leaves the lane unsent."""

    state: OutboundState
    error: str


@dataclass(frozen=True, slots=True)
class Wait:
    """It stays in the lane, and is looked at again then."""

    until: datetime


COMMIT_PAUSE = timedelta(milliseconds=200)
"""When to look again whether an earlier commit's messages are in the lane."""


async def closed(repository: Repository, message: Message, now: datetime) -> Stop | Wait | None:
    """Why the message may not go now; None: it may. Conversation and contact are read for the purpose."""
    if (conversation := await repository.get(CONVERSATIONS, message.conversation)) is not None:
        contact = await repository.get(CONTACTS, conversation.contact)
        if contact is not None:
            stop = stop_reason(message, conversation, contact, now)
            return Wait(now + COMMIT_PAUSE) if stop is None and overtakes(message, conversation.last_commit) else stop
    return Stop("withdrawn", "the contact was erased")


def stop_reason(message: Message, conversation: Conversation, contact: Contact, now: datetime) -> Stop | None:
    """The same question before every attempt, never answered from memory."""
    if not consent.may_go(message, contact, conversation.last_inbound_at):
        return Stop("withdrawn", "opted out: the contact asked for no more messages")
    return overtaken(message, conversation, now)


def overtaken(message: Message, conversation: Conversation, now: datetime) -> Stop | None:
    """Whether a person has answered in the bot's place, or the time has passed."""
    if not message.author.startswith(OPERATOR) and message.owner_epoch < conversation.taken_epoch:
        return Stop("withdrawn", "taken over: a person answered in the bot's place")
    if message.useful_until is not None and now >= message.useful_until:
        return Stop("expired", "too late: it was worth sending until then only")
    return None


def overtakes(message: Message, commit: Commit | None) -> bool:
    """Whether a commit has places before the message's and may not have them in the lane yet: its turn's due row ends
    it."""
    if commit is None or commit.finished or message.id in commit.outbound:
        return False
    return commit.first_place < message.place
