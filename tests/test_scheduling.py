"""A task that is scheduled is done once, wherever whoever schedules it dies."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

import pytest

from frontdesk import Plugin, hookimpl
from frontdesk.model import Task
from frontdesk.scheduling import SOON, schedule, schedule_writes
from frontdesk.store import PutDue
from frontdesk.store.collections import TASKS
from frontdesk.testing.death import Died
from frontdesk.testing.plugins import ScriptedModel

WRITES = 3


class Reminder(Plugin):
    """Keeps when its task was done; on the class, because a tenant that rests for an hour gets new instances."""

    ran: ClassVar[list[datetime]]

    @hookimpl
    async def run_task(self, task):
        self.ran.append(self.clock.now())


@pytest.fixture
def reminder():
    """A plugin whose tasks nobody else's test sees."""
    return type("Reminder", (Reminder,), {"ran": [], "__doc__": Reminder.__doc__})


@pytest.fixture
def start(desk, reminder):
    """`async with start() as server:` is a desk with that plugin."""
    return partial(desk, plugins={"model": ScriptedModel, "reminder": reminder})


def task_in(server, **after):
    at = server.server.store.now() + timedelta(**after)
    return Task(id="reminder/remind/k", plugin="reminder", name="remind", at=at)


async def ran(server, seconds=0.0):
    """When the task was done, *seconds* later."""
    server.clock.advance(seconds)
    await server.quiet()
    return list((await server.plugin("reminder")).ran)


@pytest.mark.parametrize("after", [timedelta(), timedelta(hours=1)])
@pytest.mark.parametrize("writes", range(WRITES))
async def test_what_is_on_disk_is_done_once_in_its_time_wherever_its_writer_died(start, dies_after, writes, after):
    async with start() as server:
        repository, now = server.repository(), server.server.store.now()
        task = task_in(server, seconds=after.total_seconds())
        with pytest.raises(Died):
            await schedule(dies_after(repository, writes), "clinic", task, now)
        assert await ran(server, SOON.total_seconds() + 1) == [] or not after
        times = await ran(server, after.total_seconds())
        stored = await repository.get(TASKS, task.id)
        assert len(times) == (1 if stored else 0) and all(at >= task.at for at in times)
        assert stored is None or stored.state == "done"
        # Whoever asked for it asks again, having got no answer.
        assert await schedule(repository, "clinic", task, now) is (stored is None)
        assert len(await ran(server, after.total_seconds())) == 1


async def test_scheduling_is_one_write_of_the_store_in_as_many_steps_as_may_be_died_between(start):
    async with start() as server:
        task, now = task_in(server, hours=1), server.server.store.now()
        writes = schedule_writes("clinic", task, now)
        assert len(writes) == WRITES == await server.repository().write(*writes)
        assert (await server.server.store.due.get("task", "clinic", task.id)).due_at == task.at


async def test_a_key_that_is_asked_for_again_later_keeps_its_time(start):
    async with start() as server:
        repository, first = server.repository(), task_in(server, seconds=100)
        assert await schedule(repository, "clinic", first, server.server.store.now())
        for _ in range(3):
            server.clock.advance(30)
            assert not await schedule(repository, "clinic", task_in(server, seconds=100), server.server.store.now())
        (at,) = await ran(server, 11)
        assert first.at <= at < first.at + timedelta(seconds=5)


async def test_who_comes_second_in_the_same_moment_leaves_the_row_where_it_is_found_in_time(start):
    async with start() as server:
        repository, now = server.repository(), server.server.store.now()
        first, second = task_in(server, seconds=20), task_in(server, days=7)
        for task in (first, second):
            await repository.write(*schedule_writes("clinic", task, now))
        (at,) = await ran(server, 25)
        assert at < first.at + timedelta(seconds=10)


async def test_a_task_that_lost_its_row_gets_it_back_and_one_that_is_done_gets_none(start):
    async with start() as server:
        repository, now = server.repository(), server.server.store.now()
        task = task_in(server, seconds=0)
        await repository.insert(TASKS, task)
        assert not await schedule(repository, "clinic", task, now)
        assert len(await ran(server, 1)) == 1
        assert not await schedule(repository, "clinic", task, now)
        assert await server.server.store.due.get("task", "clinic", task.id) is None


async def test_a_row_without_its_task_is_nothing(start):
    async with start() as server:
        await server.repository().write(PutDue("task", "clinic", "reminder/remind/k", server.server.store.now()))
        assert await ran(server, 1) == []
        assert await server.server.store.due.count() == 0
