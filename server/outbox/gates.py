"""Whether a message may go now. Read again before each attempt; what may not go leaves the lane and is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model import Commit, Message, OutboundState
from ..store import Repository
from ..store.collections import CONTACTS, CONVERSATIONS
from .policy import Decision, decide


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


async def closed(
    repository: Repository, message: Message, now: datetime, window: timedelta | None = None
) -> Stop | Wait | None:
    """Why the message may not go now; None: it may. Conversation and contact are read for the purpose.

    *window*: as in policy.py.
    """
    conversation = await repository.get(CONVERSATIONS, message.conversation)
    if conversation is not None and conversation.erased_at is None:
        contact = await repository.get(CONTACTS, conversation.contact)
        if contact is not None:
            decision = decide(message, conversation, contact, window, now)
            if decision.verdict == "refuse":
                return stop(decision)
            # What is to be held since it was taken up is held when the lane looks at it again.
            later = decision.verdict == "hold" or overtakes(message, conversation.last_commit)
            return Wait(now + COMMIT_PAUSE) if later else None
    return Stop("withdrawn", "the contact was erased")


def stop(decision: Decision) -> Stop:
    """Of a decision to refuse."""
    return Stop(decision.state or "withdrawn", decision.reason)


def overtakes(message: Message, commit: Commit | None) -> bool:
    """Whether a commit has places before the message's and may not have them in the lane yet: its turn's due row ends
    it."""
    if commit is None or commit.finished or message.id in commit.outbound:
        return False
    return commit.first_place < message.place
