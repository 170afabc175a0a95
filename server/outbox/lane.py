"""One conversation's ordered line of outbound messages, under its own lease: sending never waits for a thinking turn."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from .. import core_tasks, leases
from ..clock import Clock
from ..crashpoints import reached
from ..leases import ConversationGone, Held, LeaseLost
from ..model import Due, Message
from ..runtime import Runtime, Runtimes, UnknownTenant
from ..store import In, Insert, PutDue, Repository, Store
from ..store.collections import CONTACTS, CONVERSATIONS, MESSAGES, TASKS
from ..work import Again, Finished, Outcome, Taken
from . import gates
from .reconcile import Reconciler
from .sending import Sender

log = structlog.get_logger(__name__)

AFTER_ACCEPTED = timedelta(seconds=1)
"""How long a message waits for the `sent` of the one before it (Twilio and Meta promise no order in between)."""
WAITING = ("queued", "sending")


class Lane:
    """Works on the `lane` rows of `due`."""

    def __init__(self, store: Store, runtimes: Runtimes, sender: Sender, reconciler: Reconciler, clock: Clock) -> None:
        self._store = store
        self._runtimes = runtimes
        self._sender = sender
        self._reconciler = reconciler
        self._clock = clock

    async def process(self, due: Due) -> Outcome:
        """Send what may go now, in order."""
        try:
            runtime = await self._runtimes.get(due.tenant)
        except UnknownTenant:
            return Finished()
        repository = self._store.for_tenant(due.tenant)
        if not await _waiting(repository, due.ref):
            return Finished()
        seconds = runtime.times.conversation_lease
        try:
            held = await leases.acquire(repository, self._store, self._clock, due.ref, "lane", seconds)
        except ConversationGone:
            return Finished()
        if held is None:
            return Taken()
        reached("outbox.leased")
        runtime.uses += 1
        try:
            with structlog.contextvars.bound_contextvars(tenant=due.tenant, conversation=due.ref):
                async with held.renewed():
                    outcome = await self._send_in_order(runtime, repository, held)
                await held.release()
            reached("outbox.released")
        except LeaseLost:
            log.warning("lane_lost", tenant=due.tenant, conversation=due.ref)
            return Taken()
        finally:
            runtime.uses -= 1
        return outcome

    async def _send_in_order(self, runtime: Runtime, repository: Repository, held: Held) -> Outcome:
        for message in await _waiting(repository, held.conversation.id):
            wait = await self._one(runtime, repository, held, message)
            if wait is not None:
                return Again(wait)
        return Finished()

    async def _one(self, runtime: Runtime, repository: Repository, held: Held, message: Message) -> datetime | None:
        """Bring the head of the lane to an end, or say when to look again."""
        now = self._store.now()
        if message.state == "sending":
            return await self._reconciler.settle(runtime, repository, held, message)
        if (stop := await self._gate(repository, held, message)) is not None:
            await self._leave(runtime, repository, message, stop)
            return None
        if message.not_before is not None and message.not_before > now:
            return message.not_before
        if (after := await self._previous_settles(repository, message)) is not None and after > now:
            return after
        return await self._sender.send(runtime, repository, held, message)

    async def _gate(self, repository: Repository, held: Held, message: Message) -> gates.Stop | None:
        conversation = await repository.get(CONVERSATIONS, held.conversation.id)
        if conversation is None:
            return gates.Stop("withdrawn", "the conversation was erased")
        contact = await repository.get(CONTACTS, conversation.contact)
        return gates.stop_reason(message, conversation, contact, self._store.now())

    async def _leave(self, runtime: Runtime, repository: Repository, message: Message, stop: gates.Stop) -> None:
        left = await repository.update(MESSAGES, message, state=stop.state, error=stop.error)
        if left is None:
            return
        log.info("message_left_lane", message=message.id, state=stop.state, reason=stop.error)
        if stop.state == "expired" and runtime.hook("on_message_failed"):
            task = core_tasks.message_failed(left, self._store.now())
            await repository.write(Insert(TASKS, task))
            await repository.write(PutDue("task", runtime.tenant.id, task.id, task.at))

    async def _previous_settles(self, repository: Repository, message: Message) -> datetime | None:
        """Until when the message before this one may still be overtaken; None: it cannot."""
        before = await repository.find(
            MESSAGES,
            {"conversation": message.conversation, "direction": "outbound", "place": message.place - 1},
            limit=1,
        )
        if before and before[0].state == "accepted" and before[0].accepted_at is not None:
            return before[0].accepted_at + AFTER_ACCEPTED
        return None


async def _waiting(repository: Repository, conversation: str) -> list[Message]:
    """What is in the lane, by place."""
    found = await repository.find(
        MESSAGES, {"conversation": conversation, "direction": "outbound", "state": In(WAITING)}, order_by="at"
    )
    return sorted(found, key=lambda message: message.place)
