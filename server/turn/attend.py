"""Before a turn thinks, and for every message even when the bot does not answer: hear it, tell the plugins of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

import structlog

from .. import dispatch
from ..media import MediaStore
from ..model import Contact, Conversation, Message
from ..runtime import Runtime
from ..store import Repository
from ..store.collections import CONTACTS, MESSAGES
from .hear import hear

log = structlog.get_logger(__name__)


async def contact_of(runtime: Runtime, repository: Repository, conversation: Conversation) -> Contact | None:
    """The contact, whose kind follows the tenant's list of staff as it is now; None if the contact was erased."""
    contact = await repository.get(CONTACTS, conversation.contact)
    if contact is None or not contact.phone:
        return contact
    kind: Literal["staff", "customer"] = "staff" if contact.phone in runtime.tenant.staff else "customer"
    if kind == contact.kind:
        return contact
    changed = await repository.update(CONTACTS, contact, kind=kind)
    return replace(contact, kind=kind) if changed is None else changed


async def hear_and_tell(
    runtime: Runtime,
    repository: Repository,
    files: MediaStore,
    conversation: Conversation,
    contact: Contact,
    messages: list[Message],
) -> None:
    """Put words to each message and have the plugins told of it; *messages* are replaced by what they became.

    Takes no longer than leaves a model its time: what was not heard by then is left as it is, and the model is told so.
    """
    language = contact.language or runtime.tenant.language
    try:
        async with asyncio.timeout(runtime.times.turn_deadline - runtime.times.think_deadline):
            for place, message in enumerate(messages):
                messages[place] = await hear(runtime, repository, files, conversation.channel, message, language)
                messages[place] = await _tell(runtime, repository, conversation, contact, messages[place])
    except TimeoutError:
        log.warning("not_all_heard", messages=len(messages))


async def _tell(
    runtime: Runtime, repository: Repository, conversation: Conversation, contact: Contact, message: Message
) -> Message:
    """Tell the plugins of a message, once unless we crash in between."""
    hooks = runtime.hook("on_message")
    if not hooks or message.announced:
        return message
    await dispatch.every(hooks, conversation=conversation, contact=contact, message=message)
    return await repository.update(MESSAGES, message, announced=True) or message
