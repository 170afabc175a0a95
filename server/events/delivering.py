"""Sends the events of a subscription, one after the other: at least once, in their order as well as can be.

A receiver that is away holds up its line. One that is there and refuses an event has it tried a few times, then the event
steps aside and the next ones go on. What is not taken in three days disables the subscription, and the operators are told.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog

from frontdesk.config import OutboundWebhooks, SecretUnavailable

from .. import alerts
from ..clock import Clock, milliseconds
from ..model import Task
from ..people import followed
from ..runtime import Runtime
from ..services.secrets import SecretDesk
from ..store import Repository, Store
from ..store.collections import CONTACTS, DELIVERIES, MESSAGES, SUBSCRIPTIONS, TASKS
from ..stored_events import Attempt, Delivery, Subscription
from ..work import Again, Finished, Outcome
from . import types
from .post import Answer, headers, post
from .subscribers import Subscribers, mark

log = structlog.get_logger(__name__)

BACK_OFF = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200, 43200, 57600, 57600)
"""Seconds before each further attempt; together 71.7 hours."""
IN_LINE = 3
"""Attempts after which an event that is refused steps aside."""
ASIDE = 20
"""So many may have stepped aside; more, and the line waits."""
SLICE = 10.0
"""Seconds of one go; what is left is for the next one."""
KEPT = 5
"""Attempts that are remembered of each event."""
LONGEST_WISH = 3600.0
"""Seconds that a receiver may ask us to wait (Retry-After)."""
GONE = 410
AWAY = (0, 408, 429, 502, 503, 504)
"""Answers that say something of the receiver and nothing of the event."""


def secret_name(subscription: str, *, old: bool = False) -> str:
    """Under which name the secret of a subscription is stored."""
    return f"WEBHOOK_{subscription.removeprefix('sub_').upper()}{'_OLD' if old else ''}"


class Deliveries:
    """Of any tenant."""

    def __init__(
        self, store: Store, secrets: SecretDesk, subscribers: Subscribers, clock: Clock, config: OutboundWebhooks
    ) -> None:
        self._store = store
        self._secrets = secrets
        self.subscribers = subscribers
        self._clock = clock
        self.private = config.private_addresses
        """Whether receivers may be in networks of our own."""

    async def go(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome:
        """The task `deliver`: send what is ripe in the line of one subscription."""
        id, ends = task.data["subscription"], self._clock.monotonic() + SLICE
        while True:
            subscription = await repository.get(SUBSCRIPTIONS, id)
            if subscription is None:
                await forget(repository, id)
                return await self._ended(repository, task)
            if not subscription.enabled:
                return await self._ended(repository, task)
            waiting = await repository.find(
                DELIVERIES, {"subscription": id, "state": "waiting"}, order_by="at", limit=ASIDE + 2
            )
            if not waiting:
                return await self._ended(repository, task)
            ripe, at = self._ripe(waiting)
            if ripe is None:
                return Again(at or self._store.now())
            if self._clock.monotonic() >= ends:
                return Again(self._store.now())
            await self._send(runtime, repository, subscription, ripe)

    def _ripe(self, waiting: Sequence[Delivery]) -> tuple[Delivery | None, Any]:
        """The next to be sent; None: and when to look again."""
        now, at = self._store.now(), None
        for place, delivery in enumerate(waiting):
            if delivery.next_at is None or delivery.next_at <= now:
                return delivery, None
            at = delivery.next_at if at is None else min(at, delivery.next_at)
            if place >= ASIDE or not _aside(delivery):
                break
        return None, at

    async def _ended(self, repository: Repository, task: Task) -> Outcome:
        """Nothing is left: unless somebody has written one more since the task was read, it goes, and its key is free."""
        return Finished() if await repository.delete(TASKS, task) else Again(self._store.now())

    async def _send(
        self, runtime: Runtime, repository: Repository, subscription: Subscription, delivery: Delivery
    ) -> None:
        answer, attempt = await self.attempt(runtime.tenant.id, repository, subscription, delivery)
        attempts = delivery.attempts + 1
        changes: dict[str, Any] = {"attempts": attempts, "tried": (*delivery.tried, attempt)[-KEPT:]}
        gone = answer.status == GONE
        if answer.took:
            changes |= {"state": "delivered", "next_at": None}
        elif gone or attempts > len(BACK_OFF):
            changes |= {"state": "failed", "next_at": None}
        else:
            changes["next_at"] = self._again_at(attempts, answer)
        await repository.update(DELIVERIES, delivery, **changes)
        if changes.get("state") == "failed":
            said = (
                "the receiver says that it wants no more (410)" if gone else f"not taken in three days: {answer.said}"
            )
            await self._disable(runtime, repository, subscription, said)

    def _again_at(self, attempts: int, answer: Answer) -> Any:
        pause = BACK_OFF[attempts - 1] * random.uniform(1.0, 1.1)  # noqa: S311  so that lines do not march in step
        if answer.retry_after is not None:
            pause = max(pause, min(answer.retry_after, LONGEST_WISH))
        return milliseconds(self._store.now() + timedelta(seconds=pause))

    async def attempt(
        self, tenant: str, repository: Repository, subscription: Subscription, delivery: Delivery
    ) -> tuple[Answer, Attempt]:
        """Send it once, whatever its state; nothing of it is written. Raises StoreError."""
        body = await self._body(tenant, repository, subscription, delivery)
        now, began = self._store.now(), self._clock.monotonic()
        try:
            keys = await self._keys(tenant, subscription)
        except SecretUnavailable as err:
            answer = Answer(0, f"it cannot be signed: {err}")
        else:
            signed = headers(keys, delivery.event, int(now.timestamp()), body)
            answer = await post(subscription.url, body, signed, private=self.private)
        took = round((self._clock.monotonic() - began) * 1000)
        level = log.info if answer.took else log.warning
        level("event_sent", tenant=tenant, subscription=subscription.id, type=delivery.type, status=answer.status)
        return answer, Attempt(at=now, milliseconds=took, status=answer.status, said=answer.said)

    async def _keys(self, tenant: str, subscription: Subscription) -> list[str]:
        keys = [await self._secrets.read(tenant, secret_name(subscription.id))]
        if subscription.old_secret_until is not None and subscription.old_secret_until > self._store.now():
            keys.append(await self._secrets.read(tenant, secret_name(subscription.id, old=True)))
        return keys

    async def _body(self, tenant: str, repository: Repository, subscription: Subscription, delivery: Delivery) -> bytes:
        data: dict[str, Any] = {"tenant": tenant}
        if delivery.conversation:
            data["conversation"] = delivery.conversation
        data |= delivery.data
        if subscription.content:
            data |= await _content(repository, delivery)
        event = {"type": delivery.type, "timestamp": delivery.at.isoformat(), "data": data}
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()

    async def _disable(self, runtime: Runtime, repository: Repository, subscription: Subscription, reason: str) -> None:
        tenant = runtime.tenant.id
        await mark(self._store, tenant)
        current: Subscription | None = subscription
        while current is not None and current.enabled:
            if await repository.update(SUBSCRIPTIONS, current, enabled=False, disabled_reason=reason) is not None:
                log.error("subscription_disabled", tenant=tenant, subscription=subscription.id, reason=reason)
                host = urlsplit(subscription.url).hostname or ""
                text = f"{host}: {reason}. Mend the receiver, then enable it again on the page of outbound webhooks"
                title = "A receiver of events was disabled"
                await alerts.alert(runtime, repository, self._store, title, text, case=subscription.id, conversation="")
                break
            current = await repository.get(SUBSCRIPTIONS, subscription.id)
        await self.subscribers.read(tenant)


def _aside(delivery: Delivery) -> bool:
    """Whether the next ones need not wait for it: its receiver is there, and does not want this one."""
    last = delivery.tried[-1].status if delivery.tried else 0
    return delivery.attempts >= IN_LINE and last not in AWAY


async def forget(repository: Repository, subscription: str) -> None:
    """Delete everything that was to be told to a subscription, and was."""
    while page := await repository.find(DELIVERIES, {"subscription": subscription}, order_by="at", limit=100):
        for delivery in page:
            await repository.delete(DELIVERIES, delivery)


async def _content(repository: Repository, delivery: Delivery) -> Mapping[str, Any]:
    """What was said, and who it was, as it is now; nothing of what was erased."""
    found: dict[str, Any] = {}
    conversation = await followed(repository, delivery.conversation) if delivery.conversation else None
    if conversation is None or conversation.erased_at is not None:
        return found
    contact = await repository.get(CONTACTS, conversation.contact)
    if contact is not None:
        found["contact"] = {"id": contact.id, "name": contact.name, "phone": contact.phone}
    if delivery.type == types.HANDOFF:
        found["reason"] = conversation.handoff_reason
    if "message" in delivery.data:
        message = await repository.get(MESSAGES, delivery.data["message"]["id"])
        if message is not None:
            files = [{"content_type": file.content_type, "size": file.size} for file in message.media]
            found["message"] = {**delivery.data["message"], "text": message.text, "files": files}
            if message.error:
                found["message"]["error"] = message.error
    return found
