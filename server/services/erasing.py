"""Erases one contact: what was said, done, remembered and planned under all their names, also at provider and plugins.

A task does it, so that it ends whatever dies; it may be begun again at any point. First the conversation is marked: from
then on it takes nothing in, sends nothing, and its turn in work ends without a word; whoever writes is somebody new. Then
all of it is deleted under its leases, the conversation last. What stays is a keyed hash of each name, with the wish for no
more messages, and of each message, so that a webhook or a list that brings one once more does not bring it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import structlog

from .. import blame, core_tasks, dispatch, leases
from ..clock import Clock, milliseconds
from ..crashpoints import reached
from ..errors import PluginError, RetryLater
from ..events.subscribers import Subscribers
from ..leases import ConversationGone, Held, LeaseLost, LeaseName
from ..media import MediaStore
from ..model import NOBODY, Conversation, Task
from ..owner import passed_to
from ..people import People
from ..runtime import Runtime, Runtimes
from ..scheduling import schedule
from ..store import Between, Repository, Store
from ..store.collections import CONTACTS, CONVERSATIONS, MESSAGES, TASKS
from .erasure import Erasure, remember

log = structlog.get_logger(__name__)

PAUSE = timedelta(seconds=1)
"""When to try again while a turn, a lane or a task is at work on the contact."""
LONGEST_PAUSE = timedelta(hours=1)
"""Between two attempts while a provider, a plugin or the media store does not do its part."""
SLICE = 20.0
"""Seconds of one go; what is left is for the next one."""


class UnknownContact(Exception):
    """The tenant has no such contact."""


class EraseDesk:
    """Of any tenant."""

    def __init__(
        self,
        store: Store,
        runtimes: Runtimes,
        media: MediaStore,
        people: People,
        clock: Clock,
        subscribers: Subscribers,
    ) -> None:
        self._subscribers = subscribers
        self._store = store
        self._runtimes = runtimes
        self._media = media
        self._people = people
        self._clock = clock

    async def begin(self, tenant: str, contact: str) -> Task:
        """The task that erases the contact with this id: when this returns, it will be done. Raises UnknownContact."""
        repository = self._store.for_tenant(tenant)
        known = await repository.get(CONVERSATIONS, contact)
        if known is None and await repository.get(CONTACTS, contact) is None:
            raise UnknownContact(f"there is no contact {contact} at {tenant}")
        now = self._store.now()
        task = core_tasks.erase(contact, now)
        await schedule(repository, tenant, task, now)
        return await repository.get(TASKS, task.id) or task

    async def step(self, tenant: str, task: Task) -> datetime | None:
        """One go beside a running server, which goes on if we do not. None: it is done; else when to go on."""
        repository = self._store.for_tenant(tenant)
        async with self._runtimes.use(tenant) as runtime:
            current = await repository.get(TASKS, task.id)
            if current is None or current.state != "waiting":
                return None
            return await self.go_on(runtime, repository, current)

    async def waiting(self, tenant: str) -> list[Task]:
        """The contacts of *tenant* that are being erased."""
        repository = self._store.for_tenant(tenant)
        tasks = await repository.find(TASKS, _due_by(self._store.now()), order_by="at", limit=1000)
        return [task for task in tasks if task.id.startswith(f"{core_tasks.CORE}/{core_tasks.ERASE}/")]

    async def left(self, tenant: str, contact: str) -> int:
        """How many messages of the contact are not deleted yet."""
        repository = self._store.for_tenant(tenant)
        conversation = await _root(repository, contact)
        parts = conversation.parts if conversation is not None else (contact,)
        return sum([await repository.count(MESSAGES, {"conversation": part}) for part in parts])

    async def go_on(self, runtime: Runtime, repository: Repository, task: Task) -> datetime | None:
        """Delete what a go has time for. None: nothing is left; else when to go on. It is never given up."""
        try:
            at = await self._go(runtime, repository, task)
        except (LeaseLost, ConversationGone):
            return self._soon()
        except (PluginError, dispatch.HookFailed, OSError) as err:
            return await self._later(repository, task, err)
        if at is None:
            await self._subscribers.erased(runtime.tenant.id, task.data["contact"])
        while at is None and (current := await repository.get(TASKS, task.id)) is not None:
            if await repository.update(TASKS, current, state="done", error="", data={}) is not None:
                break
        return at

    async def _go(self, runtime: Runtime, repository: Repository, task: Task) -> datetime | None:
        contact = task.data["contact"]
        root = await self._marked(runtime.tenant.id, repository, contact)
        if root is None:
            await self._erasure(runtime, repository, task, (contact,), None).of_people()
            return None
        if root.id != contact:
            # What it is a part of is deleted after it.
            noted = await repository.update(TASKS, task, data={**task.data, "contact": root.id})
            if noted is None:
                return self._store.now()
            task = noted
        reached("erase.marked")
        async with AsyncExitStack() as leased:
            held = await self._held(leased, runtime, repository, root)
            if held is None:
                return self._soon()
            current = held[0].conversation
            if current.merged_into or current.parts != root.parts:
                return self._store.now()  # it has been merged since it was marked: looked at again
            async with AsyncExitStack() as working:
                for each in held:
                    await working.enter_async_context(each.renewed())
                erasure = self._erasure(runtime, repository, task, current.parts, current)
                if not await erasure.run(self._clock.monotonic() + SLICE):
                    return self._store.now()
            reached("erase.emptied")
            for part in (*current.merged, current.id):
                # Whoever was at it without a lease (a summary, a message of a process that was slow) changes it after having
                # written: what came in is looked for once more, until nobody has.
                while (conversation := await repository.get(CONVERSATIONS, part)) is not None:
                    await erasure.of_part(part)
                    if await repository.delete(CONVERSATIONS, conversation):
                        break
        log.info("contact_erased", tenant=runtime.tenant.id, conversation=root.id, **erasure.deleted)
        return None

    def _erasure(
        self,
        runtime: Runtime,
        repository: Repository,
        task: Task,
        parts: tuple[str, ...],
        conversation: Conversation | None,
    ) -> Erasure:
        desk = (self._store, self._media, self._people, self._clock)
        return Erasure(*desk, runtime, repository, task, parts, conversation)

    async def _marked(self, tenant: str, repository: Repository, contact: str) -> Conversation | None:
        """The conversation that this contact's has become a part of, if any, as it is when it is marked."""
        root = await _root(repository, contact)
        if root is None or root.erased_at is not None:
            return root
        await self._with_others(tenant, repository, root)
        await remember(repository, self._people, tenant, root.parts, self._store.now(), again=True)
        now = self._store.now()

        def mark(current: Conversation) -> Mapping[str, Any]:
            if current.merged_into or current.erased_at is not None:
                return {}
            return {**passed_to(current, NOBODY, now), "erased_at": now}

        return await leases.change(repository, root.id, mark)

    async def _with_others(self, tenant: str, repository: Repository, root: Conversation) -> None:
        """Who has turned out to be the same person, and is not merged yet, is erased as well."""
        now = self._store.now()
        for task in await repository.find(TASKS, _due_by(now), order_by="at", limit=1000):
            if task.plugin == core_tasks.CORE and task.name == core_tasks.MERGE:
                both = set(task.data["conversations"])
                if both & set(root.parts):
                    for other in both - set(root.parts):
                        await schedule(repository, tenant, core_tasks.erase(other, now), now)

    async def _held(
        self, stack: AsyncExitStack, runtime: Runtime, repository: Repository, root: Conversation
    ) -> list[Held] | None:
        """Every lease of it and of its parts; None: somebody is at work."""
        wanted: list[tuple[str, LeaseName]] = [(root.id, "turn"), (root.id, "lane")]
        wanted += [(part, name) for part in root.merged for name in ("turn", "lane")]
        seconds = runtime.times.conversation_lease
        found: list[Held] = []
        for id, name in wanted:
            try:
                held = await leases.acquire(repository, self._store, self._clock, id, name, seconds)
            except ConversationGone:
                if id == root.id:
                    raise
                continue  # an earlier go has deleted this part
            if held is None:
                return None
            found.append(await stack.enter_async_context(leases.released(held)))
        return found

    def _soon(self) -> datetime:
        return milliseconds(self._store.now() + PAUSE)

    async def _later(self, repository: Repository, task: Task, error: Exception) -> datetime:
        current = await repository.get(TASKS, task.id) or task
        after = timedelta(seconds=2.0 ** min(current.attempts + 1, 12))
        if isinstance(error, RetryLater):
            after = max(after, timedelta(seconds=error.after))
        log.warning("contact_not_erased_yet", task=task.id, reason=blame.in_words(error))
        await repository.update(TASKS, current, attempts=current.attempts + 1, error=str(error))
        return milliseconds(self._store.now() + min(after, LONGEST_PAUSE))


def _due_by(now: datetime) -> Mapping[str, Any]:
    """Tasks whose time has come and that are not done: those of merging and erasing are among them until they are."""
    return {"state": "waiting", "at": Between(None, now + PAUSE)}


async def _root(repository: Repository, contact: str) -> Conversation | None:
    """The conversation of the contact, or the one that it became a part of, erased or not."""
    conversation = await repository.get(CONVERSATIONS, contact)
    while conversation is not None and conversation.merged_into:
        conversation = await repository.get(CONVERSATIONS, conversation.merged_into)
    return conversation
