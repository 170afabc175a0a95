"""Before a turn thinks, and for every message even when the bot does not answer: hear it, tell the plugins of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import structlog

from .. import core_tasks, phones
from ..clock import milliseconds
from ..media import MediaStore
from ..model import Contact, Conversation, Message
from ..runtime import Runtime
from ..scheduling import schedule
from ..store import Repository, Store
from ..store.collections import CONTACTS, MESSAGES
from ..telling import tell
from . import listen
from .hear import hear
from .recall import language_of

log = structlog.get_logger(__name__)


async def contact_of(runtime: Runtime, repository: Repository, conversation: Conversation) -> Contact | None:
    """The contact, whose kind follows the tenant's list of staff as it is now; None if the contact was erased."""
    contact = await repository.get(CONTACTS, conversation.contact)
    if contact is None or not contact.phone:
        return contact
    kind: Literal["staff", "customer"] = "staff" if phones.among(contact.phone, runtime.tenant.staff) else "customer"
    if kind == contact.kind:
        return contact
    changed = await repository.update(CONTACTS, contact, kind=kind)
    return replace(contact, kind=kind) if changed is None else changed


async def hear_and_tell(
    runtime: Runtime,
    repository: Repository,
    store: Store,
    files: MediaStore,
    conversation: Conversation,
    contact: Contact,
    messages: list[Message],
) -> None:
    """Put words to each message and have the plugins told of it; *messages* are replaced by what they became.

    Takes no longer than leaves a model its time: what was not heard by then is left as it is, and the model is told so;
    the plugins are told by a task.
    """
    spoken = contact.language or runtime.tenant.language
    if any(message.kind == "voice" and not message.text for message in messages):
        spoken = await language_of(repository, runtime.tenant, conversation, contact)
    heard: dict[str, list[str]] = {message.id: [] for message in messages}
    try:
        async with asyncio.timeout(runtime.times.turn_deadline - runtime.times.think_deadline):
            for place, message in enumerate(messages):
                message = await hear(runtime, repository, store, files, conversation.channel, message, spoken)
                messages[place] = message
                messages[place] = await _tell(runtime, repository, store, conversation, contact, message, heard)
    except TimeoutError:
        log.warning("not_all_heard", messages=len(messages))
        for place, message in enumerate(messages):
            if runtime.hook("on_message") and not message.announced and listen.UNTIL not in message.data:
                messages[place] = await _tell_later(runtime, repository, store, message, heard[message.id])


async def _tell(
    runtime: Runtime,
    repository: Repository,
    store: Store,
    conversation: Conversation,
    contact: Contact,
    message: Message,
    heard: dict[str, list[str]],
) -> Message:
    """Tell the plugins of a message, once unless we crash in between; who failed is told again by a task.

    Of a voice note that is still being put into words they are told with its words.
    """
    hooks = runtime.hook("on_message")
    if not hooks or message.announced or listen.UNTIL in message.data:
        return message
    missed = await tell(hooks, heard[message.id], conversation=conversation, contact=contact, message=message)
    if missed is not None:
        return await _tell_later(runtime, repository, store, message, heard[message.id], missed.after)
    return await repository.update(MESSAGES, message, announced=True) or message


async def _tell_later(
    runtime: Runtime, repository: Repository, store: Store, message: Message, heard: list[str], after: float = 1.0
) -> Message:
    """Leave it to a task to tell who has not heard. Nothing of this is written when nobody fails."""
    now = store.now()
    task = core_tasks.message_received(message, heard, milliseconds(now + timedelta(seconds=after)))
    await schedule(repository, runtime.tenant.id, task, now)
    return await repository.update(MESSAGES, message, announced=True) or message
