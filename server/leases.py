"""The two locks of a conversation, `turn` and `lane`, kept in the conversation itself, by the store's time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Literal

import structlog

from .clock import Clock
from .model import Conversation, Lease
from .store import Repository, Store, StoreError, Update, Write
from .store.codec import changed_copy
from .store.collections import CONVERSATIONS
from .tasks import Owner

log = structlog.get_logger(__name__)

LeaseName = Literal["turn", "lane"]
Decide = Callable[[Conversation], Mapping[str, Any]]

RELEASE_SECONDS = 1.0
"""What giving a lease back after an error may take; else it runs out by itself."""


def _nothing(_: Conversation) -> Mapping[str, Any]:
    return {}


class LeaseLost(Exception):
    """Somebody else holds the conversation now (we were too slow, or frozen): stop, write nothing more."""


class ConversationGone(Exception):
    """The conversation was erased."""


async def change(repository: Repository, id: str, decide: Decide, known: Conversation | None = None) -> Conversation:
    """Compare-and-set on a conversation: read, let *decide* give the changes (or raise), write, on conflict again.

    No changes: nothing is written. *known*: as it probably still is; saves the first reading if there is something to
    write, which then shows whether it was so. Raises ConversationGone.
    """
    if known is not None and (changes := decide(known)):
        changed = await repository.update(CONVERSATIONS, known, **changes)
        if changed is not None:
            return changed
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


async def change_kept(repository: Repository, id: str, decide: Decide) -> Conversation:
    """Like `change`, on the conversation that *id* became a part of, if it did: also while it does."""
    while True:
        changed = await change(repository, id, lambda current: {} if current.merged_into else decide(current))
        if not changed.merged_into:
            return changed
        id = changed.merged_into


class Held:
    """A lease in hand."""

    def __init__(
        self,
        repository: Repository,
        store: Store,
        clock: Clock,
        name: LeaseName,
        seconds: float,
        held: Conversation,
        saw: Callable[[Conversation], object] = _nothing,
    ) -> None:
        self._repository = repository
        self._store = store
        self._clock = clock
        self._field = f"{name}_lease"
        self._seconds = seconds
        self._closing: Decide = _nothing
        self._saw = saw
        self.conversation = held
        """As it was when it was last read or written under the lease."""
        saw(held)

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
        changed = await change(self._repository, self.conversation.id, self._guarded(decide), self.conversation)
        self._know(changed)
        return changed

    async def change_after(self, writes: Sequence[Write], decide: Decide) -> int:
        """*writes* and then the change, in one call of the store; how many took, the change counted as the last.

        What *decide* raises is raised before anything is written. If only the change did not take, the conversation is
        another one by now: `change` reads it and asks again.
        """
        known = self.conversation
        changes = self._guarded(decide)(known)
        took = await self._repository.write(*writes, Update(CONVERSATIONS, known, changes))
        if took > len(writes):
            self._know(changed_copy(known, changes))
        return took

    def at_release(self, decide: Decide) -> None:
        """What is written when the lease is given back, in the same write."""
        self._closing = decide

    async def release(self) -> None:
        """Give the conversation free for whoever comes next."""
        closing = self._closing
        await self.change(lambda conversation: {**closing(conversation), self._field: None})

    def _guarded(self, decide: Decide) -> Decide:
        token = self.lease.token

        def guarded(conversation: Conversation) -> Mapping[str, Any]:
            lease: Lease | None = getattr(conversation, self._field)
            if lease is None or lease.token != token:
                raise LeaseLost(conversation.id)
            return decide(conversation)

        return guarded

    def _know(self, conversation: Conversation) -> None:
        # The renewer changes it, too: whoever is told of its change last need not hold the newest.
        if conversation.version > self.conversation.version:
            self.conversation = conversation
            self._saw(conversation)

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """The lease is renewed at a third for as long as this is open. When it is lost, what runs inside is cancelled,
        and LeaseLost raised. After an error inside, the lease is released; otherwise that is the caller's last step."""
        renewers = Owner("lease")
        try:
            async with asyncio.timeout(None) as scope:
                # A timer and not a task: most turns and sends end before it rings.
                timer = self._clock.call_later(
                    self._seconds / 3, lambda: renewers.start(self._renew(scope), f"renew {self._field}")
                )
                try:
                    yield
                finally:
                    timer.cancel()
                    await renewers.drain(0)
        except BaseException as err:
            # Whoever comes next need not wait for the lease to run out; but a store that hangs must not hold up a stop.
            with suppress(StoreError, LeaseLost, ConversationGone, TimeoutError):
                async with asyncio.timeout(RELEASE_SECONDS):
                    await self.release()
            if isinstance(err, TimeoutError) and scope.expired():
                raise LeaseLost(self.conversation.id) from err
            raise

    def _extended(self, conversation: Conversation) -> Mapping[str, Any]:
        until = self._store.now() + timedelta(seconds=self._seconds)
        return {self._field: Lease(token=self.lease.token, until=until)}

    async def _renew(self, scope: asyncio.Timeout) -> None:
        """Renew until cancelled, or until somebody else has the lease. A store that is away is tried again."""
        while True:
            try:
                await self.change(self._extended)
                pause = self._seconds / 3
            except StoreError as err:
                log.warning("store_away", reason=str(err), kind="lease")
                pause = self._seconds / 12
            except (LeaseLost, ConversationGone):
                scope.reschedule(0.0)
                return
            await self._clock.sleep(pause)


async def acquire(
    repository: Repository,
    store: Store,
    clock: Clock,
    id: str,
    name: LeaseName,
    seconds: float,
    *,
    known: Conversation | None = None,
    saw: Callable[[Conversation], object] = _nothing,
) -> Held | None:
    """Take the lease if it is free or has run out; None if somebody holds it. Raises ConversationGone.

    *known*: the conversation as it probably still is, which saves reading it. *saw* is told of it whenever it was read or
    written under the lease.
    """
    field = f"{name}_lease"
    token = secrets.token_hex(16)

    def take(conversation: Conversation) -> Mapping[str, Any]:
        lease: Lease | None = getattr(conversation, field)
        now = store.now()
        if lease is not None and lease.until > now:
            return {}
        return {field: Lease(token=token, until=now + timedelta(seconds=seconds))}

    conversation = await change(repository, id, take, known)
    lease = getattr(conversation, field)
    if lease is None or lease.token != token:
        return None
    return Held(repository, store, clock, name, seconds, conversation, saw)


@asynccontextmanager
async def released(held: Held) -> AsyncIterator[Held]:
    """Give the lease back at the end of the block, if it is still there."""
    try:
        yield held
    finally:
        with suppress(LeaseLost, ConversationGone):
            await held.release()
