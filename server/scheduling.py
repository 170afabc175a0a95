"""How a task is put on disk: with the row that brings it back, in an order in which no crash loses it."""

from __future__ import annotations

from datetime import datetime, timedelta

from .model import Task
from .store import Insert, PutDue, Repository, Write
from .store.collections import TASKS

SOON = timedelta(seconds=5)
"""When a due row is looked at that is written before what it is for, if whoever wrote it died in between."""


def schedule_writes(tenant: str, task: Task, now: datetime) -> list[Write]:
    """The writes that schedule *task*, of which a process may get any first part done; *now* is the store's time.

    The row first: without its task it is nothing. Of a task that is there already nothing but the row is written, and
    whoever looks at the row too early moves it to the task's own time.
    """
    early, in_time = (PutDue("task", tenant, task.id, at) for at in (now + SOON, task.at))
    return [early, Insert(TASKS, task), in_time]


async def schedule(repository: Repository, tenant: str, task: Task, now: datetime) -> bool:
    """Schedule *task*; False: one with its id is there, which stays as it is, and has its row at its own time."""
    stored = await repository.get(TASKS, task.id)
    if stored is None:
        return await repository.write(*schedule_writes(tenant, task, now)) > 1
    if stored.state == "waiting":
        await repository.write(PutDue("task", tenant, task.id, stored.at))
    return False
