"""Tells operators of one cause once: what else comes of it is told together, after pauses that grow while it goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from . import core_tasks
from .clock import milliseconds
from .model import Task
from .runtime import Runtime
from .scheduling import schedule
from .store import PutDue, Repository, Store, Update
from .store.collections import TASKS
from .work import Again, Finished, Outcome

GATHER = timedelta(seconds=5)
"""A cause is told when it is so old: what happens to one often happens to many at once."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=1)
"""After it was told; each pause is twice as long as the one before. One that passes without news ends it."""
MOST = 100
"""So many cases of a cause are counted until it is told."""


async def alert(
    runtime: Runtime, repository: Repository, store: Store, title: str, text: str, *, case: str, conversation: str
) -> None:
    """Have the operators told that *case* (an id) met the cause that *title* and *text* name, if a plugin can tell them.

    The same case counts once until it is told. Raises StoreError.
    """
    if not runtime.hook("alert_operator"):
        return
    tenant, now = runtime.tenant.id, store.now()
    task = core_tasks.alert(title, text, {case: conversation}, FIRST_PAUSE, now + GATHER)
    while not await schedule(repository, tenant, task, now):
        known = await repository.get(TASKS, task.id)
        if known is None:
            continue
        changes = _joined(known, task)
        if not changes:
            return
        at = changes.get("at", known.at)
        if await repository.write(PutDue("task", tenant, task.id, at), Update(TASKS, known, changes)) > 1:
            return


def _joined(known: Task, task: Task) -> dict[str, Any]:
    """What the cause's task becomes with one case more."""
    if known.state != "waiting":  # it could not be told, ten times
        return {"state": "waiting", "at": task.at, "attempts": 0, "error": "", "data": task.data}
    cases = known.data["cases"]
    if task.data["cases"].keys() <= cases.keys() or len(cases) >= MOST:
        return {}
    return {"data": {**known.data, "cases": {**cases, **task.data["cases"]}}}


def event(task: Task) -> tuple[str, str]:
    """The title that the operators read, and the conversation that it is about; empty: more than one."""
    cases, title = task.data["cases"], str(task.data["title"])
    conversations = set(cases.values())
    about = conversations.pop() if len(conversations) == 1 else ""
    if len(cases) == 1:
        return title, about
    return f"{title} ({len(cases)} times{', or more' if len(cases) >= MOST else ''})", about


async def told(repository: Repository, store: Store, told: Task) -> Outcome:
    """Keep what came while it was told, for the end of the pause."""
    while (task := await repository.get(TASKS, told.id)) is not None:
        cases = {case: about for case, about in task.data["cases"].items() if case not in told.data["cases"]}
        pause = timedelta(seconds=task.data["pause"])
        at = milliseconds(store.now() + pause)
        data = {**task.data, "cases": cases, "heard": [], "pause": min(2 * pause, LONGEST_PAUSE).total_seconds()}
        if await repository.update(TASKS, task, at=at, attempts=0, error="", data=data) is not None:
            return Again(at)
    return Finished()


async def nothing_new(repository: Repository, store: Store, task: Task) -> Outcome:
    """A pause has passed without news: the cause is forgotten, and told at once when it comes up again."""
    return Finished() if await repository.delete(TASKS, task) else Again(store.now())
