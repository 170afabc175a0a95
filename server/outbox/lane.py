"""One conversation's ordered line of outbound messages, under its own lease: sending never waits for a thinking turn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from .. import leases
from ..clock import Clock
from ..crashpoints import reached
from ..leases import Held
from ..model import Conversation, Due, Message
from ..recent import Recent
from ..runtime import Runtime, Runtimes
from ..scheduling import SOON
from ..store import Between, In, Repository, Store
from ..store.collections import MESSAGES
from ..under_lease import work_on
from ..work import Again, Finished, Outcome, Taken
from . import gates, record
from .pair import PairPace
from .policy import decide
from .put import at_place
from .reconcile import Reconciler
from .sending import Sender, window_of

log = structlog.get_logger(__name__)

AFTER_ACCEPTED = timedelta(seconds=1)
"""How long a message waits for the `sent` of the one before it (Twilio and Meta promise no order in between)."""
LONGEST_FOR_OTHERS = timedelta(minutes=5)
"""How long what is said again keeps others waiting."""
WAITING = ("queued", "sending")
AT_ONCE = 100
"""How many waiting messages of one lane are read together."""
LEFT_THE_LANE = 10
"""How far back the message that was last sent is looked for."""


class Lane:
    """Works on the `lane` rows of `due`."""

    def __init__(
        self, store: Store, runtimes: Runtimes, sender: Sender, reconciler: Reconciler, clock: Clock, recent: Recent
    ) -> None:
        self._recent = recent
        self._store = store
        self._runtimes = runtimes
        self._sender = sender
        self._reconciler = reconciler
        self._clock = clock

    async def process(self, due: Due) -> Outcome:
        """Send what may go now, in order."""
        outcome = await work_on(
            due,
            "outbox",
            self._send_in_order,
            store=self._store,
            runtimes=self._runtimes,
            clock=self._clock,
            recent=self._recent,
        )
        if not isinstance(outcome, Taken):
            reached("outbox.released")
        return outcome

    async def _send_in_order(self, runtime: Runtime, repository: Repository, held: Held) -> Outcome:
        reached("outbox.leased")
        # What is queued after this was read has written the due row anew, which whoever ends the row finds out.
        waiting = await _waiting(repository, held.conversation.id)
        last_inbound_at = held.conversation.last_inbound_at
        kept: list[Message] = []
        passed: list[datetime] = []
        pair = PairPace(held)
        for message in waiting:
            wait = await self._one(runtime, repository, held, message, kept, pair)
            if wait is not None and not _lets_pass(message, wait, self._store.now()):
                return Again(min(wait, *passed)) if passed else Again(wait)
            passed += [wait] if wait is not None else []
        more = len(waiting) >= AT_ONCE and len(kept) + len(passed) < len(waiting)
        if await self._keep(held, bool(kept), last_inbound_at) or more:
            return Again(self._store.now())
        ends = [*passed, *(message.useful_until for message in kept if message.useful_until is not None)]
        return Again(min(ends)) if ends else Finished()

    async def _keep(self, held: Held, keeping: bool, last_inbound_at: datetime | None) -> bool:
        """Have the inbox look at the lane when the contact writes, if something waits for that; whether they just have."""

        def keep(current: Conversation) -> Mapping[str, Any]:
            wrote = current.last_inbound_at != last_inbound_at
            return {} if wrote or current.awaits_contact == keeping else {"awaits_contact": keeping}

        if keeping or held.conversation.awaits_contact:
            await held.change(keep)
        return keeping and held.conversation.last_inbound_at != last_inbound_at

    async def _one(
        self,
        runtime: Runtime,
        repository: Repository,
        held: Held,
        message: Message,
        kept: list[Message],
        pair: PairPace,
    ) -> datetime | None:
        """Bring the head of the lane to an end, or say when to look again. What waits for the contact to write is *kept*,
        and lets pass what can go."""
        now = self._store.now()
        if message.state == "sending":
            return await self._reconciler.settle(runtime, repository, held, message)
        if held.conversation.merged_into:
            await self._pass_on(runtime.tenant.id, repository, message)
            return None
        # What the conversation forbids is seen here; whatever forbids it now, right before the attempt (sending.py).
        decision = decide(message, held.conversation, None, window_of(runtime, held.conversation.channel), now)
        if decision.verdict == "refuse":
            stop = gates.stop(decision)
            changes = {"state": stop.state, "error": stop.error}
            if not await record.change(repository, self._store, runtime.tenant.id, message, **changes):
                return now  # somebody else moved it, perhaps to before what follows here
            log.info("message_left_lane", message=message.id, state=stop.state, reason=stop.error)
            return None
        if gates.overtakes(message, held.conversation.last_commit):
            return now + gates.COMMIT_PAUSE
        if decision.verdict == "hold":
            kept.append(message)
            if message.error != decision.reason:
                await repository.update(MESSAGES, message, error=decision.reason)
            return None
        if message.not_before is not None and message.not_before > now:
            return message.not_before
        if (after := await _previous_settles(repository, message)) is not None and after > now:
            return after
        return await self._sender.send(runtime, repository, held, message, pair)

    async def _pass_on(self, tenant: str, repository: Repository, message: Message) -> None:
        """Its conversation is a part of another one by now, whose lane sends it, by what is known of the contact there."""
        kept = await leases.change_kept(
            repository, message.conversation, lambda current: {"outbox_seq": current.outbox_seq + 1}
        )
        now = self._store.now()
        # The row first: as in put.py.
        await self._store.due.put("lane", tenant, kept.id, now + SOON)
        await repository.update(MESSAGES, message, **at_place(message, kept, kept.outbox_seq))
        await self._store.due.put("lane", tenant, kept.id, now)


def _lets_pass(message: Message, wait: datetime, now: datetime) -> bool:
    """Whether what comes after *message* goes before it: it has been late once, and an answer is not to be, for hours."""
    return message.again_of != "" and wait == message.not_before and wait - now > LONGEST_FOR_OTHERS


async def _previous_settles(repository: Repository, message: Message) -> datetime | None:
    """Until when the message sent before this one may still be overtaken; None: it cannot."""
    where = {"conversation": message.conversation, "direction": "outbound", "place": Between(1, message.place)}
    for limit in (1, LEFT_THE_LANE):
        before = await repository.find(MESSAGES, where, order_by="place", descending=True, limit=limit)
        # Between the two there may be some that left the lane unsent.
        sent = next((earlier for earlier in before if earlier.accepted_at is not None), None)
        if sent is not None or len(before) < limit:
            break
    if sent is None or sent.state != "accepted" or sent.accepted_at is None:
        return None
    return sent.accepted_at + AFTER_ACCEPTED


async def _waiting(repository: Repository, conversation: str) -> list[Message]:
    """What is in the lane, by place."""
    found = await repository.find(
        MESSAGES,
        {"conversation": conversation, "direction": "outbound", "state": In(WAITING)},
        order_by="at",
        limit=AT_ONCE,
    )
    return sorted(found, key=lambda message: message.place)
