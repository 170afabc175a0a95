"""One attempt to send: the intent on disk, one call of the channel, what came of it on disk."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiolimiter import AsyncLimiter

from .. import core_tasks, dispatch
from ..channel import Outgoing
from ..clock import Clock
from ..crashpoints import reached
from ..errors import NeedsAttention, PluginError, Refused, RetryLater
from ..leases import Held, LeaseLost
from ..media import MediaUrls
from ..model import Message
from ..plugin import Channel
from ..runtime import Runtime
from ..store import Insert, PutDue, Repository, Store
from ..store.collections import MESSAGES, TASKS

log = structlog.get_logger(__name__)

RETRY_CAP = 300.0
"""The longest pause between two attempts (seconds); `useful_until` ends them."""
NOT_RUNNING_PAUSE = 10.0
"""When to look again at a channel plugin that is not running (seconds)."""
MEDIA_SECONDS = 6 * 3600.0
"""How long a media URL works: longer than a message may wait in Twilio's queue (4 hours)."""


class Sender:
    """Sends the head of a lane."""

    def __init__(self, store: Store, urls: MediaUrls, public_url: str, clock: Clock) -> None:
        self._store = store
        self._urls = urls
        self._public_url = public_url
        self._clock = clock
        self._limiters: dict[tuple[str, str], AsyncLimiter] = {}

    async def send(self, runtime: Runtime, repository: Repository, held: Held, message: Message) -> datetime | None:
        """Try once. None: it is out of the way; else when to look again."""
        times = runtime.times
        channel = held.conversation.channel
        await self._limiter(runtime, channel, held.conversation.address).acquire()
        if held.seconds_left() < times.send_timeout:
            # The renewer is late (a busy loop, a store that was away): an attempt could outlive the lease.
            raise LeaseLost(held.conversation.id)
        intended = await repository.update(
            MESSAGES,
            message,
            state="sending",
            intent_at=self._store.now(),
            attempts=message.attempts + 1,
            reconciled=0,
            settles_at=held.lease.until + timedelta(seconds=times.send_timeout),
        )
        if intended is None:
            return self._store.now()
        reached("outbox.intended")
        return await self._attempt(runtime, repository, held, intended)

    async def _attempt(self, runtime: Runtime, repository: Repository, held: Held, message: Message) -> datetime | None:
        channel = held.conversation.channel
        outgoing = self.outgoing(runtime.tenant.id, held, message)
        try:
            if held.lease.until <= self._store.now():
                raise LeaseLost(held.conversation.id)
            provider_id = await runtime.ask("send", channel, message=outgoing)
        except RetryLater as err:
            return await self._later(repository, message, err.after, err.reason)
        except NeedsAttention as err:
            await self._alert(runtime, held, channel, err)
            return await self._later(repository, message, RETRY_CAP, err.what)
        except Refused as err:
            await self._failed(runtime, repository, message, f"{err.code}: {err.reason}".strip(": "))
            return None
        except dispatch.HookFailed as err:
            if not err.ran:
                return await self._later(repository, message, NOT_RUNNING_PAUSE, err.reason)
            return await self._ambiguous(runtime, repository, message, str(err))
        except PluginError as err:  # MaybeSent, or a kind the plugin made up: nobody can tell
            return await self._ambiguous(runtime, repository, message, str(err))
        reached("outbox.sent")
        await bind(repository, self._store, message, provider_id)
        reached("outbox.accepted")
        return None

    async def _later(self, repository: Repository, message: Message, after: float, reason: str) -> datetime | None:
        """Back to the head of its lane: it was certainly not taken."""
        pause = max(after, min(RETRY_CAP, 2.0 ** min(message.attempts - 1, 10)))
        at = self._store.now() + timedelta(seconds=pause * random.uniform(1.0, 1.2))  # noqa: S311  jitter, no secret
        await self._change(repository, message, state="queued", not_before=at, error=reason)
        return at

    async def _ambiguous(
        self, runtime: Runtime, repository: Repository, message: Message, reason: str
    ) -> datetime | None:
        """Stays `sending`: the provider is asked once whatever it took must show up in its list."""
        at = self._store.now() + timedelta(seconds=runtime.times.send_timeout)
        await self._change(repository, message, settles_at=at, error=reason)
        log.warning("send_ambiguous", message=message.id, reason=reason)
        return at

    async def _failed(self, runtime: Runtime, repository: Repository, message: Message, reason: str) -> None:
        await self._change(repository, message, state="failed", error=reason)
        await announce_failure(runtime, repository, self._store, message)

    async def _change(self, repository: Repository, message: Message, **changes: Any) -> None:
        """Write, unless a status callback has meanwhile said more: then it knows better."""
        while (current := await repository.get(MESSAGES, message.id)) is not None and current.state == "sending":
            if current.provider_id and changes.get("state") != "failed":
                return
            if await repository.update(MESSAGES, current, **changes) is not None:
                return

    async def _alert(self, runtime: Runtime, held: Held, channel: str, err: NeedsAttention) -> None:
        log.error("channel_needs_attention", channel=channel, what=err.what)
        await dispatch.every(
            runtime.hook("alert_operator"),
            title=f"{channel} cannot send",
            text=err.what,
            conversation=held.conversation,
        )

    def outgoing(self, tenant: str, held: Held, message: Message) -> Outgoing:
        """The message as the channel gets it."""
        conversation = held.conversation
        return Outgoing(
            id=message.id,
            external_id=conversation.external_id,
            address=conversation.address,
            kind=message.kind,
            text=message.text,
            media_urls=tuple(self._urls.make(tenant, item.key, MEDIA_SECONDS) for item in message.media),
            template=message.template,
            data=message.data,
            callback_url=f"{self._public_url}/webhooks/{conversation.channel}/{tenant}/status/{message.id}",
        )

    def _limiter(self, runtime: Runtime, channel: str, address: str) -> AsyncLimiter:
        plugin = runtime.plugins.get(channel)
        rate = plugin.messages_per_second if isinstance(plugin, Channel) else 80.0
        return self._limiters.setdefault((channel, address), AsyncLimiter(max(1.0, rate), 1.0))


async def bind(repository: Repository, store: Store, message: Message, provider_id: str) -> None:
    """Write the provider's id. A callback may have been faster; a ghost's second message is counted."""
    while (current := await repository.get(MESSAGES, message.id)) is not None:
        changes: dict[str, Any] = {}
        if not current.provider_id:
            changes = {"provider_id": provider_id, "accepted_at": store.now(), "error": ""}
        elif current.provider_id != provider_id and not current.possible_duplicate:
            log.error("sent_twice", message=message.id, provider_ids=[current.provider_id, provider_id])
            changes = {"possible_duplicate": True}
        if current.state == "sending":
            changes["state"] = "accepted"
        if not changes or await repository.update(MESSAGES, current, **changes) is not None:
            return


async def announce_failure(runtime: Runtime, repository: Repository, store: Store, message: Message) -> None:
    """Have the plugins told of a message that failed, was parked or expired."""
    current = await repository.get(MESSAGES, message.id)
    if current is None or not runtime.hook("on_message_failed"):
        return
    task = core_tasks.message_failed(current, store.now())
    await repository.write(Insert(TASKS, task))
    await repository.write(PutDue("task", runtime.tenant.id, task.id, task.at))
