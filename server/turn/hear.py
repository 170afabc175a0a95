"""Makes words of what was not typed: fetches the files of the unanswered messages, has voice notes transcribed, reads
contact cards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from .. import alerts, blame, dispatch, vcards
from ..errors import NeedsAttention, PluginError, Refused
from ..media import MediaStore
from ..model import Media, Message
from ..runtime import Runtime
from ..store import Repository, Store
from . import listen

log = structlog.get_logger(__name__)


async def hear(
    runtime: Runtime,
    repository: Repository,
    store: Store,
    files: MediaStore,
    channel: str,
    message: Message,
    language: str,
) -> Message:
    """The message with its files fetched and its voice in words, as far as that could be done now.

    What could not be had is left as it is: the model is told so, and the next turn tries again.
    """

    async def alert(what: str) -> None:
        case = {"case": message.id, "conversation": message.conversation}
        await alerts.alert(runtime, repository, store, f"{channel} cannot fetch what contacts send", what, **case)

    fetched = [await _fetched(runtime, files, channel, item, alert) for item in message.media]
    media = tuple(item for item, _ in fetched)
    changes: dict[str, Any] = {}
    if media != message.media:
        changes["media"] = media
    if message.kind == "other" and "contacts" not in message.data and (cards := await _cards(runtime, files, media)):
        changes["data"] = {**message.data, "contacts": cards}
    message = await listen.change(repository, message, changes)
    if not media or not listen.waits(message):
        return message
    if media[0].key:
        return await listen.in_turn(runtime, repository, store, files, message, language)
    return await listen.failed(repository, message, "damaged") if fetched[0][1] else message


async def _cards(runtime: Runtime, files: MediaStore, media: Sequence[Media]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for item in media:
        if item.key and item.content_type in vcards.TYPES:
            try:
                kept = await files.get(runtime.tenant.id, item.key)
            except OSError as err:
                log.warning("media_not_read", tenant=runtime.tenant.id, reason=str(err))
                continue
            if kept is not None:
                found += await asyncio.to_thread(vcards.read_cards, kept[1])
    return found


async def _fetched(
    runtime: Runtime, files: MediaStore, channel: str, media: Media, alert: Callable[[str], Awaitable[None]]
) -> tuple[Media, bool]:
    """With its file, if it can be had; and whether it never can. *alert* is told what a person must mend first."""
    if media.key or not media.url:
        return media, False
    try:
        file = await runtime.ask("fetch_media", channel, media=media)
    except (dispatch.HookFailed, PluginError) as err:
        log.warning("media_not_fetched", tenant=runtime.tenant.id, channel=channel, reason=blame.in_words(err))
        if isinstance(err, NeedsAttention):
            await alert(err.what)
        return media, isinstance(err, Refused)
    try:
        key = await files.put(runtime.tenant.id, file.content, file.content_type)
    except OSError as err:
        # A full disk, say: the words of the contact are answered all the same, and the file stays at the provider.
        log.error("media_not_kept", tenant=runtime.tenant.id, channel=channel, reason=str(err))
        return media, False
    return replace(media, key=key, content_type=file.content_type, size=len(file.content)), False
