"""Who answers a conversation: hand-off, take-over, writing as an operator, giving back, automatic return.

Every change raises `owner_epoch` in one compare-and-set, so that nothing the bot queued before it is sent after it, and a
turn that thinks meanwhile finds out at its commit.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Mapping
from typing import Any

from .. import core_tasks, leases
from ..model import BOT, NOBODY, Conversation, Message, Owner
from ..queue import Queue, Wake
from ..runtime import Runtimes
from ..store import Insert, PutDue, Repository, Store
from ..store.collections import CONVERSATIONS, MESSAGES, TASKS


class NotYours(Exception):
    """Somebody else answers this conversation; says who, and what to do."""


class UnknownConversation(Exception):
    """The tenant has no such conversation."""


def operator(name: str) -> Owner:
    """The owner value of an operator."""
    return f"operator:{name}"


class Ownership:
    """Changes of owner, for any tenant."""

    def __init__(self, store: Store, queue: Queue, runtimes: Runtimes) -> None:
        self._store = store
        self._queue = queue
        self._runtimes = runtimes

    async def hand_off(self, tenant: str, conversation: str, reason: str) -> Conversation:
        """The bot steps back and nobody answers until a person takes over, or the silence has lasted long enough."""
        changed = await self._change(tenant, conversation, NOBODY, handoff_reason=reason, last_human_at=None)
        runtime = await self._runtimes.get(tenant)
        await self._schedule(tenant, *core_tasks.handed_off(runtime, changed, self._store.now()))
        return changed

    async def take(self, tenant: str, conversation: str, name: str) -> Conversation:
        """The operator answers from now on; what the bot was about to say is withdrawn."""
        current = await self._get(tenant, conversation)
        if current.owner == operator(name):
            return current
        changed = await self._change(tenant, conversation, operator(name), last_human_at=self._store.now())
        runtime = await self._runtimes.get(tenant)
        await self._schedule(tenant, core_tasks.auto_return(runtime, changed, self._store.now()))
        return changed

    async def say(self, tenant: str, conversation: str, name: str, text: str, *, key: str = "") -> Message:
        """Write to the contact as the operator who owns the conversation. The same *key* is the same message.

        Raises NotYours unless the operator has taken the conversation.
        """
        text = unicodedata.normalize("NFC", text.strip())
        if not text:
            raise ValueError("there is nothing to say: the text is empty")
        repository = self._store.for_tenant(tenant)
        now = self._store.now()

        def allocate(current: Conversation) -> Mapping[str, Any]:
            if current.owner != operator(name):
                raise NotYours(f"{current.owner} answers this conversation; take it first")
            return {"outbox_seq": current.outbox_seq + 1, "last_human_at": now, "unanswered_since": None}

        id = f"op-{key or uuid.uuid4().hex}"
        if (said := await repository.get(MESSAGES, id)) is not None:
            await self._wake_lane(tenant, conversation)
            return said
        changed = await self._changed(repository, conversation, allocate)
        message = Message(
            id=id,
            conversation=conversation,
            direction="outbound",
            text=text,
            author=operator(name),
            state="queued",
            place=changed.outbox_seq,
            owner_epoch=changed.owner_epoch,
            at=now,
        )
        await repository.write(Insert(MESSAGES, message), PutDue("lane", tenant, conversation, now))
        await self._wake_lane(tenant, conversation)
        await self._answered(repository, conversation, name)
        return message

    async def release(self, tenant: str, conversation: str, name: str = "") -> Conversation:
        """Back to the bot; what came in and nobody answered is answered now."""
        changed = await self._change(tenant, conversation, BOT, handoff_reason="")
        await self._look_again(tenant, changed)
        return changed

    async def return_after_silence(self, tenant: str, conversation: str, epoch: int) -> bool:
        """The task `auto_return`: back to the bot unless the owner changed or a person acted since.

        False: a person acted; the caller schedules it again from then.
        """
        runtime = await self._runtimes.get(tenant)
        now = self._store.now()
        again = False

        def give_back(current: Conversation) -> Mapping[str, Any]:
            nonlocal again
            again = False
            if current.owner == BOT or current.owner_epoch != epoch:
                return {}
            since = current.last_human_at or current.owner_since or current.created_at
            if since + runtime.tenant.return_to_bot_after > now:
                again = True
                return {}
            return self._owned_by(current, BOT) | {"handoff_reason": ""}

        changed = await self._changed(self._store.for_tenant(tenant), conversation, give_back)
        if changed.owner == BOT and changed.owner_epoch == epoch + 1:
            await self._look_again(tenant, changed)
        return not again

    async def list(self, tenant: str, owner: Owner = "", limit: int = 50) -> list[Conversation]:
        """Conversations, the newest message first; of one owner, or all."""
        where = {"owner": owner} if owner else {}
        return await self._store.for_tenant(tenant).find(
            CONVERSATIONS, where, order_by="last_inbound_at", descending=True, limit=limit
        )

    async def _change(self, tenant: str, conversation: str, owner: Owner, **more: Any) -> Conversation:
        return await self._changed(
            self._store.for_tenant(tenant), conversation, lambda current: self._owned_by(current, owner) | more
        )

    def _owned_by(self, current: Conversation, owner: Owner) -> dict[str, Any]:
        epoch = current.owner_epoch + 1
        taken = {} if owner in (BOT, NOBODY) else {"taken_epoch": epoch}
        return {"owner": owner, "owner_epoch": epoch, "owner_since": self._store.now(), **taken}

    async def _changed(self, repository: Repository, id: str, decide: leases.Decide) -> Conversation:
        try:
            return await leases.change(repository, id, decide)
        except leases.ConversationGone as err:
            raise UnknownConversation(f"there is no conversation {id} at this tenant") from err

    async def _get(self, tenant: str, id: str) -> Conversation:
        conversation = await self._store.for_tenant(tenant).get(CONVERSATIONS, id)
        if conversation is None:
            raise UnknownConversation(f"there is no conversation {id} at this tenant")
        return conversation

    async def _schedule(self, tenant: str, *tasks: Any) -> None:
        for task in tasks:
            await self._store.for_tenant(tenant).write(Insert(TASKS, task))
            await self._store.due.put("task", tenant, task.id, task.at)
            await self._queue.wake(Wake("task", tenant, task.id), (task.at - self._store.now()).total_seconds())

    async def _look_again(self, tenant: str, conversation: Conversation) -> None:
        await self._store.due.put("turn", tenant, conversation.id, self._store.now())
        await self._queue.wake(Wake("turn", tenant, conversation.id))

    async def _wake_lane(self, tenant: str, conversation: str) -> None:
        await self._store.due.put("lane", tenant, conversation, self._store.now())
        await self._queue.wake(Wake("lane", tenant, conversation))

    async def _answered(self, repository: Repository, conversation: str, name: str) -> None:
        """What was waiting when a person wrote has its answer: the bot will not answer it once more."""
        waiting = await repository.find(
            MESSAGES, {"conversation": conversation, "direction": "inbound", "state": "received"}, order_by="at"
        )
        for message in waiting:
            await repository.update(MESSAGES, message, state="answered", turn=operator(name))
