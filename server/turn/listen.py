"""A voice note into words: at once if that can be, else by a task, for which the turn waits in `due`, not under its lease.

What nobody can hear is never guessed at: the message says why, and the contact is told so in the tenant's words.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from .. import alerts, audio, core_tasks, dispatch
from ..clock import milliseconds
from ..crashpoints import reached
from ..errors import NeedsAttention, PluginError, RetryLater
from ..media import MediaStore
from ..model import BOT, Message, Task
from ..runtime import Runtime
from ..scheduling import schedule
from ..speech import Transcript
from ..store import PutDue, Repository, Store
from ..store.collections import CONTACTS, CONVERSATIONS, MESSAGES

log = structlog.get_logger(__name__)

UNHEARD = "unheard"
"""In a message's data: why it has no words, as in `Transcript.unheard`, or AWAY."""
UNTIL = "hearing_until"
"""In a message's data: it is being put into words, and until when that is waited for."""
AWAY = "away"
"""Whoever puts voice notes into words does not answer, or takes too long."""
SHORTEST = 0.3
"""Seconds: in less nobody says anything."""
AGAIN = 1.0
"""The shortest pause (seconds) before a plugin is asked again."""
LONGEST_PAUSE = 20.0
"""To which the pauses grow while nobody could begin."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Words, or a reason why there are none, or after how many seconds to ask again."""

    text: str = ""
    reason: str = ""
    after: float | None = None
    in_vain: bool = False
    """Of `after`: nobody works on it yet."""

    @classmethod
    def of(cls, answer: Transcript | str) -> _Outcome:
        told = Transcript(text=answer) if isinstance(answer, str) else answer
        if told.again_after is not None:
            return cls(after=told.again_after)
        if told.unheard or not told.text.strip():
            return cls(reason=told.unheard or "silent")
        return cls(text=unicodedata.normalize("NFC", told.text.strip()))

    def changes(self, message: Message) -> dict[str, Any]:
        data = {key: value for key, value in message.data.items() if key != UNTIL}
        if self.reason:
            return {"data": {**data, UNHEARD: self.reason}}
        return {"text": self.text, "data": {**data, "transcribed": True}}


def waits(message: Message) -> bool:
    """Whether it has neither words nor a reason for having none, and somebody can give it either."""
    return message.kind == "voice" and not message.text and UNHEARD not in message.data


def waited_for(messages: Sequence[Message], now: datetime) -> datetime | None:
    """Until when the turn waits for the words of these; None: for none of them."""
    pending = [datetime.fromisoformat(message.data[UNTIL]) for message in messages if UNTIL in message.data]
    return max((until for until in pending if until > now), default=None)


def sentences(runtime: Runtime, messages: Sequence[Message], language: str) -> list[str]:
    """What the contact is told of those that could not be heard, each thing once."""
    reasons = dict.fromkeys(str(message.data[UNHEARD]) for message in messages if UNHEARD in message.data)
    return [runtime.tenant.say(f"voice_{reason}", language) for reason in reasons]


async def in_turn(
    runtime: Runtime, repository: Repository, store: Store, files: MediaStore, message: Message, language: str
) -> Message:
    """*message*, whose file is kept, with its words, or with why there are none, as far as either is known.

    Takes as long as a turn waits for it (`transcribe_deadline`); then a task goes on.
    """
    if UNTIL in message.data:
        if waited_for([message], store.now()) is None:
            return await failed(repository, message, AWAY)
        # Whoever began it may have died before the task was on disk.
        await _go_on_later(runtime, repository, store, message, language, AGAIN)
        return message
    if not runtime.hook("transcribe"):
        return message
    came = await _hear(runtime, repository, store, files, message, language, runtime.times.transcribe_deadline)
    if came is None:
        return message
    if came.after is not None and came.after >= runtime.times.hear_deadline:
        came = _Outcome(reason=AWAY)  # nobody waits so long
    if came.after is None:
        return await change(repository, message, came.changes(message))
    until = milliseconds(store.now() + timedelta(seconds=runtime.times.hear_deadline))
    pending = await change(repository, message, {"data": {**message.data, UNTIL: until.isoformat()}})
    reached("hear.pending")
    await _go_on_later(runtime, repository, store, pending, language, came.after)
    return pending


async def failed(repository: Repository, message: Message, reason: str) -> Message:
    """Say in *message* why it has no words."""
    return await change(repository, message, _Outcome(reason=reason).changes(message))


async def change(repository: Repository, message: Message, changes: dict[str, Any]) -> Message:
    """*message* with these changes; they are not on disk if it moved on."""
    if not changes:
        return message
    changed = await repository.update(MESSAGES, message, **changes)
    return changed if changed is not None else replace(message, **changes)


async def go_on(
    runtime: Runtime, repository: Repository, store: Store, files: MediaStore, task: Task
) -> datetime | None:
    """The task: ask again. None: it is done, and whoever waits is woken; else when to ask once more."""
    message = await repository.get(MESSAGES, task.data["message"])
    if message is None:
        return None
    if not waits(message):
        # Whoever put it into words may have died before they said so.
        await _announce(runtime, repository, store, message)
        return None
    now, until = store.now(), datetime.fromisoformat(message.data.get(UNTIL, task.data["until"]))
    left = (until - now).total_seconds()
    came: _Outcome | None = None
    if left > 0:
        came = await _hear(runtime, repository, store, files, message, task.data["language"], left)
    if came is not None and came.after is not None:
        pause = min(LONGEST_PAUSE, 2.0 ** (task.attempts + 1)) if came.in_vain else AGAIN
        at = milliseconds(store.now() + timedelta(seconds=max(pause, came.after)))
        # Before it is given up it is asked for once more.
        last = until - timedelta(seconds=AGAIN)
        if store.now() < last:
            return min(at, last)
        came = None
    current: Message | None = message
    while current is not None and waits(current):
        changes = (came or _Outcome(reason=AWAY)).changes(current)
        if (written := await repository.update(MESSAGES, current, **changes)) is not None:
            reached("hear.worded")
            await _announce(runtime, repository, store, written)
            break
        current = await repository.get(MESSAGES, message.id)
    return None


async def _announce(runtime: Runtime, repository: Repository, store: Store, message: Message) -> None:
    conversation = await repository.get(CONVERSATIONS, message.conversation)
    if conversation is None:
        return
    tenant, now = runtime.tenant.id, store.now()
    contact = await repository.get(CONTACTS, conversation.contact)
    if conversation.owner == BOT and message.state == "received" and contact is not None and contact.kind != "staff":
        await repository.write(PutDue("turn", tenant, conversation.merged_into or conversation.id, now))
    elif not message.announced and runtime.hook("on_message"):
        await schedule(repository, tenant, core_tasks.message_received(message, [], now), now)
        await repository.update(MESSAGES, message, announced=True)


async def _go_on_later(
    runtime: Runtime, repository: Repository, store: Store, message: Message, language: str, after: float
) -> None:
    now = store.now()
    at = milliseconds(now + timedelta(seconds=after))
    until = str(message.data.get(UNTIL, (now + timedelta(seconds=runtime.times.hear_deadline)).isoformat()))
    await schedule(repository, runtime.tenant.id, core_tasks.transcribe(message, language, until, at), now)


async def _hear(
    runtime: Runtime,
    repository: Repository,
    store: Store,
    files: MediaStore,
    message: Message,
    language: str,
    seconds: float,
) -> _Outcome | None:
    """What the first plugin that can says of it. None: none of them says anything, or its file cannot be read now."""
    try:
        kept = await files.get(runtime.tenant.id, message.media[0].key)
    except OSError as err:
        log.warning("media_not_read", tenant=runtime.tenant.id, reason=str(err))
        return _Outcome(after=AGAIN, in_vain=True)
    if kept is None:
        return _Outcome(reason="damaged")
    found = await asyncio.to_thread(audio.look, kept[1])
    if found.wrong:
        return _Outcome(reason=found.wrong)
    if found.seconds is not None and found.seconds < SHORTEST:
        return _Outcome(reason="silent")
    if found.seconds is not None and found.seconds > runtime.tenant.voice.longest.total_seconds():
        return _Outcome(reason="long")
    try:
        async with asyncio.timeout(seconds):
            return await _asked(runtime, repository, store, message, language)
    except TimeoutError:
        return _Outcome(after=0, in_vain=True)


async def _asked(
    runtime: Runtime, repository: Repository, store: Store, message: Message, language: str
) -> _Outcome | None:
    later: float | None = None
    in_vain = False
    for bound in runtime.hook("transcribe"):
        try:
            answer = await dispatch.call(bound, media=message.media[0], language=language)
        except RetryLater as err:
            dispatch.passed_over(bound, err)
            later = err.after if later is None else min(later, err.after)
        except NeedsAttention as err:
            dispatch.passed_over(bound, err)
            in_vain = True
            title = f"{bound.label.plugin} cannot put voice notes into words"
            case = {"case": message.id, "conversation": message.conversation}
            await alerts.alert(runtime, repository, store, title, err.what, **case)
        except PluginError as err:
            dispatch.passed_over(bound, err)
            in_vain = True
        except dispatch.HookFailed:
            in_vain = True
        else:
            if answer is not None:
                return _Outcome.of(answer)
    if later is not None:
        return _Outcome(after=later, in_vain=True)
    return _Outcome(reason=AWAY) if in_vain else None
