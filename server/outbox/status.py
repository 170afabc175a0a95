"""What a provider says of a message after it was sent: late, twice, out of order, or before the send returned."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from .. import consent
from ..changes import Changes
from ..channel import StatusUpdate
from ..model import Message
from ..people import followed
from ..queue import Queue, Wake
from ..store import Repository, Store
from ..store.collections import MESSAGES
from . import again, record
from .pace import Pace

log = structlog.get_logger(__name__)


class StatusDesk:
    """Takes in status updates of any channel."""

    def __init__(self, store: Store, queue: Queue, changes: Changes, pace: Pace, sent: record.Sent) -> None:
        self._sent = sent
        self._pace = pace
        self._store = store
        self._queue = queue
        self._changes = changes

    async def take(self, tenant: str, updates: Sequence[StatusUpdate]) -> None:
        """Write what is news. Raises StoreError when nothing is known to be written."""
        repository = self._store.for_tenant(tenant)
        for update in updates:
            message = await find(repository, update)
            if message is None:
                log.info("status_of_unknown_message", tenant=tenant, provider_id=update.provider_id)
                continue
            learnt = await self._learn(repository, tenant, message, update)
            if learnt is not None:
                self._changes.announce(tenant, learnt.conversation)
                await self._hurry(tenant, learnt.conversation)

    async def _learn(
        self, repository: Repository, tenant: str, message: Message, update: StatusUpdate
    ) -> Message | None:
        if update.state == "failed" and update.opted_out:
            channel = message.route.channel if message.route is not None else ""
            conversation = await followed(repository, message.conversation)
            contact = conversation.contact if conversation is not None else message.conversation
            await consent.refused(repository, contact, message, channel, update.code)
        if update.state == "failed" and update.slower and message.route is not None:
            route = message.route
            await self._pace.slow_down(tenant, route.channel, route.address, update.again_after or 0.0)
        error = f"{update.code}: {update.reason}".strip(": ") if update.state == "failed" else ""
        repeated = await again.say(repository, self._store, tenant, message, update)
        if repeated is not None:
            error += f" It is said again as {repeated}."
        learnt = await record.learn(
            repository,
            self._store,
            tenant,
            message.id,
            update.provider_id,
            update.state,
            error=error,
            final=repeated is None,
            sent=self._sent,
        )
        if learnt is None:
            return None
        # Asked of what was replaced, not of what was read before: a failure may have been written in between.
        if learnt.message.state in again.ARRIVED and (repeated or learnt.was == "failed"):
            await again.take_back(repository, learnt.message)
        return learnt.message

    async def _hurry(self, tenant: str, conversation: str) -> None:
        """If more waits in the lane, it may be for this: it is looked at now and not when its own time has come."""
        if await self._store.due.get("lane", tenant, conversation) is not None:
            await self._store.due.put("lane", tenant, conversation, self._store.now())
            await self._queue.wake(Wake("lane", tenant, conversation))


async def find(repository: Repository, update: StatusUpdate) -> Message | None:
    """The outbound message an update is about: by our id in the callback's URL, else by the provider's id."""
    if update.message:
        message = await repository.get(MESSAGES, update.message)
        return message if message is not None and message.direction == "outbound" else None
    found = await repository.find(MESSAGES, {"provider_id": update.provider_id}, limit=2)
    return next((message for message in found if message.direction == "outbound"), None)
