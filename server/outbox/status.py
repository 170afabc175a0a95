"""What a provider says of a message after it was sent: late, twice, out of order, or before the send returned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from .. import core_tasks
from ..channel import DeliveryState, StatusUpdate
from ..model import Message
from ..queue import Queue, Wake
from ..services.changes import Changes
from ..store import Insert, PutDue, Repository, Store
from ..store.collections import MESSAGES, TASKS

log = structlog.get_logger(__name__)

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


class StatusDesk:
    """Takes in status updates of any channel."""

    def __init__(self, store: Store, queue: Queue, changes: Changes) -> None:
        self._store = store
        self._queue = queue
        self._changes = changes

    async def take(self, tenant: str, updates: Sequence[StatusUpdate]) -> None:
        """Write what is news. Raises StoreError when nothing is known to be written."""
        repository = self._store.for_tenant(tenant)
        for update in updates:
            message = await self._apply(repository, update)
            if message is None:
                log.info("status_of_unknown_message", tenant=tenant, provider_id=update.provider_id)
            else:
                await self._follow_up(tenant, repository, message)

    async def _apply(self, repository: Repository, update: StatusUpdate) -> Message | None:
        while (message := await find(repository, update)) is not None:
            changes = self._news(message, update)
            if not changes:
                return message
            changed = await repository.update(MESSAGES, message, **changes)
            if changed is not None:
                return changed
        return None

    def _news(self, message: Message, update: StatusUpdate) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if not message.provider_id:
            changes["provider_id"] = update.provider_id
        elif message.provider_id != update.provider_id:
            # Two of the provider's messages carry our one id: the case that nobody can rule out, counted here.
            return {} if message.possible_duplicate else {"possible_duplicate": True}
        state: DeliveryState = update.state
        if RANK[state] > RANK.get(message.state, 0):
            changes["state"] = state
            changes["error"] = f"{update.code}: {update.reason}".strip(": ") if state == "failed" else ""
            if message.accepted_at is None:
                changes["accepted_at"] = self._store.now()
        return changes

    async def _follow_up(self, tenant: str, repository: Repository, message: Message) -> None:
        if message.state == "failed":
            task = core_tasks.message_failed(message, self._store.now())
            await repository.write(Insert(TASKS, task))
            await repository.write(PutDue("task", tenant, task.id, task.at))
            await self._queue.wake(Wake("task", tenant, task.id))
        self._changes.announce(tenant, message.conversation)
        await self._queue.wake(Wake("lane", tenant, message.conversation))


async def find(repository: Repository, update: StatusUpdate) -> Message | None:
    """The outbound message an update is about: by our id in the callback's URL, else by the provider's id."""
    if update.message:
        message = await repository.get(MESSAGES, update.message)
        return message if message is not None and message.direction == "outbound" else None
    found = await repository.find(MESSAGES, {"provider_id": update.provider_id}, limit=2)
    return next((message for message in found if message.direction == "outbound"), None)
