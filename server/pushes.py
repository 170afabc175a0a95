"""What a CRM plugin is given to push, and what it answers: records of contacts, several at once (services/pushing.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .model import Contact, Conversation, Message
from .records import Appointment, Lead

PushKind = Literal["contact", "deal", "activity"]
KINDS: tuple[PushKind, ...] = ("contact", "deal", "activity")
"""In the order in which they are pushed: a deal belongs to a contact, an activity to both."""

Reference = Mapping[str, Any]
"""What the plugin finds it by at its vendor, as it answered the last time (JSON); empty: it was never pushed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactPush:
    """A contact as it is now. `id` is its id, also when it was merged from several."""

    id: str
    contact: Contact
    conversation: Conversation
    lead: Lead | None = None
    reference: Reference = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class DealPush:
    """The opportunity that a contact is, as it is now: their lead and their visits. `id` is the contact's."""

    id: str
    contact: Contact
    conversation: Conversation
    lead: Lead | None = None
    appointments: tuple[Appointment, ...] = ()
    """The latest first; of all states."""
    of_contact: Reference = field(default_factory=dict)
    """What `push_contact` answered of the contact."""
    reference: Reference = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivityPush:
    """What was said with one contact on one day (of the tenant's zone), as far as the day has come.

    It comes again, longer, while the day goes on: `id` (`CONTACT.2026-11-28`) stays the same.
    """

    id: str
    contact: Contact
    conversation: Conversation
    messages: tuple[Message, ...]
    """Oldest first; of ours those that the provider took."""
    summary: str = ""
    """Of the whole conversation, by a model, as far as there is one."""
    lead: Lead | None = None
    of_contact: Reference = field(default_factory=dict)
    of_deal: Reference = field(default_factory=dict)
    reference: Reference = field(default_factory=dict)
    """What was answered of the contact's activity before this one."""

    @property
    def begins(self) -> datetime:
        return self.messages[0].at

    @property
    def ends(self) -> datetime:
        return self.messages[-1].at


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """What became of one of the pushed records. What a plugin says nothing of is pushed again."""

    id: str
    """The push's."""
    reference: dict[str, Any] = field(default_factory=dict)
    """Kept, and given with the next push; of one that failed: empty leaves what there is."""
    link: str = ""
    """Where a person sees it at the vendor (https)."""
    error: str = ""
    """Why it was not taken, in the vendor's words made plain; empty: it was."""
    again: bool = False
    """Of an error: it may be taken later, so it is tried again by itself."""
