"""What has changed of a contact is noted for every plugin that pushes it to another system: once, however often it changes.

A note (Sync) is on disk before its line is woken; `pushing_line` works a line off. Noting costs a tenant without such a
plugin nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .. import core_tasks, dispatch
from ..breaker import Breaker
from ..clock import Clock, milliseconds
from ..model import Conversation, Message
from ..pushes import KINDS, PushKind
from ..queue import Queue, Wake
from ..records import Appointment, Change
from ..registry import PluginType
from ..runtime import TenantPlugins
from ..scheduling import schedule_writes
from ..step import Running
from ..store import PutDue, Repository, Store, Update
from ..store.collections import SYNCS, TASKS
from ..stored_syncs import Sync

TOGETHER = timedelta(seconds=2)
"""A line is looked at so long after the first contact in it is ripe: those that follow at once go in one call with it."""
SECONDS = 10.0
"""To note a change, before it counts as not told and is told again."""
_LABEL = f"{core_tasks.CORE}.push"
"""Beside the outbound webhooks, which are told of the same events in the core's name: each is told by itself."""

_OF_HOOKS: Mapping[str, tuple[PushKind, ...]] = {
    "on_message": ("contact", "activity"),
    "on_turn_committed": ("contact", "activity"),
    "on_lead_changed": ("contact", "deal"),
    "on_appointment_changed": ("contact", "deal"),
    "on_contact_merged": KINDS,
}
"""Which event changes what."""


@dataclass(frozen=True, slots=True)
class Pusher:
    """A plugin of a tenant that pushes."""

    name: str
    kinds: tuple[PushKind, ...]
    after: float
    """Seconds that gather changes."""


def sync_id(plugin: str, contact: str) -> str:
    return f"{plugin}.{contact}"


def kinds_of(plugin: PluginType) -> tuple[PushKind, ...]:
    """What it pushes; of one that is no CRM, nothing."""
    return tuple(kind for kind in KINDS if f"push_{kind}" in plugin.hooks)


class Pushing:
    """Of any tenant."""

    def __init__(
        self, store: Store, queue: Queue, declared: Callable[[], Mapping[str, TenantPlugins]], clock: Clock
    ) -> None:
        self._store = store
        self._queue = queue
        self._declared = declared
        self._clock = clock
        self._known: dict[str, tuple[Pusher, ...]] = {}
        self._hooks: dict[tuple[str, str], dispatch.BoundHook] = {}

    def adopted(self) -> None:
        """Tenants have changed: who pushes is looked up anew."""
        self._known.clear()
        self._hooks.clear()

    def pushers(self, tenant: str) -> tuple[Pusher, ...]:
        """The tenant's plugins that push something."""
        if tenant not in self._known:
            declared = self._declared()
            plugins = declared[tenant].plugins if tenant in declared else ()
            self._known[tenant] = tuple(
                Pusher(kind.name, kinds, float(getattr(settings, "push_after", kind.cls.push_after)))
                for kind, settings in plugins
                if (kinds := kinds_of(kind))
            )
        return self._known[tenant]

    def hook(self, tenant: str, name: str) -> tuple[dispatch.BoundHook, ...]:
        """What hears of an event beside the plugins: nothing unless one of the tenant's pushes."""
        if name not in _OF_HOOKS or not self.pushers(tenant):
            return ()
        if (tenant, name) not in self._hooks:
            arguments = {
                "on_lead_changed": ("conversation", "change"),
                "on_appointment_changed": ("conversation", "appointment", "change"),
                "on_contact_merged": ("conversation", "merged"),
            }
            self._hooks[tenant, name] = dispatch.BoundHook(
                Running(tenant, _LABEL, name),
                _for(tenant, name, self._heard),
                arguments.get(name, ("conversation",)),
                SECONDS,
                Breaker(self._clock),
            )
        return (self._hooks[tenant, name],)

    async def sent(self, tenant: str, message: Message) -> None:
        """Called before it is written that the provider has taken *message*."""
        if self.pushers(tenant):
            await self.want(tenant, message.conversation, "activity")

    async def _heard(
        self,
        tenant: str,
        name: str,
        conversation: Conversation,
        change: Change | None = None,
        merged: str = "",
        appointment: Appointment | None = None,
    ) -> None:
        if merged:
            await self._forget(tenant, merged)
        await self.want(tenant, conversation.contact, *_OF_HOOKS[name], but=change.by if change is not None else "")

    async def want(self, tenant: str, contact: str, *kinds: PushKind, but: str = "", now: bool = False) -> None:
        """Have these *kinds* of the contact pushed, after a while that gathers changes, or *now*.

        *but*: `plugin:NAME` of who made the change: what came from its vendor does not go back there. Raises StoreError.
        """
        for pusher in self.pushers(tenant):
            wanted = [kind for kind in kinds if kind in pusher.kinds]
            if wanted and but != f"plugin:{pusher.name}":
                await self.want_of(tenant, pusher, contact, wanted, now=now)

    async def want_of(
        self, tenant: str, pusher: Pusher, contact: str, kinds: Sequence[str], *, now: bool = False
    ) -> None:
        """The same for one plugin."""
        repository, plugin = self._store.for_tenant(tenant), pusher.name
        moment = self._store.now()
        at = moment if now else milliseconds(moment + timedelta(seconds=pusher.after))
        while True:
            known = await repository.get(SYNCS, sync_id(plugin, contact))
            if known is None:
                new = Sync(
                    id=sync_id(plugin, contact),
                    plugin=plugin,
                    contact=contact,
                    wanted=_sorted(kinds),
                    since=moment,
                    at=at,
                )
                if await repository.insert(SYNCS, new):
                    break
            else:
                changes = _wanting(known, kinds, moment, at, now=now)
                if not changes:
                    break
                if await repository.update(SYNCS, known, **changes) is not None:
                    break
        await self.wake_line(repository, tenant, plugin, at if now else at + TOGETHER, now=now)

    async def wake_line(
        self, repository: Repository, tenant: str, plugin: str, at: datetime, *, now: bool = False
    ) -> None:
        """Have the plugin's line looked at by *at*; one that waits because its vendor does not take anything goes on
        waiting, unless a person wants it *now*."""
        task = core_tasks.push(plugin, at)
        while True:
            known = await repository.get(TASKS, task.id)
            moment = self._store.now()
            if known is None:
                if await repository.write(*schedule_writes(tenant, task, moment)) > 1:
                    break
                continue
            waits = known.state == "waiting" and (known.at <= at or known.data.get("pause"))
            if waits and not now:
                return
            changes = {"at": at, "state": "waiting", "attempts": 0, "error": "", "data": task.data}
            if await repository.write(PutDue("task", tenant, task.id, at), Update(TASKS, known, changes)) == 2:
                break
        await self._queue.wake(Wake("task", tenant, task.id), (at - self._store.now()).total_seconds())

    async def _forget(self, tenant: str, contact: str) -> None:
        """Who is a part of somebody else now is pushed no more."""
        repository = self._store.for_tenant(tenant)
        for sync in await repository.find(SYNCS, {"contact": contact}):
            current: Sync | None = sync
            while current is not None and not await repository.delete(SYNCS, current):
                current = await repository.get(SYNCS, sync.id)


def _wanting(known: Sync, kinds: Sequence[str], moment: datetime, at: datetime, *, now: bool) -> dict[str, Any]:
    """What is to be changed so that *kinds* are pushed; nothing: they will be."""
    wanted = _sorted({*known.wanted, *kinds})
    if known.state != "pending":
        return {"state": "pending", "wanted": wanted, "since": moment, "at": at, "attempts": 0}
    if now:
        return {"wanted": wanted, "at": at}
    if wanted == known.wanted:
        return {}
    # One that waits already keeps its time; after what is under way, the changes gather anew.
    return {"wanted": wanted} if known.wanted else {"wanted": wanted, "at": max(at, known.at)}


def _sorted(kinds: Sequence[str] | set[str]) -> tuple[str, ...]:
    return tuple(kind for kind in KINDS if kind in kinds)


def _for(tenant: str, name: str, call: Any) -> Any:
    async def heard(**event: Any) -> None:
        await call(tenant, name, **event)

    return heard


def both(*hooks: Callable[[str, str], tuple[dispatch.BoundHook, ...]]) -> Callable[[str, str], Any]:
    """Who hears of an event beside the plugins, in this order."""

    def found(tenant: str, name: str) -> tuple[dispatch.BoundHook, ...]:
        return tuple(_each(hooks, tenant, name))

    return found


def _each(hooks: Sequence[Any], tenant: str, name: str) -> Iterator[dispatch.BoundHook]:
    for hook in hooks:
        yield from hook(tenant, name)
