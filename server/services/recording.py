"""How records change: compare-and-set, once for each key, with what was before; and the plugins are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from .. import core_tasks
from ..crashpoints import reached
from ..queue import Queue, Wake
from ..records import KEPT, Appointment, Change, Lead
from ..runtime import Runtimes
from ..scheduling import schedule
from ..store import Collection, Repository, Store

R = TypeVar("R", Lead, Appointment)

HOOKS = {"leads": "on_lead_changed", "appointments": "on_appointment_changed"}
VOID_AFTER = timedelta(minutes=2)
"""A change that is not written so long after it was announced never will be: its process died before."""


class Conflict(Exception):
    """Somebody else has changed the record since it was read; `current` is how it is now."""

    def __init__(self, current: Lead | Appointment) -> None:
        super().__init__("somebody else has changed it meanwhile; look at it again")
        self.current = current


class Unknown(Exception):
    """The tenant has no such record, or no such contact."""


class Recorder:
    """Writes changes of one kind of record."""

    def __init__(
        self, store: Store, queue: Queue, runtimes: Callable[[], Runtimes], collection: Collection[Any]
    ) -> None:
        self._store = store
        self._queue = queue
        self._runtimes = runtimes
        self._collection = collection

    async def insert(self, tenant: str, record: R) -> R:
        """A new record, whose history has one change; the one that is there if its id is taken."""
        repository = self._store.for_tenant(tenant)
        await self._announce(tenant, repository, record.id, record.history[-1].key)
        reached("record.announced")
        if await repository.insert(self._collection, record):
            reached("record.written")
            return record
        there: R | None = await repository.get(self._collection, record.id)
        if there is None:
            raise Unknown(f"{record.id} was deleted meanwhile")
        return there

    async def change(
        self,
        tenant: str,
        id: str,
        key: str,
        by: str,
        what: str,
        cause: str,
        decide: Callable[[Any], Mapping[str, Any]],
        version: int | None,
    ) -> Any:
        """Set what *decide* says of the record as it is. A key that was written before, or no difference: nothing changes.

        Raises Unknown, Conflict (*version* is not that of the record any more).
        """
        repository = self._store.for_tenant(tenant)
        announced = False
        while (there := await repository.get(self._collection, id)) is not None:
            if any(each.key == key for each in there.history):
                return there
            if version is not None and there.version != version:
                raise Conflict(there)
            changes = {name: value for name, value in decide(there).items() if getattr(there, name) != value}
            if not changes:
                return there
            if not announced:
                await self._announce(tenant, repository, id, key)
                reached("record.announced")
                announced = True
            now = self._store.now()
            entry = self._entry(there, changes, Change(key=key, at=now, by=by, cause=cause, what=what))
            history = (*there.history, entry)[-KEPT:]
            changed = await repository.update(self._collection, there, **changes, history=history, changed_at=now)
            if changed is not None:
                reached("record.written")
                return changed
        raise Unknown(f"there is no {self._collection.name.removesuffix('s')} {id} at this tenant")

    def _entry(self, there: Any, changes: Mapping[str, Any], change: Change) -> Change:
        told = self._collection.adapter.dump_python(there, mode="json")
        after = self._collection.adapter.dump_python(replace(there, **changes), mode="json")
        plain = [name for name in changes if name != "evidence"]  # it has its own times, and stays
        return replace(change, before={n: told[n] for n in plain}, after={n: after[n] for n in plain})

    async def _announce(self, tenant: str, repository: Repository, id: str, key: str) -> None:
        """The plugins are told by a task that is on disk before the change; without the change it is void."""
        runtime = await self._runtimes().get(tenant)
        if not runtime.hook(HOOKS[self._collection.name]):
            return
        now = self._store.now()
        task = core_tasks.record_changed(self._collection.name, id, key, now)
        if await schedule(repository, tenant, task, now):
            await self._queue.wake(Wake("task", tenant, task.id))
