"""What became of an attempt nobody saw the end of: the provider is asked before anything is sent again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog

from .. import dispatch
from ..channel import Found
from ..errors import PluginError
from ..leases import Held
from ..model import Message
from ..runtime import Runtime
from ..store import Repository, Store
from ..store.collections import MESSAGES
from . import record
from .sending import Sender

log = structlog.get_logger(__name__)

LOOKS = 2
"""How often the provider's list is read before an attempt counts as not taken: its list may lag."""


class Reconciler:
    """Settles the head of a lane that was left in `sending`."""

    def __init__(self, store: Store, sender: Sender) -> None:
        self._store = store
        self._sender = sender

    async def settle(self, runtime: Runtime, repository: Repository, held: Held, message: Message) -> datetime | None:
        """None: it is settled (or back in the lane, to be sent at once); else when to look again."""
        now = self._store.now()
        if message.settles_at is not None and now < message.settles_at:
            return message.settles_at
        try:
            found = await self._unbound(runtime, repository, held, message)
        except (PluginError, dispatch.HookFailed) as err:
            return await self._ask_again(runtime, repository, message, str(err))
        matching = [item for item in found if item.matches]
        if len(matching) == 1 and all(item.matches is not None for item in found):
            bound = matching[0].provider_id
            await self._sender.accepted(repository, runtime.tenant.id, message, bound)
            return None
        if found and any(item.matches is not False for item in found):
            await self._park(runtime, repository, message)
            return None
        return await self._not_found(runtime, repository, message)

    async def _unbound(self, runtime: Runtime, repository: Repository, held: Held, message: Message) -> list[Found]:
        """What the provider has since the intent that belongs to none of our other messages."""
        since = message.intent_at or message.at
        outgoing = self._sender.outgoing(runtime, held, message)
        channel = message.route.channel if message.route is not None else held.conversation.channel
        listed: tuple[Found, ...] = await runtime.ask("find_sent", channel, message=outgoing, since=since)
        return [item for item in listed if not await _bound(repository, item.provider_id)]

    async def _not_found(self, runtime: Runtime, repository: Repository, message: Message) -> datetime | None:
        looks = message.reconciled + 1
        if looks < LOOKS:
            at = self._store.now() + timedelta(seconds=3 * runtime.times.send_timeout)
            return await self._put_off(repository, message, at, reconciled=looks)
        log.info("send_not_taken", message=message.id)
        await repository.update(MESSAGES, message, state="queued", not_before=None, error="")
        return self._store.now()

    async def _ask_again(
        self, runtime: Runtime, repository: Repository, message: Message, reason: str
    ) -> datetime | None:
        """The provider cannot be asked now: again later, until the message is worth nothing any more."""
        if message.useful_until is not None and self._store.now() >= message.useful_until:
            await self._park(runtime, repository, message)
            return None
        at = self._store.now() + timedelta(seconds=runtime.times.send_timeout)
        return await self._put_off(repository, message, at, error=reason)

    async def _put_off(self, repository: Repository, message: Message, at: datetime, **changes: Any) -> datetime:
        changed = await repository.update(MESSAGES, message, settles_at=at, **changes)
        # It moved on meanwhile (a callback): what comes after it need not wait.
        return at if changed is not None else self._store.now()

    async def _park(self, runtime: Runtime, repository: Repository, message: Message) -> None:
        error = "may have been sent: compare with the provider's log, then decide"
        await record.change(repository, self._store, runtime.tenant.id, message, state="parked", error=error)
        log.error("message_parked", message=message.id)


async def _bound(repository: Repository, provider_id: str) -> bool:
    return bool(await repository.find(MESSAGES, {"provider_id": provider_id}, limit=1))
