"""Works off what has changed of a tenant's contacts for one plugin: in batches, contact before deal before activity.

One task of the core is one line: nobody else pushes for that plugin meanwhile, so a contact's pushes keep their order. A
vendor that takes nothing (RetryLater, NeedsAttention) holds the line up, and nothing is lost; one record that is refused
steps aside and waits for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from .. import alerts, dispatch
from ..clock import Clock, milliseconds
from ..errors import NeedsAttention, Refused, RetryLater
from ..model import Task
from ..pushes import KINDS, Pushed
from ..runtime import Runtime
from ..store import Between, Repository, Store
from ..store.collections import SYNCS, TASKS
from ..stored_syncs import Sync
from ..work import Again, Finished, Outcome
from . import pushing_content as content
from .pushing import TOGETHER, Pushing

log = structlog.get_logger(__name__)

SLICE = 20.0
"""Seconds of one go; what is left is for the next one."""
ATTEMPTS = 10
"""After which a record that might be taken later is not tried by itself any more."""
RETRY_CAP = 3600.0
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds of a line whose vendor wants a person to do something first; each pause is twice as long as the one before."""
NOT_RUNNING_PAUSE = timedelta(seconds=30)
RESTING = 30.0
"""Seconds that a plugin is left alone whose breaker is open."""
MILLISECOND = timedelta(milliseconds=1)


class _Held(Exception):
    """The line cannot go on for so many seconds; nothing was done."""

    def __init__(self, reason: str, after: float, *, attention: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
        self.attention = attention


class PushLine:
    """Of any tenant and plugin."""

    def __init__(self, store: Store, clock: Clock, pushing: Pushing) -> None:
        self._store = store
        self._clock = clock
        self._pushing = pushing

    async def go(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome:
        """The task `push`: push what is ripe."""
        plugin = task.data["plugin"]
        if plugin not in {kind.name for kind, _ in runtime.declared.plugins}:
            # It left the tenant's list. What waits is pushed when it comes back and something changes.
            return Finished() if await repository.delete(TASKS, task) else Again(self._store.now())
        if plugin not in runtime.plugins:
            return Again(self._store.now() + NOT_RUNNING_PAUSE)
        ends = self._clock.monotonic() + SLICE
        while ripe := await self._ripe(runtime, repository, plugin):
            try:
                await self._batch(runtime, repository, plugin, ripe)
            except _Held as held:
                return await self._hold(runtime, repository, task, held)
            task = await self._unheld(repository, task)
            if self._clock.monotonic() >= ends:
                return Again(self._store.now())
        return await self._rest(runtime, repository, task)

    async def _ripe(self, runtime: Runtime, repository: Repository, plugin: str) -> Sequence[Sync]:
        """The next batch, those that wait longest first; one that goes alone is a batch."""
        where = {"plugin": plugin, "state": "pending", "at": Between(None, self._store.now() + MILLISECOND)}
        most = type(runtime.plugins[plugin]).push_batch
        found = await repository.find(SYNCS, where, order_by="at", limit=most)
        if found and found[0].alone:
            return found[:1]
        return [each for each in found if not each.alone]

    async def _rest(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome:
        """Nothing is ripe: look again when something is; without anything the line ends."""
        plugin = task.data["plugin"]
        if (next_at := await self._next(repository, plugin)) is not None:
            next_at = max(next_at + TOGETHER, self._store.now())
            moved = await repository.update(TASKS, task, at=next_at, attempts=0, error="")
            return Again(next_at if moved is not None else self._store.now())
        if not await repository.delete(TASKS, task):
            return Again(self._store.now())
        if (next_at := await self._next(repository, plugin)) is not None:
            # Noted after we looked, by somebody who saw the line still there.
            await self._pushing.wake_line(repository, runtime.tenant.id, plugin, next_at + TOGETHER)
        return Finished()

    async def _next(self, repository: Repository, plugin: str) -> datetime | None:
        found = await repository.find(SYNCS, {"plugin": plugin, "state": "pending"}, order_by="at", limit=1)
        return found[0].at if found else None

    async def _hold(self, runtime: Runtime, repository: Repository, task: Task, held: _Held) -> Outcome:
        current = await repository.get(TASKS, task.id) or task
        pause = held.after
        if held.attention:
            pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * float(current.data.get("pause", 0))))
            plugin = task.data["plugin"]
            title = f"{plugin}: contacts cannot be pushed"
            await alerts.alert(runtime, repository, self._store, title, held.reason, case=plugin, conversation="")
        at = milliseconds(self._store.now() + timedelta(seconds=max(pause, 1.0)))
        data = {**current.data, "pause": pause, "attention": held.attention}
        await repository.update(TASKS, current, at=at, attempts=current.attempts + 1, error=held.reason, data=data)
        return Again(at)

    async def _unheld(self, repository: Repository, task: Task) -> Task:
        """Something was taken: the line goes on."""
        current = await repository.get(TASKS, task.id) or task
        if not current.error and not current.data.get("pause"):
            return current
        data = {"plugin": current.data["plugin"]}
        return await repository.update(TASKS, current, attempts=0, error="", data=data) or current

    async def _batch(self, runtime: Runtime, repository: Repository, plugin: str, syncs: Sequence[Sync]) -> None:
        """Push what is wanted of *syncs*. Raises _Held, with everything noted as far as it came."""
        batch = [each for sync in syncs if (each := await self._begun(repository, sync)) is not None]
        held: _Held | None = None
        try:
            for kind in KINDS:
                await self._kind(runtime, repository, plugin, kind, batch)
        except _Held as err:
            held = err
        for each in batch:
            await self._settle(repository, each, held)
        if held is not None:
            raise held

    async def _begun(self, repository: Repository, sync: Sync) -> content.Going | None:
        """None: there is nothing to push of it any more, or somebody changed the note: it is looked at again."""
        under_way = tuple(kind for kind in KINDS if kind in (*sync.under_way, *sync.wanted))
        if await content.read(repository, sync) is None:
            await repository.delete(SYNCS, sync)
            return None
        begun = await repository.update(SYNCS, sync, under_way=under_way, wanted=())
        # Read after it is noted that it is under way: an erasure that did not see this is seen.
        return await content.read(repository, begun) if begun is not None else None

    async def _kind(
        self, runtime: Runtime, repository: Repository, plugin: str, kind: str, batch: Sequence[content.Going]
    ) -> None:
        going = [each for each in batch if kind in each.left and each.stands]
        if not going:
            return
        pushes: dict[str, list[Any]] = {}
        for each in going:
            pushes[each.id] = await self._pushes(runtime, repository, kind, each)
        flat = [push for of_one in pushes.values() for push in of_one]
        size = type(runtime.plugins[plugin]).push_batch
        answered: dict[str, Pushed] = {}
        for start in range(0, len(flat), size):
            part = tuple(flat[start : start + size])
            names = {"contact": "contacts", "deal": "deals", "activity": "activities"}
            try:
                found = await runtime.ask(f"push_{kind}", plugin, **{names[kind]: part})
            except RetryLater as err:
                raise _Held(err.reason, err.after) from err
            except NeedsAttention as err:
                raise _Held(err.what, FIRST_PAUSE, attention=True) from err
            except (Refused, dispatch.HookFailed) as err:
                self._failed(going, err)
                return
            answered |= {each.id: each for each in found}
        for each in going:
            _take(each, kind, [answered.get(push.id) for push in pushes[each.id]])

    async def _pushes(self, runtime: Runtime, repository: Repository, kind: str, each: content.Going) -> list[Any]:
        if kind == "contact":
            return [content.contact_push(each)]
        if kind == "deal":
            return [await content.deal_push(repository, each)]
        return list(await content.activity_pushes(repository, each, runtime.tenant.zone))

    def _failed(self, going: Sequence[content.Going], error: Refused | dispatch.HookFailed) -> None:
        """A push that failed as a whole: of several each is tried alone, so that the one that spoils it is found."""
        if isinstance(error, dispatch.HookFailed) and not error.ran:
            raise _Held(error.reason, RESTING)
        for each in going:
            each.alone = len(going) > 1
            if len(going) == 1:
                each.error = error.reason
                each.later = None if isinstance(error, Refused) else _back_off(each.sync)

    async def _settle(self, repository: Repository, each: content.Going, held: _Held | None) -> None:
        """Write down what became of one; what has been noted meanwhile stays."""
        current: Sync | None = each.sync
        while current is not None:
            changes = self._outcome(each, current, held)
            if await repository.update(SYNCS, current, **changes) is not None:
                break
            current = await repository.get(SYNCS, each.sync.id)
        if each.error:
            log.warning("not_pushed", plugin=each.sync.plugin, conversation=each.id, again=each.later is not None)

    def _outcome(self, each: content.Going, current: Sync, held: _Held | None) -> Mapping[str, Any]:
        now = self._store.now()
        wanted = tuple(kind for kind in KINDS if kind in (*current.wanted, *each.left))
        changes: dict[str, Any] = {
            "under_way": (),
            "wanted": wanted,
            "references": each.references,
            "link": each.link,
            "told_until": each.told_until,
        }
        if each.alone and not each.error:
            return changes | {"state": "pending", "at": now, "alone": True}
        if each.error:
            attempts = current.attempts + 1
            if each.later is None or attempts >= ATTEMPTS:
                return changes | {"state": "failed", "at": now, "attempts": attempts, "error": each.error}
            at = milliseconds(now + timedelta(seconds=each.later))
            return changes | {"state": "pending", "at": at, "attempts": attempts, "error": each.error}
        if held is not None and each.left:
            return changes | {"state": "pending", "attempts": current.attempts + 1, "error": held.reason}
        changes |= {"attempts": 0, "error": "", "alone": False, "synced_at": now}
        if wanted:
            # `at` is of what was noted while this was under way.
            return changes | {"state": "pending", "since": now}
        return changes | {"state": "synced", "at": now}


def _take(each: content.Going, kind: str, answers: Sequence[Pushed | None]) -> None:
    """What the plugin said of one contact's pushes of one kind."""
    for answer in answers:
        if answer is None:
            each.error, each.later = "the plugin said nothing of it", _back_off(each.sync)
            return
        if answer.reference:
            each.references[kind] = answer.reference
        if kind == "contact" and answer.link:
            each.link = answer.link
        if answer.error:
            each.error, each.later = answer.error, _back_off(each.sync) if answer.again else None
            return
    if kind == "activity" and each.telling is not None:
        each.told_until = each.telling
    if not (kind == "activity" and each.more):
        each.left.remove(kind)


def _back_off(sync: Sync) -> float:
    return min(RETRY_CAP, 2.0 ** (sync.attempts + 1))
