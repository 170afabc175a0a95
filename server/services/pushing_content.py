"""What is pushed of a contact, read when it is pushed: what was erased meanwhile is in none of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..model import Contact, Conversation, Message
from ..pushes import ActivityPush, ContactPush, DealPush
from ..records import Appointment, Lead
from ..store import Between, Repository
from ..store.collections import APPOINTMENTS, CONTACTS, CONVERSATIONS, LEADS, MESSAGES
from ..stored_syncs import Sync
from ..turn.recall import summaries_of

SAID = frozenset({"received", "answered", "accepted", "sent", "delivered", "read"})
"""What was said: of the contact all, of ours what the provider took."""
STRAGGLERS = timedelta(hours=1)
"""What is taken by the provider so long after it was written is still a part of its day."""
MOST = 1000
"""Messages of one go; the others go with the next."""
VISITS = 100


@dataclass(slots=True)
class Going:
    """One contact in a go: what it is, and what became of it so far."""

    sync: Sync
    contact: Contact
    conversation: Conversation
    lead: Lead | None
    references: dict[str, dict[str, Any]]
    left: list[str]
    """Kinds that are not pushed yet."""
    link: str = ""
    told_until: datetime | None = None
    error: str = ""
    later: float | None = None
    """Seconds until it is tried again; None with an error: it is not."""
    alone: bool = False
    telling: datetime | None = None
    """What `told_until` becomes once this go's part of its conversation is taken."""
    more: bool = False
    """There is more of its conversation than goes at once."""
    activities: list[ActivityPush] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.contact.id

    @property
    def stands(self) -> bool:
        """Whether nothing has gone wrong with it in this go."""
        return not self.error and not self.alone


async def read(repository: Repository, sync: Sync) -> Going | None:
    """The contact of *sync* as it is; None: it is erased, a part of another, or an operator's own number."""
    conversation = await repository.get(CONVERSATIONS, sync.contact)
    contact = await repository.get(CONTACTS, sync.contact)
    if conversation is None or contact is None or contact.kind != "customer":
        return None
    if conversation.erased_at is not None or conversation.merged_into:
        return None
    lead = await repository.get(LEADS, contact.id)
    references = {kind: dict(reference) for kind, reference in sync.references.items()}
    return Going(
        sync, contact, conversation, lead, references, list(sync.under_way), sync.link, told_until=sync.told_until
    )


def contact_push(each: Going) -> ContactPush:
    return ContactPush(
        id=each.id,
        contact=each.contact,
        conversation=each.conversation,
        lead=each.lead,
        reference=each.references.get("contact", {}),
    )


async def deal_push(repository: Repository, each: Going) -> DealPush:
    visits: list[Appointment] = []
    for part in each.conversation.parts:
        visits += await repository.find(
            APPOINTMENTS, {"contact": part}, order_by="starts_at", descending=True, limit=VISITS
        )
    return DealPush(
        id=each.id,
        contact=each.contact,
        conversation=each.conversation,
        lead=each.lead,
        appointments=tuple(sorted(visits, key=lambda visit: visit.starts_at, reverse=True)),
        of_contact=each.references.get("contact", {}),
        reference=each.references.get("deal", {}),
    )


async def activity_pushes(repository: Repository, each: Going, zone: ZoneInfo) -> list[ActivityPush]:
    """A push for each day on which something was said since it was last pushed, that day included; the oldest first."""
    since = (each.sync.told_until or each.sync.since) - STRAGGLERS
    begin = since.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    messages: list[Message] = []
    for part in each.conversation.parts:
        where = {"conversation": part, "at": Between(begin, None)}
        messages += await repository.find(MESSAGES, where, order_by="at", limit=MOST)
    messages.sort(key=lambda message: (message.at, message.id))
    each.more = len(messages) >= MOST
    messages = messages[:MOST]
    if each.more and messages[-1].at <= (each.told_until or begin):
        # One day has more than goes at once: its newest part, or it would be pushed for ever.
        each.more, messages = False, await _newest(repository, each, begin)
    said = [message for message in messages if message.state in SAID]
    if not said:
        return []
    each.telling = messages[-1].at
    summary = "\n".join(found.text for found in await summaries_of(repository, each.conversation))
    return [
        ActivityPush(
            id=f"{each.id}.{day}",
            contact=each.contact,
            conversation=each.conversation,
            messages=tuple(of_day),
            summary=summary,
            lead=each.lead,
            of_contact=each.references.get("contact", {}),
            of_deal=each.references.get("deal", {}),
            reference=each.references.get("activity", {}),
        )
        for day, of_day in _by_day(said, zone)
    ]


async def _newest(repository: Repository, each: Going, begin: datetime) -> list[Message]:
    found: list[Message] = []
    for part in each.conversation.parts:
        where = {"conversation": part, "at": Between(begin, None)}
        found += await repository.find(MESSAGES, where, order_by="at", descending=True, limit=MOST)
    return sorted(found, key=lambda message: (message.at, message.id))[-MOST:]


def _by_day(messages: list[Message], zone: ZoneInfo) -> Iterator[tuple[str, list[Message]]]:
    days: dict[str, list[Message]] = {}
    for message in messages:
        days.setdefault(message.at.astimezone(zone).date().isoformat(), []).append(message)
    yield from days.items()
