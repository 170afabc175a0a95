"""What a change of owner does to a conversation: written here, and wherever it is decided by one compare-and-set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .model import BOT, NOBODY, Conversation, Owner, Passing

PASSINGS = 30
"""Changes of owner that a conversation remembers; they are read and written with it."""


def passed_to(
    conversation: Conversation, owner: Owner, now: datetime, *, reason: str = "", by: str = ""
) -> dict[str, Any]:
    """The changes that make *owner* (`BOT`, `NOBODY`, an operator) answer *conversation* from *now* on.

    *reason*: why nobody answers; it ends with the hand-off. *by*: as in Passing. A person who takes over voids what the bot
    has queued; when the bot has it back it looks at what was left unsaid (turn/unsaid.py).
    """
    epoch = conversation.owner_epoch + 1
    passing = Passing(owner=owner, at=now, by=by, reason=reason)
    passings = (*conversation.passings, passing)[-PASSINGS:]
    changes: dict[str, Any] = {"owner": owner, "owner_epoch": epoch, "owner_since": now, "passings": passings}
    if owner == NOBODY:
        return changes | {"last_human_at": None, "handoff_reason": reason}
    if owner == BOT:
        return changes | {"handoff_reason": "", "given_back": True}
    return changes | {"taken_epoch": epoch, "last_human_at": now}
