"""How far contacts are at the systems they are pushed to: for screens and the API, with the ways to push on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .. import core_tasks
from ..auth import Audit, Principal
from ..model import Task
from ..store import Repository, Store
from ..store.collections import SYNCS, TASKS
from ..stored_syncs import Sync as Sync
from ..stored_syncs import SyncState as SyncState
from .pushing import Pushing


@dataclass(frozen=True, slots=True)
class Held:
    """A plugin whose line does not go on: what its vendor said, and when it is tried next."""

    plugin: str
    task: str
    reason: str
    since: datetime
    """When it was tried last."""


class SyncDesk:
    """Of any tenant."""

    def __init__(self, store: Store, pushing: Pushing, audit: Audit) -> None:
        self._store = store
        self._pushing = pushing
        self._audit = audit

    async def of(self, tenant: str, contact: str) -> list[Sync]:
        """Those of a contact, by plugin; of a plugin that is the tenant's now."""
        found = await self._store.for_tenant(tenant).find(SYNCS, {"contact": contact})
        listed = {pusher.name for pusher in self._pushing.pushers(tenant)}
        return sorted((each for each in found if each.plugin in listed), key=lambda each: each.plugin)

    async def in_state(self, tenant: str, state: SyncState, *, limit: int, after: Any = None) -> Sequence[Sync]:
        """Those in a state, by their time; the last first."""
        return await self._store.for_tenant(tenant).find(
            SYNCS, {"state": state}, order_by="at", descending=True, limit=limit, after=after
        )

    async def held(self, tenant: str) -> list[Held]:
        """The lines that wait because nothing is taken, and that a person should know of."""
        repository = self._store.for_tenant(tenant)
        tasks = [await self._line(repository, pusher.name) for pusher in self._pushing.pushers(tenant)]
        return [
            Held(task.data["plugin"], task.id, task.error, task.at)
            for task in tasks
            if task is not None and task.state == "waiting" and task.data.get("attention")
        ]

    async def push(self, tenant: str, who: Principal, plugin: str, contact: str) -> bool:
        """Push all of a contact now, whatever it is. False: the plugin pushes nothing."""
        pusher = next((each for each in self._pushing.pushers(tenant) if each.name == plugin), None)
        if pusher is None:
            return False
        await self._pushing.want_of(tenant, pusher, contact, pusher.kinds, now=True)
        await self._audit.wrote(tenant, who, "contact.pushed", contact, plugin=plugin)
        return True

    async def again(self, tenant: str, who: Principal, id: str) -> bool:
        """Push a failed contact (by the id of its Sync), or look at a held line (by its task's id). False: there is none."""
        repository = self._store.for_tenant(tenant)
        if (held := next((each for each in await self.held(tenant) if each.task == id), None)) is not None:
            await self._pushing.wake_line(repository, tenant, held.plugin, self._store.now(), now=True)
            await self._audit.wrote(tenant, who, "task.retried", id)
            return True
        sync = await repository.get(SYNCS, id)
        if sync is None or sync.state != "failed":
            return False
        return await self.push(tenant, who, sync.plugin, sync.contact)

    async def dismiss(self, tenant: str, id: str) -> bool:
        """Leave a failed one as it is, and list it no more; the next change is pushed. False: it is not failed."""
        repository = self._store.for_tenant(tenant)
        while (sync := await repository.get(SYNCS, id)) is not None and sync.state == "failed":
            changes = {"state": "synced", "wanted": (), "error": ""}
            if await repository.update(SYNCS, sync, **changes) is not None:
                return True
        return False

    async def _line(self, repository: Repository, plugin: str) -> Task | None:
        return await repository.get(TASKS, core_tasks.push(plugin, self._store.now()).id)
