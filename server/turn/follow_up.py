"""What is to be done after a commit and must not be forgotten: tasks with keys made from the turn, so once each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .. import core_tasks
from ..model import NOBODY, Commit, Conversation, Message, Task
from ..runtime import Runtime
from ..scheduling import schedule, schedule_writes
from ..store import Repository, Write


def follow_up_writes(runtime: Runtime, conversation: Conversation, commit: Commit, now: datetime) -> list[Write]:
    """The tasks that follow from a commit, and their due rows; writing them again changes nothing."""
    tasks: list[Task] = []
    if commit.state == "committed" and runtime.hook("on_turn_committed"):
        tasks.append(core_tasks.turn_committed(conversation, commit.turn, now))
    if commit.outgrown:
        tasks.append(core_tasks.summarise(conversation, commit.turn, now))
    if conversation.owner == NOBODY:
        tasks += core_tasks.handed_off(runtime, conversation, now)
    return [write for task in tasks for write in schedule_writes(runtime.tenant.id, task, now)]


async def schedule_wrote_on(
    runtime: Runtime, repository: Repository, conversation: Conversation, waiting: Sequence[Message], now: datetime
) -> None:
    """The tasks for who wrote on after a hand-off that nobody has taken up: to answer them, and to call once more."""
    since = conversation.owner_since
    if conversation.owner == NOBODY and since is not None and waiting and waiting[-1].at > since:
        for task in core_tasks.wrote_on(runtime, conversation, since, waiting[-1], now):
            await schedule(repository, runtime.tenant.id, task, now)
