"""The one place that decides whether a message goes as it is, as a template, later, or never.

Pure: everything it looks at is given. The lane asks it before it takes a message up, and the sender once more right
before the attempt (gates.py reads what it needs).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from .. import consent
from ..model import OPERATOR, Contact, Conversation, Message

Verdict = Literal["free", "template", "hold", "refuse"]
MARGIN = timedelta(minutes=1)
"""How long before the window closes nothing free is sent any more: the provider may keep it for a moment."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a message.

    `free`: as it is. `template`: its template goes. `hold`: it waits until the contact writes. `refuse`: it never goes;
    `state` is what it becomes.
    """

    verdict: Verdict
    reason: str = ""
    """Of `hold` and `refuse`."""
    state: Literal["", "withdrawn", "expired"] = ""


def decide(
    message: Message, conversation: Conversation, contact: Contact | None, window: timedelta | None, now: datetime
) -> Decision:
    """What becomes of an outbound *message* now.

    :param contact: None: what they want is asked later.
    :param window: how long after the contact's last message the channel takes free-form messages; None: always.
    """
    if contact is not None and not consent.may_go(message, contact, conversation.last_inbound_at):
        return Decision("refuse", "opted out: the contact asked for no more messages", "withdrawn")
    if not message.author.startswith(OPERATOR) and message.owner_epoch < conversation.taken_epoch:
        return Decision("refuse", "taken over: a person answered in the bot's place", "withdrawn")
    if message.useful_until is not None and now >= message.useful_until:
        return Decision("refuse", "too late: it was worth sending until then only", "expired")
    if message.kind == "template":
        return Decision("template")
    closes = closes_at(conversation, window)
    if closes is None or (conversation.last_inbound_at is not None and now < closes - MARGIN):
        return Decision("free")
    if message.template is not None:
        return Decision("template")
    since = (
        "the contact has not written yet" if conversation.last_inbound_at is None else "the service window is closed"
    )
    return Decision("hold", f"held until the contact writes: {since}, and it has no template")


def closes_at(conversation: Conversation, window: timedelta | None) -> datetime | None:
    """When the service window of the conversation closes, or closed; it never was open: when the conversation began.

    None: the channel takes free-form messages at any time. (Twilio, 63016: 24 hours from the contact's last message.)
    """
    if window is None:
        return None
    last = conversation.window_from or conversation.last_inbound_at
    return conversation.created_at if last is None else last + window
