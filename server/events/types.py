"""The events, and what each one tells."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

MESSAGE_RECEIVED = "message.received"
MESSAGE_SENT = "message.sent"
MESSAGE_FAILED = "message.failed"
TURN_COMMITTED = "turn.committed"
HANDOFF = "handoff"
CONVERSATION_TAKEN = "conversation.taken"
CONVERSATION_RELEASED = "conversation.released"
LEAD_CHANGED = "lead.changed"
APPOINTMENT_CHANGED = "appointment.changed"
CONTACT_MERGED = "contact.merged"
CONTACT_ERASED = "contact.erased"
TEST = "test"
"""What the test button sends; nobody subscribes to it."""

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        MESSAGE_RECEIVED: "A contact wrote; told once its voice notes have words, before the bot answers.",
        MESSAGE_SENT: "The provider took a message of ours.",
        MESSAGE_FAILED: "A message of ours did not reach its contact: refused, expired, or parked for a person.",
        TURN_COMMITTED: "The bot answered.",
        HANDOFF: "The bot stepped back and a person is needed.",
        CONVERSATION_TAKEN: "An operator took a conversation over.",
        CONVERSATION_RELEASED: "A conversation is the bot's again.",
        LEAD_CHANGED: "A lead was made, scored, moved or changed.",
        APPOINTMENT_CHANGED: "An appointment was booked, moved, cancelled, or its contact came or did not.",
        CONTACT_MERGED: "Two contacts turned out to be one.",
        CONTACT_ERASED: "A contact was erased: erase what you have of them, too.",
    }
)
