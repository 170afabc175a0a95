"""The two locks of a conversation, `turn` and `lane`, kept in the conversation itself, by the store's time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, Self

from .clock import Clock
from .model import Conversation, Lease
from .store import Repository, Store
from .store.collections import CONVERSATIONS

LeaseName = Literal["turn", "lane"]
Decide = Callable[[Conversation], Mapping[str, Any]]


class LeaseLost(Exception):
    """Somebody else holds the conversation now (we were too slow, or frozen): stop, write nothing more."""


class ConversationGone(Exception):
    """The conversation was erased."""


async def change(repository: Repository, id: str, decide: Decide) -> Conversation:
    """Compare-and-set on a conversation: read, let *decide* give the changes (or raise), write, on conflict again.

    No changes: nothing is written. Raises ConversationGone.
    """
    while True:
        conversation = await repository.get(CONVERSATIONS, id)
        if conversation is None:
            raise ConversationGone(id)
        changes = decide(conversation)
        if not changes:
            return conversation
        changed = await repository.update(CONVERSATIONS, conversation, **changes)
        if changed is not None:
            return changed


class Held:
    """A lease in hand. As a context manager it renews itself at a third, and raises LeaseLost inside when it is lost."""

    def __init__(
        self, repository: Repository, store: Store, clock: Clock, name: LeaseName, seconds: float, held: Conversation
    ) -> None:
        self._repository = repository
        self._store = store
        self._clock = clock
        self._field = f"{name}_lease"
        self._seconds = seconds
        self.conversation = held
        self._renewer: asyncio.Task[None] | None = None
        self._scope: asyncio.Timeout | None = None

    @property
    def lease(self) -> Lease:
        lease: Lease | None = getattr(self.conversation, self._field)
        if lease is None:
            raise LeaseLost(self.conversation.id)
        return lease

    def seconds_left(self) -> float:
        """How long the lease still holds, by the store's time."""
        return (self.lease.until - self._store.now()).total_seconds()

    async def change(self, decide: Decide) -> Conversation:
        """Like `change`, refusing (LeaseLost) as soon as the lease is not ours."""
        token = self.lease.token

        def guarded(conversation: Conversation) -> Mapping[str, Any]:
            lease: Lease | None = getattr(conversation, self._field)
            if lease is None or lease.token != token:
                raise LeaseLost(conversation.id)
            return decide(conversation)

        self.conversation = await change(self._repository, self.conversation.id, guarded)
        return self.conversation

    async def release(self) -> None:
        """Give the conversation free for whoever comes next."""
        await self.change(lambda _: {self._field: None})

    async def __aenter__(self) -> Self:
        self._scope = asyncio.timeout(None)
        await self._scope.__aenter__()
        self._renewer = asyncio.get_running_loop().create_task(self._renew(), name=f"renew {self._field}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._renewer is not None and self._scope is not None
        self._renewer.cancel()
        await asyncio.wait([self._renewer])
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError as err:
            raise LeaseLost(self.conversation.id) from err

    async def _renew(self) -> None:
        """Renew until cancelled. A store that is away is tried again; the lease then runs out by itself."""
        while True:
            await self._clock.sleep(self._seconds / 3)
            until = self._store.now() + timedelta(seconds=self._seconds)
            token = self.lease.token
            try:
                await self.change(lambda _, until=until, token=token: {self._field: Lease(token=token, until=until)})
            except (LeaseLost, ConversationGone):
                assert self._scope is not None
                self._scope.reschedule(0.0)
                return


async def acquire(
    repository: Repository, store: Store, clock: Clock, id: str, name: LeaseName, seconds: float
) -> Held | None:
    """Take the lease if it is free or has run out; None if somebody holds it. Raises ConversationGone."""
    field = f"{name}_lease"
    token = uuid.uuid4().hex

    def take(conversation: Conversation) -> Mapping[str, Any]:
        lease: Lease | None = getattr(conversation, field)
        now = store.now()
        if lease is not None and lease.until > now:
            return {}
        return {field: Lease(token=token, until=now + timedelta(seconds=seconds))}

    conversation = await change(repository, id, take)
    lease = getattr(conversation, field)
    if lease is None or lease.token != token:
        return None
    return Held(repository, store, clock, name, seconds, conversation)
