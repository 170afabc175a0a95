"""The step `speak`: what may be said becomes sound, where the contact wants that and a plugin has a voice for it.

The text stays with the message. What cannot be spoken goes as text, and so does, besides, what a contact has to read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from .. import alerts, dispatch
from ..errors import NeedsAttention, PluginError, Refused
from ..languages import spoken as language_among
from ..media import MediaStore
from ..model import Media, Message
from ..plugin import Channel
from ..runtime import Runtime
from ..speech import Speech
from ..spoken import to_be_read, to_be_said
from ..store import Repository, Store
from . import guard
from .recall import language_of
from .state import Spoken, Work

log = structlog.get_logger(__name__)

SECONDS = 12.0
"""The longest a turn waits for a voice."""
SPOKEN = "spoken"
"""In the data of an outbound voice message: it says its text."""
LANGUAGE = "language"
"""In the same: in which language (BCP 47)."""
READ = "also_text"
"""In the same: its text goes beside it."""


@dataclass(frozen=True, slots=True)
class Silent(Exception):
    """It goes as text; says why, for whoever asks why."""

    reason: str


async def speak(work: Work, files: MediaStore) -> None:
    """Fill work.draft.spoken if the answer is to be spoken and can be. Raises Superseded or OwnerChanged first."""
    text = "\n\n".join(work.draft.texts)
    channel = work.runtime.plugins.get(work.held.conversation.channel)
    if not isinstance(channel, Channel) or not wanted(work) or not can(work.runtime, channel):
        return
    await guard.look(work)
    began, tenant = work.clock.monotonic(), work.runtime.tenant
    own = await language_of(work.repository, tenant, work.held.conversation, work.contact)
    language = language_among([text], own)
    line: dict[str, Any] = {"characters": len(text), "language": language, "content_type": "", "kilobytes": 0.0}
    try:
        if len(text) > min(tenant.voice.longest_answer, channel.max_text):
            raise Silent("it is longer than voice.longest_answer")
        async with asyncio.timeout(min(SECONDS, work.seconds_left())):
            sound = await sounded(
                work.runtime, work.repository, work.store, files, channel, text, language, case=work.turn.id
            )
    except (Silent, TimeoutError) as err:
        reason = err.reason if isinstance(err, Silent) else "no voice answered in time"
        work.note("spoken", **line, seconds=round(work.clock.monotonic() - began, 3), outcome="failed", reason=reason)
        log.info("not_spoken", tenant=tenant.id, language=language, reason=reason)
        return
    work.draft.spoken = Spoken(text, sound, language, bool(work.draft.choices) or to_be_read(text))
    line |= {"content_type": sound.content_type, "kilobytes": round((sound.size or 0) / 1000, 1)}
    work.note("spoken", **line, seconds=round(work.clock.monotonic() - began, 3), outcome="done")


def wanted(work: Work) -> bool:
    """By the contact's wish, else the tenant's setting; like for like is by the newest of the messages that are answered."""
    how = work.contact.answers or work.runtime.tenant.voice.answers
    if how == "like_for_like":
        return bool(work.unanswered) and work.unanswered[-1].kind == "voice"
    return how == "voice"


def can(runtime: Runtime, channel: Channel) -> bool:
    """Whether anybody could speak there at all."""
    return bool(channel.voice_types) and bool(runtime.hook("synthesize"))


def as_message(message: Message, spoken: Spoken) -> Message:
    """*message*, an outbound one, as the sound of what it says."""
    data = {SPOKEN: True, LANGUAGE: spoken.language, READ: spoken.to_be_read}
    return replace(message, kind="voice", text=spoken.text, media=(spoken.sound,), data=data)


async def sounded(
    runtime: Runtime,
    repository: Repository,
    store: Store,
    files: MediaStore,
    channel: Channel,
    text: str,
    language: str,
    *,
    case: str,
    types: Sequence[str] = (),
) -> Media:
    """*text* as a file that *channel* sends as a voice message, of the first of its types (or of *types*) that can be had.

    Raises Silent.
    """
    said = to_be_said(text)
    if not said:
        raise Silent("there is nothing in it to be said")
    reason = f"no plugin has a voice for {language}"
    for content_type in types or channel.voice_types:
        speech, trouble = await _asked(runtime, repository, store, said, language, content_type, case)
        if speech is None:
            reason = trouble or reason
            continue
        if len(speech.content) > channel.max_voice:
            reason = (
                f"{len(speech.content)} bytes of {content_type} are more than the channel plays ({channel.max_voice})"
            )
            continue
        try:
            key = await files.put(runtime.tenant.id, speech.content, speech.content_type)
        except OSError as err:
            raise Silent(f"the sound could not be kept: {err.strerror}") from err
        return Media(content_type=speech.content_type, key=key, size=len(speech.content))
    raise Silent(reason)


async def _asked(
    runtime: Runtime,
    repository: Repository,
    store: Store,
    text: str,
    language: str,
    content_type: str,
    case: str,
) -> tuple[Speech | None, str]:
    """The first voice that says it; else the last reason why none did."""
    trouble = ""
    for bound in runtime.hook("synthesize"):
        plugin = bound.label.plugin
        try:
            speech: Speech | None = await dispatch.call(bound, text=text, language=language, content_type=content_type)
        except NeedsAttention as err:
            dispatch.passed_over(bound, err)
            trouble = f"{plugin} needs attention"
            about = {"case": case, "conversation": ""}
            await alerts.alert(runtime, repository, store, f"{plugin} cannot speak", err.what, **about)
        except PluginError as err:
            dispatch.passed_over(bound, err)
            trouble = f"{plugin}: {err.reason if isinstance(err, Refused) else 'not now'}"
        except dispatch.HookFailed as err:
            trouble = f"{plugin}: {err.reason}"
        else:
            if speech is not None and speech.content:
                return speech, ""
    return None, trouble
