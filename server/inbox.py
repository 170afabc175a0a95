"""From a channel to the store: what is accepted is on disk, once, before anyone is told so.

The inbox knows nothing of turns and models. It writes message, conversation and due row, in this order, and wakes.
"""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime, timedelta
from typing import Any

import structlog

from frontdesk.config import TenantConfig

from . import consent, core_tasks, merging, settle
from .changes import Changes
from .channel import Inbound
from .crashpoints import reached
from .leases import ConversationGone
from .model import Conversation, Message
from .people import ErasedBefore, People, followed, news
from .queue import Queue, Wake
from .recent import Recent
from .scheduling import schedule
from .store import Insert, PutDue, Repository, Store, Update
from .store.codec import changed_copy
from .store.collections import CONVERSATIONS, MESSAGES

log = structlog.get_logger(__name__)


def inbound_id(channel: str, provider_id: str) -> str:
    """The id of an inbound message: the same provider id is the same document."""
    return "in-" + hashlib.sha256(f"{channel}\0{provider_id}".encode()).hexdigest()[:24]


class Inbox:
    """Accepts inbound messages of any channel."""

    def __init__(
        self, store: Store, queue: Queue, people: People, recent: Recent | None = None, changes: Changes | None = None
    ) -> None:
        self._store = store
        self._people = people
        self._queue = queue
        self._recent = Recent() if recent is None else recent
        self._changes = Changes() if changes is None else changes

    async def accept(self, tenant: TenantConfig, channel: str, inbound: Inbound) -> bool:
        """Store the message; True when it is new. When this returns, the message cannot be lost any more.

        Raises StoreError when nothing is known to be written.
        """
        repository = self._store.for_tenant(tenant.id)
        derived = self._people.id_of(tenant.id, channel, inbound.external_id)
        conversation = self._recent.get(tenant.id, derived)
        id = inbound_id(channel, inbound.provider_id)
        try:
            if conversation is None or conversation.merged_into or conversation.erased_at is not None:
                conversation = await self._meet(repository, tenant, channel, inbound, id)
            else:
                await self._look_for_erased(repository, tenant.id, conversation, id)
            return await self._store_message(repository, tenant, channel, inbound, conversation)
        except ErasedBefore:
            log.info("erased_message_again", tenant=tenant.id)
            return False

    async def _meet(
        self, repository: Repository, tenant: TenantConfig, channel: str, inbound: Inbound, id: str
    ) -> Conversation:
        """Whoever wrote. Raises ErasedBefore; the message with this id is not in the store then."""
        try:
            conversation = await self._people.meet(repository, tenant, channel, inbound, self._store.now(), id)
            await self._look_for_erased(repository, tenant.id, conversation, id)
        except ErasedBefore:
            while (message := await repository.get(MESSAGES, id)) is not None:
                await repository.delete(MESSAGES, message)
            raise
        return conversation

    async def _look_for_erased(self, repository: Repository, tenant: str, conversation: Conversation, id: str) -> None:
        if conversation.again and await self._people.was_erased(repository, tenant, id):
            raise ErasedBefore(id)

    async def _store_message(
        self, repository: Repository, tenant: TenantConfig, channel: str, inbound: Inbound, conversation: Conversation
    ) -> bool:
        if news(conversation, inbound):
            await self._link(repository, tenant.id, channel, inbound, conversation)
        message = _message(conversation, channel, inbound, _after_the_last(conversation, self._store.now()))
        bump, put, lane = _bump(tenant, conversation, channel, inbound, message)
        took = await repository.write(Insert(MESSAGES, message), bump, put, *lane)
        if took == 0:
            await self._seen_before(repository, tenant, channel, inbound, message.id)
            return False
        while took == 1:
            # Somebody has changed the conversation; the message is there, what follows from it is tried again.
            reached("inbox.message_written")
            self._recent.forget(tenant.id, conversation.id)
            conversation = await self._meet(repository, tenant, channel, inbound, message.id)
            if news(conversation, inbound):
                await self._link(repository, tenant.id, channel, inbound, conversation)
            message = await _moved(repository, message, conversation)
            bump, put, lane = _bump(tenant, conversation, channel, inbound, message)
            took += await repository.write(bump, put, *lane)
        await consent.take(repository, conversation.contact, message, tenant.opt_out, channel)
        reached("inbox.stored")
        self._recent.saw(tenant.id, changed_copy(conversation, bump.changes))
        self._changes.announce(tenant.id, conversation.id)
        await self._wake(tenant.id, conversation.id, put.due_at)
        if lane:
            await self._queue.wake(Wake("lane", tenant.id, conversation.id))
        return True

    async def _link(
        self, repository: Repository, tenant: str, channel: str, inbound: Inbound, conversation: Conversation
    ) -> None:
        """Before the message is written, so that a crash in between finds it news once more."""
        for other in await self._people.link(repository, tenant, channel, inbound, conversation):
            now = self._store.now()
            task = core_tasks.merge(conversation.id, other, now)
            await schedule(repository, tenant, task, now)
            await self._queue.wake(Wake("task", tenant, task.id))

    async def _seen_before(
        self, repository: Repository, tenant: TenantConfig, channel: str, inbound: Inbound, id: str
    ) -> None:
        """A repeated message raises nothing that it has raised already; while it waits for its answer, its due row is made
        sure of."""
        stored = await repository.get(MESSAGES, id)
        if stored is None or stored.state != "received":
            return
        conversation = await followed(repository, stored.conversation)
        if conversation is None and await repository.get(CONVERSATIONS, stored.conversation) is not None:
            return  # it is just being erased, and this with it
        if conversation is None:
            # Whoever took it in died while its contact was erased: it is the first of whoever came after.
            conversation = await self._meet(repository, tenant, channel, inbound, id)
            if news(conversation, inbound):
                await self._link(repository, tenant.id, channel, inbound, conversation)
            stored = await _moved(repository, stored, conversation)
        conversation = await _counted(repository, tenant, channel, inbound, stored, conversation)
        await consent.take(repository, conversation.contact, stored, tenant.opt_out, channel)
        # Not sooner than it would have been without the repetition: the contact may still be writing.
        last = max(stored.at, conversation.last_inbound_at or stored.at)
        due_at = settle.due_at(tenant, stored, conversation.unanswered_since or stored.at, last)
        await self._store.due.put("turn", tenant.id, conversation.id, due_at)
        await self._wake(tenant.id, conversation.id, due_at)

    async def _wake(self, tenant: str, conversation: str, due_at: datetime) -> None:
        await self._queue.wake(Wake("turn", tenant, conversation), (due_at - self._store.now()).total_seconds())


def _window_from(conversation: Conversation, message: Message) -> datetime | None:
    if message.written_at == message.at:
        return None
    before = conversation.window_from or conversation.last_inbound_at
    return message.written_at if before is None else max(before, message.written_at)


async def _counted(
    repository: Repository,
    tenant: TenantConfig,
    channel: str,
    inbound: Inbound,
    message: Message,
    conversation: Conversation,
) -> Conversation:
    """The *conversation* of a stored *message*, which whoever stored it may not have lived to tell it of: until it knows
    when the contact wrote, its window is closed for the answer. Raises ConversationGone."""
    while conversation.last_inbound_at is None or conversation.last_inbound_at < message.at:
        bump, put, lane = _bump(tenant, conversation, channel, inbound, message)
        await repository.write(bump, put, *lane)
        read = await followed(repository, conversation.id)
        if read is None:
            raise ConversationGone(conversation.id)
        conversation = read
    return conversation


async def _moved(repository: Repository, message: Message, conversation: Conversation) -> Message:
    """*message* in *conversation*: the one that it was written to has been erased meanwhile. Raises ErasedBefore."""
    while message.conversation not in conversation.parts:
        stored = await repository.get(MESSAGES, message.id)
        if stored is None:
            raise ErasedBefore(message.id)
        message = await repository.update(MESSAGES, stored, conversation=conversation.id) or stored
    return message


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
) -> tuple[Update[Conversation], PutDue, list[PutDue]]:
    """What a new message does to its conversation, and when it must be looked at; and its lane, if that waits for it."""
    changes: dict[str, Any] = {
        "inbound_seq": conversation.inbound_seq + 1,
        "last_inbound_at": max(message.at, conversation.last_inbound_at or message.at),
        "unanswered_since": conversation.unanswered_since or message.at,
        "channel": channel,
        "address": inbound.address,
        "external_id": inbound.external_id,
    }
    if (begins := _window_from(conversation, message)) != conversation.window_from:
        changes["window_from"] = begins
    if news(conversation, inbound):
        changes["aliases"] = merging.names(conversation, inbound.external_id, *inbound.also)
    due_at = settle.due_at(tenant, message, conversation.unanswered_since or message.at, message.at)
    lane = [PutDue("lane", tenant.id, conversation.id, message.at)] if conversation.awaits_contact else []
    return Update(CONVERSATIONS, conversation, changes), PutDue("turn", tenant.id, conversation.id, due_at), lane
