"""What people do with outbound webhooks: name receivers, change, test and end them, look at what was sent, send it again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ..auth import Audit, Principal
from ..events import types
from ..events.delivering import Deliveries, forget, secret_name
from ..events.post import check_url, new_secret
from ..events.subscribers import MOST, mark
from ..store import Store
from ..store.collections import DELIVERIES, SUBSCRIPTIONS
from ..stored_events import Attempt, Delivery, DeliveryState, Subscription
from .secrets import SecretDesk

OLD_SECRET_FOR = timedelta(hours=24)
"""How long events are signed with both secrets after a new one was made."""
MAX_DESCRIPTION = 200

__all__ = ["Made", "SubscriptionDesk", "SubscriptionError", "UnknownSubscription"]

EVENTS = types.EVENTS


class SubscriptionError(ValueError):
    """It cannot be so; says what would be right."""


class UnknownSubscription(Exception):
    """The tenant has no such subscription, or no such delivery."""


@dataclass(frozen=True, slots=True)
class Made:
    """A subscription, and its new secret, which is told this once."""

    subscription: Subscription
    secret: str


class SubscriptionDesk:
    """Of any tenant."""

    def __init__(self, store: Store, vault: SecretDesk, deliveries: Deliveries, audit: Audit) -> None:
        self._store = store
        self._vault = vault
        self._subscribers = deliveries.subscribers
        self._deliveries = deliveries
        self._audit = audit

    @property
    def private(self) -> bool:
        """Whether receivers may be in networks of our own, and spoken to by http."""
        return self._deliveries.private

    async def list(self, tenant: str) -> Sequence[Subscription]:
        """Oldest first, the disabled ones too."""
        return await self._subscribers.read(tenant)

    async def get(self, tenant: str, id: str) -> Subscription:
        """Raises UnknownSubscription."""
        found = await self._store.for_tenant(tenant).get(SUBSCRIPTIONS, id)
        if found is None:
            raise UnknownSubscription(f"there is no subscription {id} at this tenant")
        return found

    async def make(
        self,
        tenant: str,
        who: Principal,
        url: str,
        events: Sequence[str],
        *,
        description: str = "",
        content: bool = False,
    ) -> Made:
        """Raises SubscriptionError, KeysMissing if no key for stored secrets is configured."""
        wanted = self._checked(url, events, description)
        if len(await self.list(tenant)) >= MOST:
            raise SubscriptionError(f"there are {MOST} subscriptions, and there can be no more; delete one first")
        subscription = Subscription(
            id=f"sub_{secrets.token_hex(8)}",
            url=url,
            events=wanted,
            description=description.strip(),
            content=content,
            created_at=self._store.now(),
            created_by=who.name,
        )
        secret = new_secret()
        await self._vault.set(tenant, secret_name(subscription.id), secret, who.name)
        await mark(self._store, tenant)
        await self._store.for_tenant(tenant).insert(SUBSCRIPTIONS, subscription)
        await self._subscribers.read(tenant)
        await self._audit.wrote(tenant, who, "webhook.made", subscription.id, url=url, events=list(wanted))
        return Made(subscription, secret)

    async def change(
        self, tenant: str, who: Principal, id: str, *, version: int | None = None, **changes: Any
    ) -> Subscription | None:
        """Change url, events, description, content or enabled. None: it is not of this *version* any more.

        Raises UnknownSubscription, SubscriptionError.
        """
        repository, asked = self._store.for_tenant(tenant), set(changes)
        while True:
            current = await self.get(tenant, id)
            if version is not None and current.version != version:
                return None
            new = replace(current, **changes)
            changes |= {"events": self._checked(new.url, new.events, new.description)}
            if new.enabled and not current.enabled:
                changes["disabled_reason"] = ""
            await mark(self._store, tenant)
            changed = await repository.update(SUBSCRIPTIONS, current, **changes)
            if changed is not None:
                break
        await self._subscribers.read(tenant)
        await self._audit.wrote(tenant, who, "webhook.changed", id, fields=sorted(asked))
        if changed.enabled:
            await self._subscribers.hurry(repository, tenant, id)
        return changed

    async def new_secret(self, tenant: str, who: Principal, id: str) -> Made:
        """A new secret; for a day events carry both signatures. Raises UnknownSubscription, KeysMissing."""
        subscription, secret = await self.get(tenant, id), new_secret()
        old = await self._vault.read(tenant, secret_name(id))
        await self._vault.set(tenant, secret_name(id, old=True), old, who.name)
        repository = self._store.for_tenant(tenant)
        changed = None
        while changed is None:
            until = self._store.now() + OLD_SECRET_FOR
            changed = await repository.update(SUBSCRIPTIONS, subscription, old_secret_until=until)
            subscription = changed or await self.get(tenant, id)
        await self._vault.set(tenant, secret_name(id), secret, who.name)
        await self._audit.wrote(tenant, who, "webhook.secret_renewed", id)
        return Made(subscription, secret)

    async def delete(self, tenant: str, who: Principal, id: str) -> None:
        """End it; what waits for it is not sent. Raises UnknownSubscription."""
        repository = self._store.for_tenant(tenant)
        await mark(self._store, tenant)
        while not await repository.delete(SUBSCRIPTIONS, await self.get(tenant, id)):
            pass
        await self._subscribers.read(tenant)
        await forget(repository, id)
        for old in (False, True):
            await self._vault.delete(tenant, secret_name(id, old=old))
        await self._audit.wrote(tenant, who, "webhook.deleted", id)

    async def log(self, tenant: str, id: str, *, limit: int = 50, after: Delivery | None = None) -> Sequence[Delivery]:
        """What was sent and what waits, the newest first."""
        return await self._store.for_tenant(tenant).find(
            DELIVERIES, {"subscription": id}, order_by="at", descending=True, limit=limit, after=after
        )

    async def send_again(self, tenant: str, who: Principal, id: str, delivery: str) -> Delivery:
        """Raises UnknownSubscription; SubscriptionError while the subscription is disabled."""
        repository = self._store.for_tenant(tenant)
        if not (await self.get(tenant, id)).enabled:
            raise SubscriptionError("the subscription is disabled; enable it first")
        while True:
            found = await repository.get(DELIVERIES, delivery)
            if found is None or found.subscription != id or found.type == types.TEST:
                raise UnknownSubscription(f"there is no delivery {delivery} of {id}")
            changed = await repository.update(DELIVERIES, found, state="waiting", attempts=0, next_at=None)
            if changed is not None:
                break
        await self._subscribers.hurry(repository, tenant, id)
        await self._audit.wrote(tenant, who, "webhook.sent_again", id, event=changed.event)
        return changed

    async def test(self, tenant: str, who: Principal, id: str) -> Attempt:
        """Send a made-up event now, and say what came of it. Raises UnknownSubscription."""
        subscription = await self.get(tenant, id)
        repository = self._store.for_tenant(tenant)
        event = f"evt_{secrets.token_hex(16)}"
        delivery = Delivery(
            id=f"{id}.{event}", subscription=id, event=event, type=types.TEST, at=self._store.now(), state="failed"
        )
        answer, attempt = await self._deliveries.attempt(tenant, repository, subscription, delivery)
        state: DeliveryState = "delivered" if answer.took else "failed"
        await repository.insert(DELIVERIES, replace(delivery, state=state, attempts=1, tried=(attempt,)))
        await self._audit.wrote(tenant, who, "webhook.tested", id, status=attempt.status)
        return attempt

    def _checked(self, url: str, events: Sequence[str], description: str) -> tuple[str, ...]:
        try:
            check_url(url, private=self._deliveries.private)
        except ValueError as err:
            raise SubscriptionError(f"the URL: {err}") from err
        if unknown := [each for each in events if each not in types.EVENTS]:
            raise SubscriptionError(f"there is no event {unknown[0][:60]}; there are {', '.join(types.EVENTS)}")
        if not events:
            raise SubscriptionError(f"it is told nothing; name one or more of {', '.join(types.EVENTS)}")
        if len(description) > MAX_DESCRIPTION:
            raise SubscriptionError(f"the description has more than {MAX_DESCRIPTION} characters; shorten it")
        return tuple(type for type in types.EVENTS if type in events)
