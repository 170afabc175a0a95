"""Tasks when they are due."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from frontdesk import NeedsAttention, Plugin, Refused, RetryLater, hookimpl
from frontdesk.inbox import inbound_id
from frontdesk.model import Task
from frontdesk.services import task_runner
from frontdesk.store.collections import CONVERSATIONS, TASKS
from frontdesk.testing.plugins import ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class Reminder(Plugin):
    """Does what its test says."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ran = []
        self.behaviour = None

    @hookimpl
    async def run_task(self, task):
        self.ran.append((task.id, self.clock.now()))
        if self.behaviour is not None:
            result = self.behaviour(task)
            if hasattr(result, "__await__"):
                await result
            return result if isinstance(result, datetime) else None
        return None


PLUGINS = {"model": ScriptedModel, "reminder": Reminder}


async def ended(server, id="reminder/remind/k", *states):
    async def it_has():
        task = await server.repository().get(TASKS, id)
        return task if task is not None and task.state in (states or ("done", "failed", "cancelled")) else None

    return await server.until(f"{id} ended", it_has)


async def test_a_task_runs_once_at_its_time(desk):
    async with desk(plugins=PLUGINS) as server:
        plugin = await server.plugin("reminder")
        at = server.clock.now() + timedelta(seconds=30)
        assert await plugin.tasks.schedule("remind", "k", at, {"what": "visit"})
        assert not await plugin.tasks.schedule("remind", "k", at)
        task = await ended(server)
        assert (task.state, task.data) == ("done", {"what": "visit"})
        ((_, ran_at),) = plugin.ran
        assert at <= ran_at < at + timedelta(seconds=2)
        await server.quiet()
        assert len(plugin.ran) == 1


async def test_a_task_that_says_when_is_done_again_then(desk, monkeypatch):
    monkeypatch.setattr(task_runner, "ATTEMPTS", 3)
    async with desk(plugins=PLUGINS) as server:
        plugin = await server.plugin("reminder")
        plugin.behaviour = lambda task: server.clock.now() + timedelta(seconds=20) if len(plugin.ran) < 5 else None
        await plugin.tasks.schedule("remind", "k", server.clock.now())
        task = await ended(server)
        assert (task.state, len(plugin.ran)) == ("done", 5), "given up after its attempts"
        times = [at for _, at in plugin.ran]
        assert all(later - earlier >= timedelta(seconds=20) for earlier, later in pairwise(times))


async def test_scheduling_a_key_again_does_not_move_it(desk):
    async with desk(plugins=PLUGINS) as server:
        plugin, now = await server.plugin("reminder"), server.clock.now()
        await plugin.tasks.schedule("remind", "k", now + timedelta(seconds=5))
        await plugin.tasks.schedule("remind", "k", now + timedelta(hours=5))
        await ended(server)
        assert plugin.ran[0][1] < now + timedelta(seconds=8)


async def test_a_task_survives_a_restart(desk):
    async with desk(plugins=PLUGINS) as server:
        clock, plugin = server.clock, await server.plugin("reminder")
        await plugin.tasks.schedule("remind", "k", clock.now() + timedelta(hours=3))
    clock.advance(3 * 3600)
    async with desk(plugins=PLUGINS, clock=clock) as server:
        await ended(server)
        assert len((await server.plugin("reminder")).ran) == 1


async def test_a_cancelled_task_does_not_run(desk):
    async with desk(plugins=PLUGINS) as server:
        plugin = await server.plugin("reminder")
        await plugin.tasks.schedule("remind", "k", server.clock.now() + timedelta(seconds=5))
        assert await plugin.tasks.cancel("remind", "k")
        assert not await plugin.tasks.cancel("remind", "k")
        server.clock.advance(10)
        await server.quiet()
        assert plugin.ran == [] and await server.server.store.due.count() == 0


async def test_retry_later_puts_it_off_and_a_broken_plugin_is_tried_with_growing_pauses(desk):
    async with desk(plugins=PLUGINS) as server:
        plugin = await server.plugin("reminder")

        def fail(task):
            if len(plugin.ran) == 1:
                raise RetryLater("busy", after=20.1234)
            if len(plugin.ran) < 4:
                raise ValueError("broken")

        plugin.behaviour = fail
        await plugin.tasks.schedule("remind", "k", server.clock.now())
        task = await ended(server)
        assert (task.state, task.attempts, task.error) == ("done", 4, "")
        times = [at for _, at in plugin.ran]
        pauses = [(later - earlier).total_seconds() for earlier, later in zip(times, times[1:], strict=False)]
        assert pauses[0] >= 20 and pauses[1] >= 4 and pauses[2] >= 8


@pytest.mark.parametrize("error", [Refused("no such visit"), NeedsAttention("sign in again")])
async def test_refused_and_needs_attention_end_it_as_failed(desk, error):
    async with desk(plugins=PLUGINS) as server:
        plugin = await server.plugin("reminder")

        def fail(task):
            raise error

        plugin.behaviour = fail
        await plugin.tasks.schedule("remind", "k", server.clock.now())
        task = await ended(server)
        assert (task.state, task.error) == ("failed", str(error)) and len(plugin.ran) == 1


async def test_it_is_given_up_after_its_attempts(desk, monkeypatch):
    monkeypatch.setattr(task_runner, "ATTEMPTS", 3)
    async with desk(plugins=PLUGINS) as server:
        plugin = await server.plugin("reminder")

        def fail(task):
            raise RetryLater("busy")

        plugin.behaviour = fail
        await plugin.tasks.schedule("remind", "k", server.clock.now())
        assert (await ended(server)).state == "failed" and len(plugin.ran) == 3


async def test_what_is_too_late_is_not_done(desk):
    async with desk(plugins=PLUGINS) as server:
        plugin, now = await server.plugin("reminder"), server.clock.now()
        later = now + timedelta(seconds=60)
        await plugin.tasks.schedule("remind", "k", now + timedelta(seconds=50), useful_until=later)
        server.clock.advance(61)
        task = await ended(server)
        assert task.state == "failed" and "too late" in task.error and plugin.ran == []


async def test_a_task_of_a_conversation_waits_for_its_turn(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, model, plugin = server.contact("Lan"), await server.plugin("model"), await server.plugin("reminder")
        gate, order = asyncio.Event(), []

        async def slow(request):
            await gate.wait()
            order.append("turn")
            return "answer"

        model.script, plugin.behaviour = [slow], lambda task: order.append("task")
        await lan.says("Hello.")

        async def thinking():
            return model.requests

        await server.until("the model thinks", thinking)
        await plugin.tasks.schedule("remind", "k", server.clock.now(), conversation=lan.id)

        async def put_off():
            row = await server.server.store.due.get("task", "clinic", "reminder/remind/k")
            return row is not None and row.due_at > server.clock.now() and server.server.worker.busy == 1

        await server.until("the task was put off", put_off)
        gate.set()
        await ended(server)
        assert order == ["turn", "task"]
        assert (await lan.conversation()).turn_lease is None


async def test_a_task_of_an_erased_conversation_is_done_with(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, plugin = server.contact("Lan"), await server.plugin("reminder")
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        await plugin.tasks.schedule("remind", "k", server.clock.now() + timedelta(seconds=3), conversation=lan.id)
        assert await server.repository().delete(CONVERSATIONS, await lan.conversation())
        assert (await ended(server)).state == "done" and plugin.ran == []


async def test_a_core_task_of_a_newer_release_fails_with_a_clear_word(desk):
    async with desk(plugins=PLUGINS) as server:
        task = Task(id="core/invented/k", plugin="core", name="invented", at=server.clock.now())
        assert await server.repository().insert(TASKS, task)
        await server.server.store.due.put("task", "clinic", task.id, task.at)
        assert "knows no task invented" in (await ended(server, task.id)).error


async def test_the_tasks_of_a_tenant_that_left_the_file_wait(desk):
    two = {"clinic": {}, "school": {}}
    async with desk(plugins=PLUGINS, tenants=two) as server:
        clock, plugin = server.clock, await server.plugin("reminder", "school")
        await plugin.tasks.schedule("remind", "k", clock.now() + timedelta(seconds=1))
    async with desk(plugins=PLUGINS, tenants={"clinic": {}}, clock=clock) as server:
        clock.advance(5)

        async def put_off():
            row = await server.server.store.due.get("task", "school", "reminder/remind/k")
            return row.due_at > clock.now() + timedelta(seconds=25)

        await server.until("it is looked at and put off", put_off)
    clock.advance(60)
    async with desk(plugins=PLUGINS, tenants=two, clock=clock) as server:

        async def ran():
            return (await server.plugin("reminder", "school")).ran

        await server.until("it ran", ran)


class Listener(Plugin):
    """Hears of turns; fails as often as its test says."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.heard = []
        self.failures = []

    @hookimpl
    async def on_turn_committed(self, turn):
        self.heard.append(turn.id)
        if self.failures:
            raise self.failures.pop(0)


class OtherListener(Listener):
    """The same under another name."""


async def test_an_event_is_told_again_until_everyone_has_heard_it_and_to_nobody_twice(desk):
    plugins = {"model": ScriptedModel, "first": Listener, "second": OtherListener}
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, first, second = server.contact("Lan"), await server.plugin("first"), await server.plugin("second")
        first.failures = [RetryLater("the vendor is busy", after=3), ValueError("a defect")]
        await lan.says("Hello.")
        await lan.hears()
        (turn,) = await lan.turns()
        task = await ended(server, f"core/turn_committed/{turn.id}")
        assert task.state == "done"
        assert (first.heard, second.heard) == ([turn.id] * 3, [turn.id])


async def test_an_event_that_is_refused_counts_as_heard(desk):
    async with desk(plugins={"model": ScriptedModel, "first": Listener}, tenants=AT_ONCE) as server:
        lan, first = server.contact("Lan"), await server.plugin("first")
        first.failures = [Refused("not mine")]
        await lan.says("Hello.")
        await lan.hears()
        (turn,) = await lan.turns()
        assert (await ended(server, f"core/turn_committed/{turn.id}")).state == "done"
        assert first.heard == [turn.id]


async def test_a_task_that_takes_longer_than_a_claim_is_done_once(desk):
    """The claim on its row is its only lock: it is renewed while the task runs."""
    gate = asyncio.Event()
    async with desk(plugins=PLUGINS) as server:
        plugin = await server.plugin("reminder")
        plugin.behaviour = lambda task: gate.wait()
        await plugin.tasks.schedule("remind", "k", server.clock.now())

        async def running():
            return plugin.ran

        await server.until("the task runs", running)
        for _ in range(30):
            server.clock.advance(2)
            await asyncio.sleep(0.02)  # whoever would claim the row has its chance
        assert len(plugin.ran) == 1
        gate.set()
        assert (await ended(server)).state == "done"
        await server.quiet()
        assert len(plugin.ran) == 1


class Hearer(Plugin):
    """Hears of messages; fails, or hangs, as often as its test says."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.heard = []
        self.failures = []

    @hookimpl
    async def on_message(self, message):
        self.heard.append(message.text)
        if self.failures:
            failure = self.failures.pop(0)
            if failure is None:
                await asyncio.Event().wait()
            raise failure


class OtherHearer(Hearer):
    """The same under another name."""


async def test_who_failed_to_hear_of_a_message_is_told_again_and_nobody_else(desk):
    plugins = {"model": ScriptedModel, "first": Hearer, "second": OtherHearer}
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, first, second = server.contact("Lan"), await server.plugin("first"), await server.plugin("second")
        first.failures = [ValueError("a defect"), RetryLater("the vendor is busy", after=3)]
        id = inbound_id("phone", await lan.says("Chào chị."))
        await lan.hears()
        task = await ended(server, f"core/message_received/{id}")
        assert task.state == "done"
        assert (first.heard, second.heard) == (["Chào chị."] * 3, ["Chào chị."])


async def test_a_message_that_nobody_fails_to_hear_leaves_no_task(desk):
    plugins = {"model": ScriptedModel, "first": Hearer, "second": OtherHearer}
    async with desk(plugins=plugins, tenants=AT_ONCE) as server:
        lan, first = server.contact("Lan"), await server.plugin("first")
        first.failures = [Refused("not mine")]
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        assert await server.repository().find(TASKS, {"state": "waiting"}, order_by="at") == []
        assert await server.repository().find(TASKS, {"state": "done"}, order_by="at") == []
        assert first.heard == ["Hello."]


async def test_messages_that_time_did_not_suffice_for_are_told_of_by_a_task(desk, monkeypatch):
    plugins = {"model": ScriptedModel, "first": Hearer, "second": OtherHearer}
    times = {"times": {"turn_deadline": 31, "think_deadline": 30.5, "transcribe_deadline": 0.1}}
    async with desk(plugins=plugins, server=times, tenants=AT_ONCE) as server:
        lan, first, second = server.contact("Lan"), await server.plugin("first"), await server.plugin("second")
        second.failures = [None]
        id = inbound_id("phone", await lan.says("Hello."))
        await lan.hears()
        assert (await ended(server, f"core/message_received/{id}")).state == "done"
        assert (first.heard, second.heard) == (["Hello."], ["Hello."] * 2)
