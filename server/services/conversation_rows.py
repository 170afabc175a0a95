"""What a list shows of a conversation, read from the conversation itself, its contact and its newest messages.

Nothing of it is kept beside them, so nothing can be wrong of it: a page is some forty looks at an index.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..model import BOT, NOBODY, Contact, Conversation, Message
from ..outbox.again import UNDELIVERED
from ..outbox.policy import closes_at
from ..plugin import Channel
from ..registry import PluginRefused, Registry
from ..store import In, Repository, Store
from ..store.collections import CONTACTS, MESSAGES
from ..store.queries import MAX_IN
from ..store.words import marked

NEWEST = 4
"""Messages that are read of each conversation; drafts that were never sent are among them."""
UNSAID = ("proposed", "withdrawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One conversation in a list."""

    conversation: Conversation
    contact: Contact | None
    said: Message | None
    """The newest message."""
    failed: bool
    """What was last written to the contact has not reached them."""
    closes_at: datetime | None
    """When the service window closes, or closed; None: the channel has none."""
    found: Message | None = None
    """Of a search, the newest message that was found."""

    @property
    def id(self) -> str:
        return self.conversation.id

    @property
    def at(self) -> datetime:
        """Its place in a list: when the contact wrote last."""
        return self.conversation.last_inbound_at or self.conversation.created_at

    @property
    def name(self) -> str:
        """How the contact calls themselves; empty: the channel does not say."""
        return self.contact.name if self.contact is not None else ""

    @property
    def phone(self) -> str:
        """E.164, or empty."""
        return self.contact.phone if self.contact is not None else ""

    def found_in(self, words: Collection[str]) -> list[tuple[str, bool]]:
        """What was found, in pieces, each with whether it is one of *words*."""
        return marked(self.found.text, words) if self.found is not None else []

    @property
    def waiting_since(self) -> datetime | None:
        """Since when the contact waits for somebody: for an answer, or for a person after a hand-off."""
        handed_off = self.conversation.owner_since if self.conversation.owner == NOBODY else None
        return self.conversation.unanswered_since or handed_off

    @property
    def needs_somebody(self) -> bool:
        """Whether a person has to do something about it, as far as can be seen here."""
        return self.conversation.owner != BOT and self.conversation.unanswered_since is not None

    @property
    def parked(self) -> bool:
        """The bot could not answer what the contact wrote, and nobody has since."""
        return is_parked(self.conversation)


def is_parked(conversation: Conversation) -> bool:
    """Whether the bot could not answer what the contact wrote, and nobody has since."""
    last = conversation.last_commit
    return last is not None and last.state == "parked" and conversation.unanswered_since is not None


class RowReader:
    """Makes rows of conversations."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    async def rows(
        self, tenant: str, conversations: Sequence[Conversation], found: Mapping[str, Message] | None = None
    ) -> list[Row]:
        """A row for each, in their order; at most 100. *found*: by conversation."""
        if not conversations:
            return []
        repository = self._store.for_tenant(tenant)
        contacts, newest = await asyncio.gather(
            _contacts(repository, conversations),
            asyncio.gather(*(_newest(repository, each) for each in conversations)),
        )
        return [
            Row(
                conversation=each,
                contact=contacts.get(each.contact),
                said=next((m for m in messages if m.state not in UNSAID), None),
                failed=_failed(messages),
                closes_at=self._closes_at(each),
                found=(found or {}).get(each.id),
            )
            for each, messages in zip(conversations, newest, strict=True)
        ]

    def _closes_at(self, conversation: Conversation) -> datetime | None:
        try:
            channel = self._registry.load(conversation.channel).cls
        except PluginRefused:
            return None
        return closes_at(conversation, channel.service_window if issubclass(channel, Channel) else None)


async def _contacts(repository: Repository, conversations: Sequence[Conversation]) -> dict[str, Contact]:
    ids = tuple(dict.fromkeys(each.contact for each in conversations))
    return {each.id: each for each in await repository.find(CONTACTS, {"id": In(ids)}, limit=MAX_IN)}


async def _newest(repository: Repository, conversation: Conversation) -> list[Message]:
    where = {"conversation": In(conversation.parts) if conversation.merged else conversation.id}
    return await repository.find(MESSAGES, where, order_by="at", descending=True, limit=NEWEST)


def _failed(newest: Sequence[Message]) -> bool:
    """Whether the newest of what was sent ended badly."""
    sent = next((m for m in newest if m.direction == "outbound" and m.state not in UNSAID), None)
    return sent is not None and (sent.state in UNDELIVERED or sent.state == "parked") and not sent.dismissed
