"""What is deleted of one contact, and in which order: what a crash leaves does not come back, and is not forgotten."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from .. import core_tasks, dispatch, merging
from ..channel import Outgoing
from ..clock import Clock
from ..crashpoints import reached
from ..errors import Refused, RetryLater
from ..media import MediaStore
from ..model import Conversation, Message, Task
from ..people import People
from ..runtime import Runtime
from ..store import Repository, Store
from ..store.collections import (
    APPOINTMENTS,
    CONSENTS,
    CONTACTS,
    CONVERSATIONS,
    DAYS,
    DELIVERIES,
    ERASED,
    ERASED_MESSAGES,
    FIGURE_CASES,
    IDENTITIES,
    LEADS,
    MESSAGES,
    NOTES,
    ONLOOKERS,
    PLUGIN_DATA,
    SUMMARIES,
    SYNCS,
    TASKS,
    TURNS,
    Collection,
)
from ..stored_erasures import Erased, ErasedMessage

PAGE = 100
AT_ONCE = 4
"""Messages that are deleted side by side: a provider takes a tenth of a second for each."""
UNBOUND = ("sending", "parked")
"""Outbound messages that the provider may have without our knowing its id."""


class Erasure:
    """One go at one contact, whose leases are held."""

    def __init__(
        self,
        store: Store,
        media: MediaStore,
        people: People,
        clock: Clock,
        runtime: Runtime,
        repository: Repository,
        task: Task,
        parts: tuple[str, ...],
        conversation: Conversation | None,
    ) -> None:
        self._store = store
        self._media = media
        self._people = people
        self._clock = clock
        self._runtime = runtime
        self._tenant = runtime.tenant.id
        self._repository = repository
        self._task = task
        self._parts = parts
        self._conversation = conversation
        self.deleted: Counter[str] = Counter()

    async def run(self, until: float) -> bool:
        """Delete everything but the conversations; False: the time (on clock.monotonic()) was over before."""
        await self._syncs()
        await self._tell_plugins()
        if not self._task.data.get("files"):
            await self._files()
            await self._tasks()
            await self._note(files=True)
        for part in self._parts:
            if not await self._messages(part, until):
                return False
        await self._tasks()
        await self.of_people()
        return True

    async def _note(self, **data: Any) -> None:
        """Keep how far it is."""
        current: Task | None = self._task
        while current is not None:
            changed = await self._repository.update(TASKS, current, data={**current.data, **data})
            if changed is not None:
                self._task = changed
                return
            current = await self._repository.get(TASKS, self._task.id)

    async def _syncs(self) -> None:
        """Before a plugin erases at its vendor: what is being pushed would come there after it. It ends by itself."""
        listed = {kind.name for kind, _ in self._runtime.declared.plugins}
        for part in self._parts:
            for sync in await self._repository.find(SYNCS, {"contact": part}):
                pushed = sync.under_way and sync.plugin in listed
                if pushed or not await self._repository.delete(SYNCS, sync):
                    raise RetryLater(f"{sync.plugin}: it is being pushed just now")

    async def _tell_plugins(self) -> None:
        """First, while they can still look things up. One that is not running is waited for."""
        contact = await self._repository.get(CONTACTS, self._parts[0])
        if contact is None:
            return  # told in an earlier go
        asked = ("erase_contact", "erase_message")
        for kind, _ in self._runtime.declared.plugins:
            if kind.name in self._runtime.troubles and any(hook in kind.hooks for hook in asked):
                raise RetryLater(f"{kind.name}: {self._runtime.troubles[kind.name]}")
        heard = list(self._task.data.get("heard", ()))
        for bound in self._runtime.hook("erase_contact"):
            if bound.label.plugin in heard:
                continue
            try:
                await dispatch.call(bound, conversation=self._conversation, contact=contact)
            except Refused as err:
                dispatch.passed_over(bound, err)
            heard.append(bound.label.plugin)
            await self._note(heard=heard)

    async def _files(self) -> None:
        """Delete the files that came or went with the messages, but those that somebody else's messages have, too: a file is
        kept once, by its content."""
        keys = {file.key for part in self._parts async for message in self._all(part) for file in message.media}
        keys.discard("")
        if keys:
            keys -= {key async for key in self._used_elsewhere(keys)}
        for key in sorted(keys):
            await self._media.delete(self._tenant, key)
            self.deleted["files"] += 1

    async def _used_elsewhere(self, keys: set[str]) -> AsyncIterator[str]:
        async for message in self._raw(MESSAGES):
            if message["conversation"] not in self._parts:
                for file in message.get("media") or ():
                    if file.get("key") in keys:
                        yield file["key"]
        async for document in self._raw(PLUGIN_DATA):
            for text in _texts(document):
                for key in keys:
                    if key in text:
                        yield key

    async def _raw(self, collection: Collection[Any]) -> AsyncIterator[Mapping[str, Any]]:
        """Every document of the tenant as JSON: what is looked for is in no index."""
        after = None
        while page := await self._store.bulk.page(collection, tenant=self._tenant, after=after):
            for stored in page:
                yield {"id": stored.id, **stored.fields}
            after = page[-1].place

    async def _all(self, part: str) -> AsyncIterator[Message]:
        after: Message | None = None
        where = {"conversation": part}
        while page := await self._repository.find(MESSAGES, where, order_by="at", limit=PAGE, after=after):
            for message in page:
                yield message
            after = page[-1]

    async def _tasks(self) -> None:
        """Delete what is to be done about the contact, and was: tasks name a conversation, a turn, a message, or a name."""
        ids = {message.id for part in self._parts async for message in self._all(part)}
        found = [task async for task in self._raw(TASKS) if self._concerns(task, ids) and task["id"] != self._task.id]
        for raw in found:
            task = await self._repository.get(TASKS, str(raw["id"]))
            while task is not None and not await self._without(task, ids):
                task = await self._repository.get(TASKS, task.id)

    def _concerns(self, task: Mapping[str, Any], ids: set[str]) -> bool:
        if task["plugin"] == core_tasks.CORE and task["name"] == core_tasks.ERASE:
            return False
        names = self._names()
        return any(
            text in ids or any(part in text for part in self._parts) or any(name in text for name in names)
            for text in _texts(task)
        )

    def _names(self) -> set[str]:
        known = self._conversation
        return {name for name in merging.names(known) if name} if known is not None else set()

    async def _without(self, task: Task, ids: set[str]) -> bool:
        """Take the contact out of *task*; False: it has changed since."""
        if task.plugin == core_tasks.CORE and task.name == core_tasks.ALERT:
            cases = task.data["cases"]
            kept = {case: about for case, about in cases.items() if case not in ids and about not in self._parts}
            return await self._repository.update(TASKS, task, data={**task.data, "cases": kept}) is not None
        if not await self._repository.delete(TASKS, task):
            return False
        await self._drop_due("task", task.id)
        self.deleted["tasks"] += 1
        return True

    async def _drop_due(self, kind: Any, ref: str) -> None:
        while (row := await self._store.due.get(kind, self._tenant, ref)) is not None:
            if await self._store.due.delete(row):
                return

    async def _messages(self, part: str, until: float) -> bool:
        while page := await self._repository.find(MESSAGES, {"conversation": part}, order_by="at", limit=PAGE):
            for start in range(0, len(page), AT_ONCE):
                await self._side_by_side(page[start : start + AT_ONCE])
                if self._clock.monotonic() >= until:
                    return False
        return True

    async def _side_by_side(self, messages: Sequence[Message]) -> None:
        """Raises what the first raised that could not be deleted; none is left under way then."""
        try:
            async with asyncio.TaskGroup() as group:
                for message in messages:
                    group.create_task(self._message(message))
        except BaseExceptionGroup as err:
            raise err.exceptions[0] from err

    async def _message(self, message: Message) -> None:
        """First what keeps it from coming back, then at the provider, then here."""
        known_by = message.id if message.direction == "inbound" else message.provider_id
        if known_by:
            mark = self._people.mark_of(self._tenant, known_by)
            await self._repository.insert(ERASED_MESSAGES, ErasedMessage(id=mark, at=self._store.now()))
        await self._at_provider(message)
        reached("erase.message")
        if await self._repository.delete(MESSAGES, message):
            self.deleted["messages"] += 1

    async def _at_provider(self, message: Message) -> None:
        channel = message.route.channel if message.route is not None else ""
        if not channel and self._conversation is not None:
            channel = self._conversation.channel
        for bound in self._runtime.hook("erase_message", channel):
            for id in await self._provider_ids(message, channel):
                try:
                    await dispatch.call(bound, message=replace(message, provider_id=id))
                except Refused as err:
                    # It never will, whoever asks: the rest is deleted all the same.
                    dispatch.passed_over(bound, err)

    async def _provider_ids(self, message: Message, channel: str) -> list[str]:
        """Its own; of one that may have been sent and has none, those of all that the provider has instead of it."""
        if message.provider_id:
            return [message.provider_id]
        route, since = message.route, message.intent_at
        if message.state not in UNBOUND or route is None or since is None:
            return []
        tried = Outgoing(
            id=message.id,
            external_id=route.external_id,
            address=route.address,
            kind=message.kind,
            text=message.text,
            template=message.template,
            data=message.data,
        )
        found = [one for one in await self._runtime.ask("find_sent", channel, message=tried, since=since)]
        return [one.provider_id for one in found if one.matches is not False]

    async def of_part(self, part: str) -> None:
        """Delete what a conversation has, the messages that are left included."""
        await self._messages(part, math.inf)
        of_part = {"conversation": part}
        of_collections = ((TURNS, "no"), (SUMMARIES, "until"), (NOTES, "at"), (ONLOOKERS, "name"), (FIGURE_CASES, "at"))
        for collection, order in of_collections:
            await self._delete(collection, of_part, order)
        await self._delete(DELIVERIES, of_part)
        for kind in ("turn", "lane"):
            await self._drop_due(kind, part)

    async def of_people(self) -> None:
        """Delete what hangs on conversation and contact, and these but the conversation."""
        for part in self._parts:
            await self.of_part(part)
        await remember(self._repository, self._people, self._tenant, self._parts, self._store.now())
        for part in self._parts[::-1]:
            for by in ("contact", "provider", "operator"):
                await self._delete(CONSENTS, {"contact": part, "by": by}, "at")
            await self._delete(IDENTITIES, {"contact": part})
            await self._delete(APPOINTMENTS, {"contact": part}, "starts_at")
            await self._delete(LEADS, {"id": part})
            await self._free(part)
            await self._delete(SYNCS, {"contact": part})
            contact = await self._repository.get(CONTACTS, part)
            while contact is not None and not await self._repository.delete(CONTACTS, contact):
                contact = await self._repository.get(CONTACTS, part)

    async def _free(self, part: str) -> None:
        """Whoever is erased keeps no time that others could have."""
        ids = [raw["id"] async for raw in self._raw(DAYS) if any(each["contact"] == part for each in raw["taken"])]
        for id in ids:
            while (day := await self._repository.get(DAYS, str(id))) is not None:
                taken = tuple(each for each in day.taken if each.contact != part)
                if not taken and await self._repository.delete(DAYS, day):
                    break
                if taken == day.taken or await self._repository.update(DAYS, day, taken=taken) is not None:
                    break

    async def _delete(self, collection: Collection[Any], where: Mapping[str, Any], order_by: str = "") -> None:
        while page := await self._repository.find(collection, where, order_by=order_by, limit=PAGE):
            for document in page:
                self.deleted[collection.name] += await self._repository.delete(collection, document)


async def remember(
    repository: Repository,
    people: People,
    tenant: str,
    parts: tuple[str, ...],
    now: datetime,
    *,
    again: bool = False,
) -> None:
    """Keep the hash of every name of a contact, with whether they want messages, and have no name lead to them any more.

    *again*: whoever comes under one of them from now on is somebody new.
    """
    names: set[tuple[str, str]] = set()
    for part in parts:
        if (known := await repository.get(CONVERSATIONS, part)) is not None:
            names |= {(known.channel, name) for name in merging.names(known)}
        found = await repository.find(IDENTITIES, {"contact": part}, limit=1000)
        names |= {(identity.channel, identity.external_id) for identity in found}
    contact = await repository.get(CONTACTS, parts[0])
    wish: dict[str, Any] = {}
    if contact is not None:
        wish = {name: getattr(contact, name) for name in ("opted_out", "opted_out_at", "opted_out_by")}
    for channel, name in sorted(names):
        if name:
            await _keep_hash(repository, people.id_of(tenant, channel, name), wish, now, again)
    for part in parts:
        for identity in await repository.find(IDENTITIES, {"contact": part}, limit=1000):
            await repository.delete(IDENTITIES, identity)


async def _keep_hash(repository: Repository, id: str, wish: Mapping[str, Any], now: datetime, again: bool) -> None:
    while not await repository.insert(ERASED, Erased(id=id, at=now, **wish)):
        known = await repository.get(ERASED, id)
        if known is None:
            continue
        changes = {**wish, **({"times": known.times + 1, "at": now} if again else {})}
        if all(getattr(known, name) == value for name, value in changes.items()):
            return
        if await repository.update(ERASED, known, **changes) is not None:
            return


def _texts(value: Any) -> Iterator[str]:
    """Every text in a document, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
