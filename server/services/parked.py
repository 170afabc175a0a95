"""What waits for a person: turns that nobody could answer, messages that may have been sent, words that did not arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .. import leases
from ..model import BOT, OPERATOR, Conversation, DueKind, Message
from ..outbox import again
from ..owner import passed_to
from ..queue import Queue, Wake
from ..scheduling import SOON
from ..store import In, Repository, Store
from ..store.collections import CONVERSATIONS, MESSAGES, TURNS
from .ownership import NotYours

PAGE = 100
"""Messages that are read together."""
SENT_TWICE = "the provider has two messages of it: a sender was frozen between its last look and its write"


@dataclass(frozen=True, slots=True)
class Parked:
    """One thing that waits (`turn`, `message`), or that a person has to know of: the contact did not get it
    (`undelivered`), or may have got it twice (`sent twice`). `id` is the turn's or message's."""

    id: str
    what: str
    conversation: str
    since: datetime
    reason: str
    channel: str = ""
    """Of a message, the channel that it went or was to go."""


class ParkedDesk:
    """Lists what is parked, and starts it again or dismisses it by hand."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue

    async def list(self, tenant: str, limit: int = 100) -> list[Parked]:
        """Oldest first."""
        repository = self._store.for_tenant(tenant)
        turns = await repository.find(TURNS, {"state": "parked"}, order_by="opened_at", limit=limit)
        messages = await repository.find(
            MESSAGES, {"direction": "outbound", "state": "parked"}, order_by="at", limit=limit
        )
        found = [Parked(t.id, "turn", t.conversation, t.closed_at or t.opened_at, t.reason) for t in turns]
        found += [Parked(m.id, "message", m.conversation, m.at, m.error, _channel(m)) for m in messages]
        twice = await repository.find(MESSAGES, {"possible_duplicate": True}, order_by="at", limit=limit)
        found += [Parked(m.id, "sent twice", m.conversation, m.at, SENT_TWICE) for m in twice]
        undelivered = await _undelivered(repository, limit)
        found += [Parked(m.id, "undelivered", m.conversation, m.at, m.error, _channel(m)) for m in undelivered]
        return sorted(found, key=lambda parked: parked.since)

    async def replay(self, tenant: str, id: str, *, take: bool = False, by: str = "") -> bool:
        """Answer a parked turn's messages after all, or send a parked message (again). False: nothing parked is called so.

        The conversation goes back to the bot for a turn; a person decided that a message was not sent. Raises NotYours if
        an operator answers it, unless it is to be taken from them (*take*). *by*: who does this, as in
        Passing.
        """
        repository = self._store.for_tenant(tenant)
        turn = await repository.get(TURNS, id)
        if turn is not None and turn.state == "parked":

            def to_bot(current: Conversation) -> Mapping[str, Any]:
                return self._to_bot(current, take, by)

            await self._refuse_if_theirs(repository, turn.conversation, to_bot)
            await self._look("turn", tenant, turn.conversation, SOON)
            await repository.update(TURNS, turn, parked_times=0)
            await leases.change(repository, turn.conversation, to_bot)
            await self._look("turn", tenant, turn.conversation)
            return True
        message = await repository.get(MESSAGES, id)
        if message is None or message.state != "parked":
            return False
        conversation = await repository.get(CONVERSATIONS, message.conversation)
        if conversation is None:
            return False
        now = self._store.now()
        await self._look("lane", tenant, message.conversation, SOON)
        changed = await repository.update(
            MESSAGES,
            message,
            state="queued",
            owner_epoch=conversation.owner_epoch,
            not_before=None,
            useful_until=now + (message.useful_until - message.at) if message.useful_until is not None else None,
            error="",
        )
        await self._look("lane", tenant, message.conversation)
        return changed is not None

    async def dismiss(self, tenant: str, id: str) -> bool:
        """Leave a message as it is, and list it no more. False: no message in the list is called so (a parked turn waits
        for its answer and cannot be dismissed)."""
        repository = self._store.for_tenant(tenant)
        while (message := await repository.get(MESSAGES, id)) is not None:
            changes: dict[str, object] = {"dismissed": True, "possible_duplicate": False}
            if message.state in ("parked", *again.UNDELIVERED):
                changes |= {"state": "withdrawn", "error": f"dismissed: {message.error}"}
            elif not message.possible_duplicate:
                return False
            if await repository.update(MESSAGES, message, **changes) is not None:
                return True
        return False

    async def _look(self, kind: DueKind, tenant: str, conversation: str, after: timedelta = timedelta()) -> None:
        await self._store.due.put(kind, tenant, conversation, self._store.now() + after)
        await self._queue.wake(Wake(kind, tenant, conversation), after.total_seconds())

    async def _refuse_if_theirs(self, repository: Repository, id: str, decide: leases.Decide) -> None:
        """Ask before anything is written; what changes until then is asked again."""
        if (conversation := await repository.get(CONVERSATIONS, id)) is not None:
            decide(conversation)

    def _to_bot(self, conversation: Conversation, take: bool, by: str) -> dict[str, object]:
        if conversation.owner == BOT:
            return {}
        if conversation.owner.startswith(OPERATOR) and not take:
            raise NotYours(f"{conversation.owner} answers conversation {conversation.id}")
        return passed_to(conversation, BOT, self._store.now(), by=by)


def _channel(message: Message) -> str:
    return message.route.channel if message.route is not None else ""


async def _undelivered(repository: Repository, limit: int) -> list[Message]:
    """What ended without reaching its contact, unless it was said again or a person has seen to it."""
    where = {"direction": "outbound", "state": In(again.UNDELIVERED)}
    found: list[Message] = []
    after: Message | None = None
    # Page by page: what was said again stays in its state, and must not hide what comes after it.
    while page := await repository.find(MESSAGES, where, order_by="at", limit=PAGE, after=after):
        found += await again.unheard(repository, page)
        after = page[-1]
        if len(found) >= limit or len(page) < PAGE:
            break
    return found[:limit]
