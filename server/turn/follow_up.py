"""What is to be done after a commit and must not be forgotten: tasks with keys made from the turn, so once each."""

from __future__ import annotations

from datetime import datetime

from .. import core_tasks
from ..model import NOBODY, Commit, Conversation, Task
from ..runtime import Runtime
from ..store import Insert, PutDue, Write
from ..store.collections import TASKS


def follow_up_writes(runtime: Runtime, conversation: Conversation, commit: Commit, now: datetime) -> list[Write]:
    """The tasks that follow from a commit, and their due rows; writing them again changes nothing."""
    tasks: list[Task] = []
    if commit.state == "committed" and runtime.hook("on_turn_committed"):
        tasks.append(core_tasks.turn_committed(conversation, commit.turn, now))
    if conversation.owner == NOBODY:
        tasks += core_tasks.handed_off(runtime, conversation, now)
    writes: list[Write] = []
    for task in tasks:
        writes += [Insert(TASKS, task), PutDue("task", runtime.tenant.id, task.id, task.at)]
    return writes
