"""A voice message that the provider refused or did not deliver is said another way: as another kind of sound, else as text.

It is a message of its own, at the end of the lane, as what is said again is (again.py).
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from ..leases import ConversationGone
from ..media import MediaStore
from ..model import Message
from ..plugin import Channel
from ..runtime import Runtime
from ..store import Repository, Store
from ..store.collections import CONTACTS, MESSAGES
from ..turn import speak
from . import again
from .put import put

log = structlog.get_logger(__name__)


async def say(
    runtime: Runtime, repository: Repository, store: Store, files: MediaStore, message: Message
) -> Message | None:
    """What says *message*, which failed, in its place; doing this twice is doing it once.

    None: it is not said another way, because it is no voice message of the bot's, or its contact wants no more. A message
    whose text went beside it has nothing left to say when no other sound can be had: it is given back as it is.
    """
    if message.state != "failed" or not message.data.get(speak.SPOKEN) or message.dismissed:
        return None
    contact = await repository.get(CONTACTS, message.conversation)
    if contact is not None and contact.opted_out:
        return None
    made = await _in_another_way(runtime, repository, store, files, message)
    if made is None:
        return message
    try:
        said, _ = await put(repository, store, runtime.tenant.id, made)
    except ConversationGone:
        return None
    current: Message | None = message
    while current is not None and said.id not in current.error:
        error = f"{current.error} It is said again as {said.id}."
        if await repository.update(MESSAGES, current, error=error) is not None:
            log.info("said_another_way", tenant=runtime.tenant.id, message=said.id, kind=said.kind)
            break
        current = await repository.get(MESSAGES, message.id)
    return said


async def _in_another_way(
    runtime: Runtime, repository: Repository, store: Store, files: MediaStore, message: Message
) -> Message | None:
    anew = again.anew(message, store.now())
    if (stored := await repository.get(MESSAGES, anew.id)) is not None:
        return stored
    channel = runtime.plugins.get(message.route.channel) if message.route is not None else None
    tried = message.media[0].content_type.partition(";")[0] if message.media else ""
    if isinstance(channel, Channel) and tried in channel.voice_types:
        others = channel.voice_types[channel.voice_types.index(tried) + 1 :]
        try:
            sound = (
                await speak.sounded(
                    runtime,
                    repository,
                    store,
                    files,
                    channel,
                    message.text,
                    str(message.data.get(speak.LANGUAGE, "")),
                    case=message.id,
                    types=others,
                )
                if others
                else None
            )
        except speak.Silent as err:
            log.info("not_spoken", tenant=runtime.tenant.id, reason=err.reason)
            sound = None
        if sound is not None:
            return replace(anew, media=(sound,))
    if message.data.get(speak.READ):
        return None
    return replace(anew, kind="text", media=(), data={})
