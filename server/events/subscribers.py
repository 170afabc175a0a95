"""Who is told of what: kept in memory, so that a message of a tenant without subscriptions costs no call of the store."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from .. import core_tasks, dispatch
from ..breaker import Breaker
from ..clock import Clock
from ..model import BOT, OPERATOR, Conversation, Message, Turn
from ..queue import Queue, Wake
from ..records import Appointment, Change, Lead
from ..scheduling import schedule_writes
from ..step import Running
from ..store import Between, PutDue, Repository, Store, Update
from ..store.collections import DELIVERIES, SUBSCRIBED_MARKS, SUBSCRIPTIONS, TASKS
from ..stored_events import Delivery, SubscribedMark, Subscription
from . import types

OVERLAP = timedelta(seconds=60)
"""A mark is written before its change: who has seen the mark looks again for so long."""
PAGE = 200
MOST = 10
"""Subscriptions of one tenant."""
SECONDS = 10.0
"""To write an event down, before it counts as not told and is told again."""

Facts = dict[str, Any]


class Subscribers:
    """The subscriptions of every tenant, as this process has read them last; writes events down for them."""

    def __init__(self, store: Store, queue: Queue, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._known: dict[str, tuple[Subscription, ...]] = {}
        self._hooks: dict[str, dict[str, dispatch.BoundHook]] = {}
        self._last: dict[str, datetime] = {}
        """When the last event of a tenant happened, as far as this process told it."""
        self._looked_at: datetime | None = None

    async def look(self) -> None:
        """Read whose subscriptions have changed since the last look. Raises StoreError."""
        since = self._looked_at and self._looked_at - OVERLAP
        now, after = self._store.now(), None
        while True:
            where = {"changed_at": Between(since, None)}
            page = await self._store.shared.find(
                SUBSCRIBED_MARKS, where, order_by="changed_at", after=after, limit=PAGE
            )
            for marked in page:
                await self.read(marked.id)
            if len(page) < PAGE:
                break
            after = page[-1]
        self._looked_at = now

    async def read(self, tenant: str) -> tuple[Subscription, ...]:
        """The tenant's subscriptions, oldest first, also the disabled ones; from now on this process tells these."""
        found = await self._store.for_tenant(tenant).find(SUBSCRIPTIONS, {}, limit=MOST)
        found = sorted(found, key=lambda each: (each.created_at, each.id))
        self._known[tenant] = tuple(each for each in found if each.enabled)
        if not self._known[tenant]:
            del self._known[tenant]
            self._hooks.pop(tenant, None)
            self._last.pop(tenant, None)
        return tuple(found)

    def wants(self, tenant: str, type: str) -> bool:
        """Whether anybody of the tenant is told of such events."""
        return any(type in each.events for each in self._known.get(tenant, ()))

    def hook(self, tenant: str, name: str) -> tuple[dispatch.BoundHook, ...]:
        """What hears of an event beside the plugins: nothing unless somebody subscribes to it."""
        type = _OF_HOOKS.get(name)
        if type is None or not self.wants(tenant, type):
            return ()
        bound = self._hooks.setdefault(tenant, {})
        if name not in bound:
            bound[name] = self._bound(tenant, name)
        return (bound[name],)

    async def tell(self, tenant: str, type: str, key: str, conversation: str = "", **facts: Any) -> None:
        """Write an event down for everybody who subscribes to it. *key* is what it is about: the same key is the same event.

        Raises StoreError; whoever is told of it tries again, and the event is written once.
        """
        repository = self._store.for_tenant(tenant)
        at = self._after_the_last(tenant)
        for subscription in self._known.get(tenant, ()):
            if type in subscription.events:
                delivery = Delivery(
                    id=f"{subscription.id}.{event_id(tenant, type, key)}",
                    subscription=subscription.id,
                    event=event_id(tenant, type, key),
                    type=type,
                    at=at,
                    conversation=conversation,
                    data=facts,
                )
                await self.put(repository, tenant, delivery)

    def _after_the_last(self, tenant: str) -> datetime:
        """Events that happen one after the other in one millisecond keep their order."""
        now = self._store.now()
        last = self._last.get(tenant)
        self._last[tenant] = now if last is None else max(now, last + timedelta(milliseconds=1))
        return self._last[tenant]

    async def put(self, repository: Repository, tenant: str, delivery: Delivery) -> None:
        """Have *delivery* sent; nothing if it has been written before."""
        if not await repository.insert(DELIVERIES, delivery):
            known = await repository.get(DELIVERIES, delivery.id)
            if known is None or known.state != "waiting":
                return
        await self.hurry(repository, tenant, delivery.subscription)

    async def hurry(self, repository: Repository, tenant: str, subscription: str) -> None:
        """Have the line of a subscription looked at now."""
        now = self._store.now()
        task = core_tasks.deliver(subscription, now)
        while True:
            # Its version is raised: whoever is about to end the line finds that there is more.
            known = await repository.get(TASKS, task.id)
            if known is None:
                if await repository.write(*schedule_writes(tenant, task, now)) > 1:
                    break
            elif await repository.write(
                PutDue("task", tenant, task.id, now),
                Update(TASKS, known, {"at": now, "state": "waiting", "attempts": 0, "error": ""}),
            ) == 2:  # fmt: skip
                break
        await self._queue.wake(Wake("task", tenant, task.id))

    async def sent(self, tenant: str, message: Message) -> None:
        """Called before it is written that the provider has taken *message*: after a crash in between it is found out, and
        told, once more."""
        if self.wants(tenant, types.MESSAGE_SENT):
            await self.tell(tenant, types.MESSAGE_SENT, message.id, message.conversation, message=_of(message))

    async def owner_changed(self, tenant: str, conversation: Conversation) -> None:
        """Told of a change to an operator or to the bot; a hand-off has its own event."""
        owner = conversation.owner
        taken = owner.startswith(OPERATOR)
        type = types.CONVERSATION_TAKEN if taken else types.CONVERSATION_RELEASED
        if (taken or owner == BOT) and self.wants(tenant, type):
            key = f"{conversation.id}/{conversation.owner_epoch}"
            await self.tell(tenant, type, key, conversation.id, owner=owner)

    async def erased(self, tenant: str, contact: str) -> None:
        """Called before the erasure counts as done."""
        if self.wants(tenant, types.CONTACT_ERASED):
            await self.tell(tenant, types.CONTACT_ERASED, contact, contact=contact)

    def _bound(self, tenant: str, name: str) -> dispatch.BoundHook:
        calls: dict[str, tuple[tuple[str, ...], Callable[..., Awaitable[None]]]] = {
            "on_message": (("message",), self._on_message),
            "on_message_failed": (("message",), self._on_message_failed),
            "on_turn_committed": (("turn",), self._on_turn_committed),
            "on_handoff": (("conversation",), self._on_handoff),
            "on_contact_merged": (("conversation", "merged"), self._on_contact_merged),
            "on_lead_changed": (("lead", "change"), self._on_lead_changed),
            "on_appointment_changed": (("appointment", "change"), self._on_appointment_changed),
        }
        arguments, call = calls[name]
        label = Running(tenant, core_tasks.CORE, name)
        return dispatch.BoundHook(label, _for(tenant, call), arguments, SECONDS, Breaker(self._clock))

    async def _on_message(self, tenant: str, message: Message) -> None:
        await self.tell(tenant, types.MESSAGE_RECEIVED, message.id, message.conversation, message=_of(message))

    async def _on_message_failed(self, tenant: str, message: Message) -> None:
        key = f"{message.id}/{message.state}/{message.attempts}"
        await self.tell(tenant, types.MESSAGE_FAILED, key, message.conversation, message=_of(message))

    async def _on_turn_committed(self, tenant: str, turn: Turn) -> None:
        facts = {"id": turn.id, "no": turn.no, "read": list(turn.read), "said": list(turn.outbound)}
        await self.tell(tenant, types.TURN_COMMITTED, turn.id, turn.conversation, turn=facts)

    async def _on_handoff(self, tenant: str, conversation: Conversation) -> None:
        key = f"{conversation.id}/{conversation.owner_epoch}"
        await self.tell(tenant, types.HANDOFF, key, conversation.id)

    async def _on_contact_merged(self, tenant: str, conversation: Conversation, merged: str) -> None:
        await self.tell(tenant, types.CONTACT_MERGED, merged, conversation.id, merged=merged)

    async def _on_lead_changed(self, tenant: str, lead: Lead, change: Change) -> None:
        facts = {"contact": lead.contact, "temperature": lead.temperature, "score": lead.score, "stage": lead.stage}
        key = f"{lead.id}/{change.key}"
        await self.tell(tenant, types.LEAD_CHANGED, key, lead.contact, lead=facts, what=change.what, by=change.by)

    async def _on_appointment_changed(self, tenant: str, appointment: Appointment, change: Change) -> None:
        facts = {
            "id": appointment.id,
            "contact": appointment.contact,
            "service": appointment.service,
            "resource": appointment.resource,
            "starts_at": appointment.starts_at.isoformat(),
            "ends_at": appointment.ends_at.isoformat(),
            "zone": appointment.zone,
            "state": appointment.state,
        }
        key, of = f"{appointment.id}/{change.key}", appointment.conversation or appointment.contact
        await self.tell(tenant, types.APPOINTMENT_CHANGED, key, of, appointment=facts, what=change.what, by=change.by)


_OF_HOOKS: Mapping[str, str] = {
    "on_message": types.MESSAGE_RECEIVED,
    "on_message_failed": types.MESSAGE_FAILED,
    "on_turn_committed": types.TURN_COMMITTED,
    "on_handoff": types.HANDOFF,
    "on_contact_merged": types.CONTACT_MERGED,
    "on_lead_changed": types.LEAD_CHANGED,
    "on_appointment_changed": types.APPOINTMENT_CHANGED,
}


def event_id(tenant: str, type: str, key: str) -> str:
    """The same for every receiver and every attempt."""
    return f"evt_{hashlib.sha256(f'{tenant}/{type}/{key}'.encode()).hexdigest()[:32]}"


async def mark(store: Store, tenant: str) -> None:
    """Have every process read the tenant's subscriptions again."""
    shared, now = store.shared, store.now()
    while not await shared.insert(SUBSCRIBED_MARKS, SubscribedMark(id=tenant, changed_at=now)):
        there = await shared.get(SUBSCRIBED_MARKS, tenant)
        if there is None:
            continue
        if await shared.update(SUBSCRIBED_MARKS, there, changed_at=now) is not None:
            return


def _for(tenant: str, call: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def told(**event: Any) -> None:
        await call(tenant, **event)

    return told


def _of(message: Message) -> Facts:
    """What of a message is no content."""
    return {
        "id": message.id,
        "direction": message.direction,
        "kind": message.kind,
        "author": message.author,
        "state": message.state,
        "at": message.at.isoformat(),
        "turn": message.turn,
    }
