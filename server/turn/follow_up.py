"""What is to be done after a commit and must not be forgotten: tasks with keys made from the turn, so once each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .. import core_tasks
from ..model import NOBODY, Commit, Conversation, Message, Task
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


def wrote_on_writes(
    runtime: Runtime, conversation: Conversation, waiting: Sequence[Message], now: datetime
) -> list[Write]:
    """The task of answering who wrote on after a hand-off that nobody has taken up; once in a hand-off."""
    since = conversation.owner_since
    if conversation.owner != NOBODY or since is None or not any(message.at > since for message in waiting):
        return []
    task = core_tasks.wrote_on(conversation, now)
    # The due row first: without its task it is nothing, and a second task is not written.
    return [PutDue("task", runtime.tenant.id, task.id, task.at), Insert(TASKS, task)]
