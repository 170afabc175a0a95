"""Who was handed off is told when somebody will answer: once in a hand-off, however often they write."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from frontdesk.config import TenantConfig

from .. import leases
from ..model import BOT, NOBODY, Conversation, Message
from ..opening_hours import next_opening, opening_in_words
from ..store import Insert, PutDue, Repository, Store
from ..store.collections import CONTACTS, CONVERSATIONS, MESSAGES


async def reassure(store: Store, tenant: TenantConfig, conversation: str, epoch: int, because: str) -> None:
    """Say it, unless somebody answers by now, it was said in this hand-off already, or there is nothing to say.

    *because* `closed`: the bot has just stepped back, and said so; `wrote_on`: the contact waits for an answer.
    """
    repository = store.for_tenant(tenant.id)
    found = await repository.get(CONVERSATIONS, conversation)
    if found is None or found.owner != NOBODY or found.owner_epoch != epoch:
        return
    id = f"{conversation}.{epoch}.reassured"
    text, useful_until = await _words(repository, tenant, found, because, store.now())
    if not text or await repository.get(MESSAGES, id) is not None:
        return

    def next_place(current: Conversation) -> Mapping[str, Any]:
        still = current.owner == NOBODY and current.owner_epoch == epoch
        return {"outbox_seq": current.outbox_seq + 1} if still else {}

    try:
        changed = await leases.change(repository, conversation, next_place)
    except leases.ConversationGone:
        return
    if changed.owner_epoch != epoch:
        return
    message = Message(
        id=id,
        conversation=conversation,
        direction="outbound",
        text=text,
        author=BOT,
        state="queued",
        place=changed.outbox_seq,
        owner_epoch=epoch,
        useful_until=useful_until,
        at=store.now(),
    )
    await repository.write(Insert(MESSAGES, message), PutDue("lane", tenant.id, conversation, store.now()))


async def _words(
    repository: Repository, tenant: TenantConfig, conversation: Conversation, because: str, now: datetime
) -> tuple[str, datetime]:
    """What is to be said, or nothing, and until when it is worth sending."""
    contact = await repository.get(CONTACTS, conversation.contact)
    language = (contact.language if contact else "") or tenant.language
    opens = next_opening(tenant.opening_hours, tenant.zone, now)
    if opens is not None and opens > now:
        when = opening_in_words(opens, tenant.zone, now, language)
        return tenant.say("closed", language, opens=when), opens
    last = conversation.last_commit
    has_heard_it = last is not None and last.state == "parked"
    silent = because != "wrote_on" or has_heard_it
    return "" if silent else tenant.say("holding", language), now + tenant.useful_for
