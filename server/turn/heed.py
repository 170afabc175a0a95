"""Words that no turn answers: who asked for no more messages, or for messages again, is told so and nothing else."""

from __future__ import annotations

from datetime import timedelta

from .. import consent
from ..model import BOT, Contact, Conversation, Message
from ..outbox.put import put
from ..runtime import Runtime
from ..store import Repository, Store
from ..store.collections import CONTACTS
from .recall import language_of

USEFUL_FOR = timedelta(hours=1)
"""How long a confirmation is worth sending: later, it would be a message out of the blue."""


async def heed(
    runtime: Runtime,
    repository: Repository,
    store: Store,
    conversation: Conversation,
    contact: Contact,
    waiting: list[Message],
) -> list[Message]:
    """Those of the *waiting* messages that no turn is to answer; each word among them has its confirmation in the lane.

    Mostly the inbox has written what a word asks for; where it died before it could, it is done here.
    """
    tenant = runtime.tenant
    said = {
        message.id: await consent.take(repository, contact.id, message, tenant.opt_out, conversation.channel)
        for message in waiting
    }
    words = {message.id: word for message in waiting if (word := said[message.id]) is not None}
    if not words and not contact.opted_out:
        return []
    contact = await repository.get(CONTACTS, contact.id) or contact
    aside = consent.unanswerable(waiting, contact, list(words))
    for message in aside:
        if message.id in words and tenant.opt_out.confirm:
            await _confirm(runtime, repository, store, conversation, contact, message, words[message.id])
    return aside


async def _confirm(
    runtime: Runtime,
    repository: Repository,
    store: Store,
    conversation: Conversation,
    contact: Contact,
    message: Message,
    word: consent.Word,
) -> None:
    """Once for each word; not for one that is overtaken by the next, nor for a stop that was said before."""
    id = consent.confirmation_id(message.id)
    if (word == "stop") != contact.opted_out or (word == "stop" and id != contact.farewell):
        return
    language = await language_of(repository, runtime.tenant, conversation, contact)
    words = runtime.tenant.say("stopped" if word == "stop" else "resumed", language)
    now = store.now()
    confirmation = Message(
        id=id,
        conversation=conversation.id,
        direction="outbound",
        text=words,
        author=BOT,
        state="queued",
        at=now,
        owner_epoch=conversation.owner_epoch,
        useful_until=now + USEFUL_FOR,
    )
    await put(repository, store, runtime.tenant.id, confirmation)
