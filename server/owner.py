"""What a change of owner does to a conversation: written here, and wherever it is decided by one compare-and-set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .model import BOT, NOBODY, Conversation, Owner


def passed_to(conversation: Conversation, owner: Owner, now: datetime, *, reason: str = "") -> dict[str, Any]:
    """The changes that make *owner* (`BOT`, `NOBODY`, an operator) answer *conversation* from *now* on.

    *reason*: why nobody answers; it ends with the hand-off. A person who takes over voids what the bot has queued; when the
    bot has it back it looks at what was left unsaid (turn/unsaid.py).
    """
    epoch = conversation.owner_epoch + 1
    changes: dict[str, Any] = {"owner": owner, "owner_epoch": epoch, "owner_since": now}
    if owner == NOBODY:
        return changes | {"last_human_at": None, "handoff_reason": reason}
    if owner == BOT:
        return changes | {"handoff_reason": "", "given_back": True}
    return changes | {"taken_epoch": epoch, "last_human_at": now}
