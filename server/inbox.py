"""From a channel to the store: what is accepted is on disk, once, before anyone is told so.

The inbox knows nothing of turns and models. It writes message, conversation and due row, in this order, and wakes.
"""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime

import structlog

from frontdesk.config import TenantConfig

from . import settle
from .channel import Inbound
from .crashpoints import reached
from .leases import ConversationGone
from .model import Contact, Conversation, Identity, Message
from .queue import Queue, Wake
from .store import Insert, PutDue, Repository, Store, Update
from .store.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MESSAGES

log = structlog.get_logger(__name__)


def contact_id(channel: str, external_id: str) -> str:
    """The id of a contact first met under this identity."""
    return hashlib.sha256(f"{channel}\0{external_id}".encode()).hexdigest()[:24]


def inbound_id(channel: str, provider_id: str) -> str:
    """The id of an inbound message: the same provider id is the same document."""
    return "in-" + hashlib.sha256(f"{channel}\0{provider_id}".encode()).hexdigest()[:24]


class Inbox:
    """Accepts inbound messages of any channel."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue

    async def accept(self, tenant: TenantConfig, channel: str, inbound: Inbound) -> bool:
        """Store the message; True when it is new. When this returns, the message cannot be lost any more.

        Raises StoreError when nothing is known to be written.
        """
        repository = self._store.for_tenant(tenant.id)
        conversation = await self._conversation(repository, tenant, channel, inbound)
        now = self._store.now()
        message = _message(conversation, channel, inbound, now)
        while True:
            due_at = settle.due_at(tenant, message, conversation.unanswered_since or now, now)
            bump = Update(CONVERSATIONS, conversation, _changes(conversation, channel, inbound, now))
            put = PutDue("turn", tenant.id, conversation.id, due_at)
            took = await repository.write(Insert(MESSAGES, message), bump, put)
            if took == 0:
                await self._seen_before(repository, tenant.id, message)
                return False
            while took == 1:
                conversation = await _read(repository, conversation.id)
                bump = Update(CONVERSATIONS, conversation, _changes(conversation, channel, inbound, now))
                reached("inbox.message_written")
                took += await repository.write(bump, put)
            reached("inbox.stored")
            await self._queue.wake(Wake("turn", tenant.id, conversation.id), (due_at - now).total_seconds())
            return True

    async def _seen_before(self, repository: Repository, tenant: str, message: Message) -> None:
        """A repeated message raises nothing; while it waits for its answer, its due row is made sure of."""
        stored = await repository.get(MESSAGES, message.id)
        if stored is not None and stored.state == "received":
            await self._store.due.put("turn", tenant, stored.conversation, self._store.now())
            await self._queue.wake(Wake("turn", tenant, stored.conversation))

    async def _conversation(
        self, repository: Repository, tenant: TenantConfig, channel: str, inbound: Inbound
    ) -> Conversation:
        identity = await repository.get(IDENTITIES, f"{channel}:{inbound.external_id}")
        if identity is not None:
            conversation = await repository.get(CONVERSATIONS, identity.contact)
            if conversation is not None:
                return conversation
        return await self._first_contact(repository, tenant, channel, inbound)

    async def _first_contact(
        self, repository: Repository, tenant: TenantConfig, channel: str, inbound: Inbound
    ) -> Conversation:
        """Write contact, conversation and identity; whoever else does so at the same time writes the same ids."""
        id = contact_id(channel, inbound.external_id)
        now = self._store.now()
        staff = inbound.phone != "" and inbound.phone in tenant.staff
        contact = Contact(
            id=id, kind="staff" if staff else "customer", name=inbound.name[:200], phone=inbound.phone, created_at=now
        )
        conversation = Conversation(
            id=id,
            contact=id,
            channel=channel,
            address=inbound.address,
            external_id=inbound.external_id,
            created_at=now,
        )
        identity = Identity(
            id=f"{channel}:{inbound.external_id}", contact=id, channel=channel, external_id=inbound.external_id
        )
        await repository.insert(CONTACTS, contact)
        await repository.insert(CONVERSATIONS, conversation)
        await repository.insert(IDENTITIES, identity)
        return await _read(repository, id)


async def _read(repository: Repository, id: str) -> Conversation:
    conversation = await repository.get(CONVERSATIONS, id)
    if conversation is None:
        raise ConversationGone(id)
    return conversation


def _message(conversation: Conversation, channel: str, inbound: Inbound, now: datetime) -> Message:
    return Message(
        id=inbound_id(channel, inbound.provider_id),
        conversation=conversation.id,
        direction="inbound",
        kind=inbound.kind,
        text=unicodedata.normalize("NFC", inbound.text),
        media=inbound.media,
        data=inbound.data,
        author="contact",
        state="received",
        at=now,
        provider_id=inbound.provider_id,
    )


def _changes(conversation: Conversation, channel: str, inbound: Inbound, now: datetime) -> dict[str, object]:
    return {
        "inbound_seq": conversation.inbound_seq + 1,
        "last_inbound_at": now,
        "unanswered_since": conversation.unanswered_since or now,
        "channel": channel,
        "address": inbound.address,
        "external_id": inbound.external_id,
    }
