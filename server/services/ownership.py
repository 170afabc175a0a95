"""Who answers a conversation: hand-off, take-over, writing as an operator, giving back, automatic return.

Every change raises `owner_epoch` in one compare-and-set, so that nothing the bot queued before it is sent after it, and a
turn that thinks meanwhile finds out at its commit.
"""

from __future__ import annotations

import sys
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from frontdesk.config import TenantConfig

from .. import core_tasks, leases
from ..events import types
from ..events.subscribers import Subscribers
from ..model import BOT, NOBODY, OPERATOR, Conversation, DueKind, Media, Message, MessageKind, Owner, Task, Template
from ..outbox.put import put
from ..outbox.record import outbound_id
from ..owner import passed_to
from ..people import followed
from ..plugin import Channel
from ..queue import Queue, Wake
from ..runtime import Runtimes
from ..scheduling import SOON, schedule
from ..store import Between, Repository, Store
from ..store.collections import CONVERSATIONS, MESSAGES
from ..turn.commit import mark_answered
from ..turn.split import parts

log = structlog.get_logger(__name__)


class NotYours(Exception):
    """Somebody else answers this conversation; says who, and what to do."""


class UnknownConversation(Exception):
    """The tenant has no such conversation."""


def operator(name: str) -> Owner:
    """The owner value of an operator."""
    return f"{OPERATOR}{name}"


class Ownership:
    """Changes of owner, for any tenant."""

    def __init__(self, store: Store, queue: Queue, runtimes: Runtimes, subscribers: Subscribers) -> None:
        self._subscribers = subscribers
        self._store = store
        self._queue = queue
        self._runtimes = runtimes

    async def hand_off(self, tenant: str, conversation: str, reason: str) -> Conversation:
        """The bot steps back and nobody answers until a person takes over, or the silence has lasted long enough."""
        changed = await self._change(tenant, conversation, NOBODY, reason)
        runtime = await self._runtimes.get(tenant)
        await self._schedule(tenant, *core_tasks.handed_off(runtime, changed, self._store.now()))
        return changed

    async def take(self, tenant: str, conversation: str, name: str) -> Conversation:
        """The operator answers from now on; what the bot was about to say is withdrawn."""
        now = self._store.now()

        def take_over(current: Conversation) -> Mapping[str, Any]:
            if current.owner == operator(name):
                return {"last_human_at": now}
            return passed_to(current, operator(name), now, by=operator(name))

        repository = self._store.for_tenant(tenant)
        # The way back is on disk before the take-over; for an epoch that does not come about it is void.
        expected = await self._changed(repository, conversation, lambda _: {})
        if expected.owner != operator(name):
            expected = replace(expected, owner_epoch=expected.owner_epoch + 1)
        await self._schedule(tenant, core_tasks.auto_return(self._config(tenant), expected, now))
        await self._announce(tenant, expected, types.CONVERSATION_TAKEN)
        changed = await self._changed(repository, conversation, take_over)
        if changed.owner_epoch != expected.owner_epoch:
            await self._schedule(tenant, core_tasks.auto_return(self._config(tenant), changed, now))
        await self._subscribers.owner_changed(tenant, changed)
        return changed

    async def _announce(self, tenant: str, expected: Conversation, type: str) -> None:
        """Before its owner is changed: who subscribes to that is told even if whoever changes it dies after it."""
        if self._subscribers.wants(tenant, type):
            await self._schedule(tenant, core_tasks.owner_changed(expected, self._store.now() + SOON))

    def _config(self, tenant: str) -> TenantConfig:
        """What the tenant declared; its plugins need not run for it."""
        return self._runtimes.declared[tenant].tenant

    async def say(
        self,
        tenant: str,
        conversation: str,
        name: str,
        text: str,
        *,
        key: str = "",
        file: Media | None = None,
        filename: str = "",
        template: Template | None = None,
    ) -> Message:
        """Write to the contact as the operator who owns the conversation. The same *key* is the same message.

        With *file*, kept already, *text* is what stands below it; with *template* it is what the contact sees of that.
        Raises NotYours unless the operator has taken the conversation.
        """
        text = unicodedata.normalize("NFC", text.strip())
        if not text and file is None:
            raise ValueError("there is nothing to say: the text is empty")
        repository = self._store.for_tenant(tenant)
        now = self._store.now()
        message = Message(
            id=outbound_id("op", key or uuid.uuid4().hex),
            conversation=conversation,
            direction="outbound",
            kind="template" if template is not None else kind_of_file(file),
            text=text,
            media=(file,) if file is not None else (),
            data={"filename": filename} if filename else {},
            template=template,
            author=operator(name),
            state="queued",
            useful_until=now + self._config(tenant).useful_for,
            at=now,
        )
        try:
            message, _ = await self.put_in_parts(tenant, message, lambda c: _speaks(c, name, now))
        except leases.ConversationGone as err:
            raise _unknown(conversation) from err
        await self._queue.wake(Wake("lane", tenant, conversation))
        await self._answered(repository, message, name)
        # What the bot had begun to answer, or could not, is done with.
        await self._look("turn", tenant, conversation)
        return message

    async def put_in_parts(
        self, tenant: str, message: Message, decide: leases.Decide = lambda _: {}
    ) -> tuple[Message, bool]:
        """`put` a *message*, one after the other in parts if it is a text that is longer than the tenant's channels take.

        The first of them, and whether it is new: repeated after a crash it writes those that are missing.
        """
        repository, texts = self._store.for_tenant(tenant), [message.text]
        if message.kind == "text" and message.template is None and len(message.text) > self._longest(tenant):
            texts = parts(message.text, self._longest(tenant))
        first, new = await put(repository, self._store, tenant, replace(message, text=texts[0]), decide)
        for number, text in enumerate(texts[1:], start=2):
            part = replace(message, id=f"{message.id}.{number}", text=text)
            await put(repository, self._store, tenant, part, decide)
        return first, new

    def _longest(self, tenant: str) -> int:
        declared = self._runtimes.declared.get(tenant)  # None: it was suspended meanwhile
        kinds = [kind.cls for kind, _ in declared.plugins] if declared is not None else []
        return min((kind.max_text for kind in kinds if issubclass(kind, Channel)), default=Channel.max_text)

    async def release(
        self, tenant: str, conversation: str, name: str = "", *, epoch: int | None = None
    ) -> Conversation:
        """Back to the bot; what came in and nobody answered is answered now. What the bot has already stays as it is.

        With *epoch*, the owner_epoch that whoever asks has seen, nothing is done once the owner has changed since.
        """
        repository = self._store.for_tenant(tenant)
        found = await followed(repository, conversation)
        if found is None:
            raise _unknown(conversation)
        if _stays(found, epoch):
            return found
        await self._look("turn", tenant, conversation, SOON)
        now = self._store.now()
        expected = replace(found, owner_epoch=found.owner_epoch + 1)
        await self._announce(tenant, expected, types.CONVERSATION_RELEASED)

        def give_back(current: Conversation) -> Mapping[str, Any]:
            return {} if _stays(current, epoch) else passed_to(current, BOT, now, by=_named(name))

        changed = await self._changed(repository, conversation, give_back)
        if changed.owner == BOT:
            log.info("given_back", tenant=tenant, conversation=conversation, by=name)
            await self._subscribers.owner_changed(tenant, changed)
        await self._look("turn", tenant, conversation)
        return changed

    async def return_after_silence(self, tenant: str, conversation: str, epoch: int) -> datetime | None:
        """The task `auto_return`: back to the bot unless the owner changed or a person acted since.

        None: there is nothing left to do; else when the silence will have lasted long enough.
        """
        pause = self._config(tenant).return_to_bot_after
        now = self._store.now()

        def silent_until(current: Conversation) -> datetime:
            return current.silent_since + pause

        def give_back(current: Conversation) -> Mapping[str, Any]:
            if current.owner == BOT or current.owner_epoch != epoch or silent_until(current) > now:
                return {}
            return passed_to(current, BOT, now)

        repository = self._store.for_tenant(tenant)
        changed = await self._changed(repository, conversation, give_back)
        if changed.owner != BOT:
            return silent_until(changed) if changed.owner_epoch == epoch else None
        if changed.owner_epoch == epoch + 1:
            await self._subscribers.owner_changed(tenant, changed)
            await self._look("turn", tenant, conversation)
        return None

    async def named(self, tenant: str, beginning: str) -> list[Conversation]:
        """The conversation with this id, else those whose id begins so; at most ten."""
        if not beginning:
            return []
        repository = self._store.for_tenant(tenant)
        exact = await followed(repository, beginning)
        last = beginning + chr(sys.maxunicode)
        found = [exact] if exact else await repository.find(CONVERSATIONS, {"id": Between(beginning, last)}, limit=10)
        return [conversation for conversation in found if not conversation.merged_into]

    async def list(self, tenant: str, owner: Owner = "", limit: int = 50) -> list[Conversation]:
        """Conversations, the newest message first; of one owner, or all."""
        where = {"owner": owner} if owner else {}
        found = await self._store.for_tenant(tenant).find(
            CONVERSATIONS, where, order_by="last_inbound_at", descending=True, limit=limit
        )
        return [conversation for conversation in found if not conversation.merged_into]

    async def _change(self, tenant: str, conversation: str, owner: Owner, reason: str = "") -> Conversation:
        now = self._store.now()
        return await self._changed(
            self._store.for_tenant(tenant),
            conversation,
            lambda current: passed_to(current, owner, now, reason=reason),
        )

    async def _changed(self, repository: Repository, id: str, decide: leases.Decide) -> Conversation:
        try:
            return await leases.change_kept(repository, id, decide)
        except leases.ConversationGone as err:
            raise _unknown(id) from err

    async def _schedule(self, tenant: str, *tasks: Task) -> None:
        for task in tasks:
            now = self._store.now()
            if await schedule(self._store.for_tenant(tenant), tenant, task, now):
                await self._queue.wake(Wake("task", tenant, task.id), (task.at - now).total_seconds())

    async def _look(self, kind: DueKind, tenant: str, conversation: str, after: timedelta = timedelta()) -> None:
        await self._store.due.put(kind, tenant, conversation, self._store.now() + after)
        await self._queue.wake(Wake(kind, tenant, conversation), after.total_seconds())

    async def _answered(self, repository: Repository, said: Message, name: str) -> None:
        """What was waiting when a person wrote has its answer: the bot will not answer it once more."""
        conversation = await repository.get(CONVERSATIONS, said.conversation)
        for part in conversation.parts if conversation is not None else ():
            where = {"conversation": part, "direction": "inbound", "state": "received"}
            for message in await repository.find(MESSAGES, where, order_by="at", limit=1000):
                if message.at <= said.at:
                    await mark_answered(repository, message.id, operator(name))


def kind_of_file(file: Media | None) -> MessageKind:
    """What a message is that carries it: WhatsApp shows pictures, sound and films as such, and all else as a document."""
    if file is None:
        return "text"
    kinds: Mapping[str, MessageKind] = {"image": "image", "audio": "voice", "video": "video"}
    return kinds.get(file.content_type.partition("/")[0], "document")


def _unknown(conversation: str) -> UnknownConversation:
    return UnknownConversation(f"there is no conversation {conversation} at this tenant")


def _named(name: str) -> str:
    """Who gives back: an operator, unless it says itself what it is (`plugin:NAME`) or is not told."""
    return name if not name or ":" in name else operator(name)


def _stays(conversation: Conversation, epoch: int | None) -> bool:
    """Whether a give-back leaves it as it is."""
    return conversation.owner == BOT or epoch not in (None, conversation.owner_epoch)


def _speaks(conversation: Conversation, name: str, now: datetime) -> Mapping[str, Any]:
    if conversation.owner != operator(name):
        raise NotYours(f"{conversation.owner} answers this conversation; take it first")
    return {"last_human_at": now, "unanswered_since": None}
