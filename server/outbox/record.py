"""What became of an outbound message, on disk. What ended badly is written together with the task of telling the plugins."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog

from .. import core_tasks
from ..channel import DeliveryState
from ..model import Message
from ..scheduling import schedule
from ..store import Insert, PutDue, Repository, Store
from ..store.collections import MESSAGES, TASKS

log = structlog.get_logger(__name__)

SETTLED_BY = timedelta(minutes=1)
"""When a failure is looked for that was about to be written: by then it is there, or whoever meant to write it has died."""
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,80}")
ENDED_BADLY = ("failed", "parked", "expired")
TAKEN = ("accepted", "sent", "delivered", "read")
RANK: dict[str, int] = {
    "queued": 0,
    "sending": 1,
    "parked": 1,
    "expired": 1,
    "withdrawn": 1,
    "accepted": 2,
    "sent": 3,
    "failed": 4,
    "delivered": 5,
    "read": 6,
}
"""A status never goes back. `failed` gives way to a later `delivered`: the provider knows best what arrived."""


class Learnt(NamedTuple):
    """What came of a report: the message as it is now, and the state that it was in when this was written."""

    message: Message
    was: str


Sent = Callable[[str, Message], Awaitable[None]]
"""Is told of (tenant, message) before it is written that the provider took it."""


def outbound_id(author: str, key: str) -> str:
    """The id of a message that is no turn's: the same key is the same message. It stands in URLs, so a key that could
    not stand there is hashed."""
    return f"{author}-{key if _PLAIN.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()[:32]}"


async def change(repository: Repository, store: Store, tenant: str, message: Message, **changes: Any) -> bool:
    """Compare-and-set on a message; False if it moved on.

    The task of telling is there before there is something to tell: of one that does not come about, nothing is told.
    """
    if changes.get("state") not in ENDED_BADLY:
        return await repository.update(MESSAGES, message, **changes) is not None
    task = core_tasks.message_failed(replace(message, **changes), store.now())
    await repository.write(PutDue("task", tenant, task.id, task.at + SETTLED_BY), Insert(TASKS, task))
    if await repository.update(MESSAGES, message, **changes) is None:
        return False
    # If we were so slow that it was looked for in between, its task is gone: then it is written once more.
    await schedule(repository, tenant, task, store.now())
    return True


async def learn(
    repository: Repository,
    store: Store,
    tenant: str,
    message: str,
    provider_id: str,
    state: DeliveryState,
    *,
    error: str = "",
    final: bool = True,
    known: Message | None = None,
    sent: Sent,
) -> Learnt | None:
    """The provider says that it has the message, and how far it got; what came of it, None: there is no such message.

    A send that returned and a callback say the same and may overtake each other. A second message of the provider under
    our one id is the case that nobody can rule out: it is counted, and changes nothing else.

    *sent* (tenant, message) is awaited before it is written that the provider took it: after a crash in between it is told
    once more.

    *final*: whether the plugins are told of a failure. *known*: the message as it probably still is, in the state `sending`;
    saves the first reading.
    """
    current = known
    if current is None:
        current = await repository.get(MESSAGES, message)
    while current is not None:
        changes = _news(current, provider_id, state, error, store.now())
        if changes.get("possible_duplicate"):
            log.error("sent_twice", message=message, provider_ids=[current.provider_id, provider_id])
        if not changes:
            return Learnt(current, current.state)
        if changes.get("state") in TAKEN and RANK.get(current.state, 0) < RANK["accepted"]:
            await sent(tenant, replace(current, **changes))
        if final:
            took = await change(repository, store, tenant, current, **changes)
        else:
            took = await repository.update(MESSAGES, current, **changes) is not None
        if took:
            return Learnt(replace(current, **changes), current.state)
        current = await repository.get(MESSAGES, message)
    return None


def _news(message: Message, provider_id: str, state: DeliveryState, error: str, now: datetime) -> dict[str, Any]:
    if message.provider_id not in ("", provider_id):
        return {} if message.possible_duplicate or message.dismissed else {"possible_duplicate": True}
    changes: dict[str, Any] = {} if message.provider_id else {"provider_id": provider_id}
    if RANK[state] > RANK.get(message.state, 0):
        changes |= {"state": state, "error": error}
        if message.accepted_at is None:
            changes["accepted_at"] = now
    return changes
