"""From a channel to the store: what is accepted is on disk, once, before anyone is told so.

The inbox knows nothing of turns and models. It writes message, conversation and due row, in this order, and wakes.
"""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime, timedelta

import structlog

from frontdesk.config import TenantConfig

from . import settle
from .channel import Inbound
from .crashpoints import reached
from .leases import ConversationGone
from .model import Contact, Conversation, Identity, Message
from .queue import Queue, Wake
from .recent import Recent
from .store import Insert, PutDue, Repository, Store, Update
from .store.codec import changed_copy
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

    def __init__(self, store: Store, queue: Queue, recent: Recent | None = None) -> None:
        self._store = store
        self._queue = queue
        self._recent = Recent() if recent is None else recent

    async def accept(self, tenant: TenantConfig, channel: str, inbound: Inbound) -> bool:
        """Store the message; True when it is new. When this returns, the message cannot be lost any more.

        Raises StoreError when nothing is known to be written.
        """
        repository = self._store.for_tenant(tenant.id)
        conversation = self._recent.get(tenant.id, contact_id(channel, inbound.external_id))
        if conversation is None:
            conversation = await meet(repository, tenant, channel, inbound, self._store.now())
        message = _message(conversation, channel, inbound, _after_the_last(conversation, self._store.now()))
        bump, put = _bump(tenant, conversation, channel, inbound, message)
        took = await repository.write(Insert(MESSAGES, message), bump, put)
        if took == 0:
            await self._seen_before(repository, tenant, message)
            return False
        while took == 1:
            # Somebody has changed the conversation; the message is there, what follows from it is tried again.
            reached("inbox.message_written")
            conversation = await meet(repository, tenant, channel, inbound, self._store.now())
            bump, put = _bump(tenant, conversation, channel, inbound, message)
            took += await repository.write(bump, put)
        reached("inbox.stored")
        self._recent.saw(tenant.id, changed_copy(conversation, bump.changes))
        await self._wake(tenant.id, conversation.id, put.due_at)
        return True

    async def _seen_before(self, repository: Repository, tenant: TenantConfig, message: Message) -> None:
        """A repeated message raises nothing; while it waits for its answer, its due row is made sure of."""
        stored = await repository.get(MESSAGES, message.id)
        if stored is None or stored.state != "received":
            return
        conversation = await _read(repository, stored.conversation)
        # Not sooner than it would have been without the repetition: the contact may still be writing.
        last = max(stored.at, conversation.last_inbound_at or stored.at)
        due_at = settle.due_at(tenant, stored, conversation.unanswered_since or stored.at, last)
        await self._store.due.put("turn", tenant.id, conversation.id, due_at)
        await self._wake(tenant.id, conversation.id, due_at)

    async def _wake(self, tenant: str, conversation: str, due_at: datetime) -> None:
        await self._queue.wake(Wake("turn", tenant, conversation), (due_at - self._store.now()).total_seconds())


async def known(repository: Repository, channel: str, external_id: str) -> Conversation | None:
    """The conversation with whoever a channel calls so; None if nobody has written under that identity."""
    # Whoever was first met under this identity is found in one look; under another one, by way of the identity.
    conversation = await repository.get(CONVERSATIONS, contact_id(channel, external_id))
    if conversation is not None:
        return conversation
    identity = await repository.get(IDENTITIES, f"{channel}:{external_id}")
    if identity is None:
        return None
    return await repository.get(CONVERSATIONS, identity.contact)


async def meet(
    repository: Repository, tenant: TenantConfig, channel: str, inbound: Inbound, now: datetime
) -> Conversation:
    """The conversation with whoever wrote; a new one, with its contact and identity, at the first contact."""
    conversation = await known(repository, channel, inbound.external_id)
    return conversation or await _first_contact(repository, tenant, channel, inbound, now)


async def _first_contact(
    repository: Repository, tenant: TenantConfig, channel: str, inbound: Inbound, now: datetime
) -> Conversation:
    """Write contact, identity and conversation; whoever else does so at the same time writes the same ids.

    The conversation last: it is what is looked for, so that a beginning is completed by whoever comes next.
    """
    id = contact_id(channel, inbound.external_id)
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
    writes = (Insert(CONTACTS, contact), Insert(IDENTITIES, identity), Insert(CONVERSATIONS, conversation))
    if await repository.write(*writes) == len(writes):
        return conversation
    for write in writes:
        await repository.write(write)
    return await _read(repository, id)


async def _read(repository: Repository, id: str) -> Conversation:
    conversation = await repository.get(CONVERSATIONS, id)
    if conversation is None:
        raise ConversationGone(id)
    return conversation


def _after_the_last(conversation: Conversation, now: datetime) -> datetime:
    """Messages that come one after the other keep their order by their time, though they come in one millisecond. Of
    several at the same moment nobody can tell an order: the id decides."""
    last = conversation.last_inbound_at
    return now if last is None else max(now, last + timedelta(milliseconds=1))


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


def _bump(
    tenant: TenantConfig, conversation: Conversation, channel: str, inbound: Inbound, message: Message
) -> tuple[Update[Conversation], PutDue]:
    """What a new message does to its conversation, and when it must be looked at."""
    changes = {
        "inbound_seq": conversation.inbound_seq + 1,
        "last_inbound_at": max(message.at, conversation.last_inbound_at or message.at),
        "unanswered_since": conversation.unanswered_since or message.at,
        "channel": channel,
        "address": inbound.address,
        "external_id": inbound.external_id,
    }
    due_at = settle.due_at(tenant, message, conversation.unanswered_since or message.at, message.at)
    return Update(CONVERSATIONS, conversation, changes), PutDue("turn", tenant.id, conversation.id, due_at)
