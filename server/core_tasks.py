"""The core's own tasks: what each is called, its unique key, and when it is to be done. services/task_runner.py does
them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from frontdesk.config import OpeningHours, TenantConfig

from .model import Conversation, Message, Task
from .plugin import CORE as CORE
from .runtime import Runtime

TURN_COMMITTED = "turn_committed"
HANDED_OFF = "handed_off"
AUTO_RETURN = "auto_return"
MESSAGE_FAILED = "message_failed"
MESSAGE_RECEIVED = "message_received"
REASSURE = "reassure"
STILL_WAITS = "still_waits"
ALERT = "alert"
MERGE = "merge"
SUMMARISE = "summarise"
ERASE = "erase"
RECORD_CHANGED = "record_changed"
DELIVER = "deliver"
PUSH = "push"
OWNER_CHANGED = "owner_changed"
TRANSCRIBE = "transcribe"

PATIENCE = timedelta(seconds=30)
"""How long somebody who writes on after a hand-off waits for a person before the bot says that it has been heard."""
ALERT_EVERY = timedelta(minutes=5)
"""Operators are told once in each such span since the hand-off that the contact writes on and nobody answers."""


def _task(name: str, key: str, at: datetime, **data: Any) -> Task:
    return Task(id=f"{CORE}/{name}/{key}", plugin=CORE, name=name, at=at, data=data)


def turn_committed(conversation: Conversation, turn: str, now: datetime) -> Task:
    """Tell the plugins (on_turn_committed)."""
    return _task(TURN_COMMITTED, turn, now, conversation=conversation.id, turn=turn)


def summarise(conversation: Conversation, turn: str, now: datetime) -> Task:
    """Summarise what is older than a model is shown (services/summaries.py)."""
    return _task(SUMMARISE, turn, now, conversation=conversation.id)


def erase(contact: str, at: datetime) -> Task:
    """Erase a contact (services/erasing.py)."""
    return _task(ERASE, contact, at, contact=contact)


def deliver(subscription: str, now: datetime) -> Task:
    """Send what waits in the line of a subscription (events/delivering.py)."""
    return _task(DELIVER, subscription, now, subscription=subscription)


def push(plugin: str, at: datetime) -> Task:
    """Push the contacts that have changed to what a plugin stands for (services/pushing_line.py)."""
    return _task(PUSH, plugin, at, plugin=plugin)


def owner_changed(conversation: Conversation, at: datetime) -> Task:
    """Tell the subscribers of the change to this owner_epoch, which may be just about to happen; void if it did not."""
    key = f"{conversation.id}/{conversation.owner_epoch}"
    return _task(OWNER_CHANGED, key, at, conversation=conversation.id, epoch=conversation.owner_epoch)


def transcribe(message: Message, language: str, until: str, at: datetime) -> Task:
    """Put a voice note in *language* into words (turn/listen.py); *until*: an ISO 8601 time when nobody waits any more."""
    return _task(TRANSCRIBE, message.id, at, message=message.id, language=language, until=until)


def message_received(message: Message, heard: list[str], at: datetime) -> Task:
    """Tell the plugins (on_message) that have not *heard* it yet."""
    return _task(MESSAGE_RECEIVED, message.id, at, message=message.id, heard=heard)


def message_failed(message: Message, now: datetime) -> Task:
    """Tell the plugins (on_message_failed); void unless the message is in the state that it is in here."""
    key = f"{message.id}/{message.state}/{message.attempts}"
    return _task(MESSAGE_FAILED, key, now, message=message.id, state=message.state)


def merge(one: str, other: str, at: datetime) -> Task:
    """Make one of two conversations whose contacts are the same person (merging.py)."""
    first, second = sorted((one, other))
    return _task(MERGE, f"{first}/{second}", at, conversations=(first, second))


def alert(title: str, text: str, cases: dict[str, str], pause: timedelta, at: datetime) -> Task:
    """Tell the operators of a cause, which *title* and *text* name, and how many *cases* (id → conversation) it has
    (alerts.py)."""
    cause = hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:24]
    return _task(ALERT, cause, at, title=title, text=text, cases=cases, pause=pause.total_seconds())


def record_changed(kind: str, id: str, change: str, now: datetime) -> Task:
    """Tell the plugins of a *change* (its key) of a record (services/recording.py)."""
    return _task(RECORD_CHANGED, f"{kind}/{id}/{change}", now, kind=kind, id=id, change=change)


def auto_return(tenant: TenantConfig, conversation: Conversation, now: datetime) -> Task:
    """Give the conversation back to the bot after silence; void once its owner has changed again."""
    at = now + tenant.return_to_bot_after
    key = f"{conversation.id}/{conversation.owner_epoch}"
    return _task(AUTO_RETURN, key, at, conversation=conversation.id, epoch=conversation.owner_epoch)


def handed_off(runtime: Runtime, conversation: Conversation, now: datetime) -> list[Task]:
    """After the bot stepped back: tell the plugins if any listens, and come back if no person does anything."""
    key = f"{conversation.id}/{conversation.owner_epoch}"
    tasks = [auto_return(runtime.tenant, conversation, now)]
    if runtime.tenant.opening_hours != OpeningHours():
        tasks.append(_reassure(conversation, now, "closed"))
    if runtime.hook("on_handoff") or runtime.hook("alert_operator"):
        data = {"conversation": conversation.id, "reason": conversation.handoff_reason}
        tasks.append(_task(HANDED_OFF, key, now, **data))
    return tasks


def wrote_on(
    runtime: Runtime, conversation: Conversation, since: datetime, newest: Message, now: datetime
) -> list[Task]:
    """After the contact wrote *newest* to a conversation that nobody has answered *since*: tell them, once in a hand-off,
    and the operators, once in a while."""
    tasks = [_reassure(conversation, now + PATIENCE, "wrote_on")]
    if runtime.hook("alert_operator"):
        epoch = conversation.owner_epoch
        key = f"{conversation.id}/{epoch}/{(newest.at - since) // ALERT_EVERY}"
        tasks.append(_task(STILL_WAITS, key, now, conversation=conversation.id, epoch=epoch, message=newest.id))
    return tasks


def _reassure(conversation: Conversation, at: datetime, because: str) -> Task:
    """Tell the contact when somebody will answer (services/reassurance.py)."""
    key = f"{conversation.id}/{conversation.owner_epoch}/{because}"
    return _task(REASSURE, key, at, conversation=conversation.id, epoch=conversation.owner_epoch, because=because)
