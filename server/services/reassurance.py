"""Who was handed off is told when somebody will answer, and what to do if it cannot wait: once in a hand-off, however
often they write."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from frontdesk.config import TenantConfig

from .. import leases
from ..model import BOT, NOBODY, Conversation, Message
from ..opening_hours import next_opening, opening_in_words
from ..outbox.put import put
from ..store import Repository, Store
from ..store.collections import CONTACTS, CONVERSATIONS
from ..turn.recall import HEARD, history, speaks


class _Answered(Exception):
    """The conversation has an owner by now."""


async def reassure(store: Store, tenant: TenantConfig, conversation: str, epoch: int, because: str) -> None:
    """Say it, unless somebody answers by now, it was said in this hand-off already, or there is nothing to say.

    *because* `closed`: the bot has just stepped back, and said so; `wrote_on`: the contact waits for an answer.
    """
    repository = store.for_tenant(tenant.id)
    found = await repository.get(CONVERSATIONS, conversation)
    if found is None or found.owner != NOBODY or found.owner_epoch != epoch:
        return
    text, useful_until = await _words(repository, tenant, found, because, store.now())
    if not text:
        return

    def still_waits(current: Conversation) -> Mapping[str, Any]:
        if current.owner != NOBODY or current.owner_epoch != epoch:
            raise _Answered(current.owner)
        return {}

    message = Message(
        id=f"{conversation}.{epoch}.reassured",
        conversation=conversation,
        direction="outbound",
        text=text,
        author=BOT,
        state="queued",
        owner_epoch=epoch,
        useful_until=useful_until,
        at=store.now(),
    )
    with suppress(_Answered, leases.ConversationGone):
        await put(repository, store, tenant.id, message, still_waits)


async def _words(
    repository: Repository, tenant: TenantConfig, conversation: Conversation, because: str, now: datetime
) -> tuple[str, datetime]:
    """What is to be said, or nothing, and until when it is worth sending."""
    contact = await repository.get(CONTACTS, conversation.contact)
    newest = await history(repository, conversation.id, merged=conversation.merged, limit=HEARD)
    language = speaks(contact, newest, tenant)
    urgent = tenant.urgent(language)
    opens = next_opening(tenant.opening_hours, tenant.zone, now)
    if opens is not None and opens > now:
        when = opening_in_words(opens, tenant.zone, now, language)
        told = urgent and any(_says(message, urgent, tenant, opens) for message in newest)
        return f"{tenant.say('closed', language, opens=when)} {'' if told else urgent}".rstrip(), opens
    if because != "wrote_on":
        return "", now
    last = conversation.last_commit
    has_heard_it = last is not None and last.state == "parked"
    words = "" if has_heard_it else tenant.say("holding", language)
    return f"{words} {urgent}".strip(), now + tenant.useful_for


def _says(message: Message, urgent: str, tenant: TenantConfig, opens: datetime) -> bool:
    """Whether it told what is *urgent* since the closing that ends at *opens*: once is enough to be read again."""
    if message.direction != "outbound" or urgent not in message.text:
        return False
    return next_opening(tenant.opening_hours, tenant.zone, message.at) == opens
