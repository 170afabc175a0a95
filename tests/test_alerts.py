"""Operators are told of one cause once, however much comes of it, and again while it goes on, at growing distances."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest

from frontdesk import Plugin, RetryLater, alerts, hookimpl
from frontdesk.core_tasks import ALERT
from frontdesk.store.collections import TASKS
from frontdesk.testing.plugins import ScriptedModel

MINUTE = 60.0


class Bell(Plugin):
    """Notes when operators are told what, and of whom; every instance of a test, for idle ones are let go."""

    rung: list
    away = False
    ringing = None

    @hookimpl
    async def alert_operator(self, title, text, conversation):
        if self.away:
            raise RetryLater("nobody there")
        self.rung.append((title, text, conversation and conversation.id, self.clock.now()))
        if self.ringing is not None:
            await self.ringing()


@pytest.fixture
def bell():
    return type("Bell", (Bell,), {"rung": [], "ringing": None})


@pytest.fixture
def desk(desk, bell):
    return partial(desk, plugins={"model": ScriptedModel, "bell": bell})


async def happens(server, *cases, conversation="", text="top up"):
    runtime = await server.server.runtimes.get("clinic")
    for case in cases:
        await alerts.alert(
            runtime, server.repository(), server.server.store, "No money", text, case=case, conversation=conversation
        )


async def rung(bell, server, seconds):
    """The titles of what is told within so many seconds."""
    known, ends = len(bell.rung), server.clock.now() + timedelta(seconds=seconds)
    while True:
        at = await server.server.store.due.next_at()
        until = ends if at is None else min(at, ends)
        server.clock.advance(max(0.0, (until - server.clock.now()).total_seconds()))
        if until == ends:
            return [title for title, *_ in bell.rung[known:]]
        await server.quiet()


async def test_many_cases_of_one_cause_are_told_together_and_another_cause_apart(desk, bell):
    async with desk() as server:
        await happens(server, *(f"m{n}" for n in range(12)), "m3")
        await happens(server, *(f"m{n}" for n in range(150)), text="ask the bank")
        await server.quiet()
        told = sorted((title, text, who) for title, text, who, _ in bell.rung)
        assert told == [
            ("No money (100 times, or more)", "ask the bank", None),
            ("No money (12 times)", "top up", None),
        ]


async def test_one_case_is_told_as_it_is_with_its_conversation(desk, bell):
    async with desk() as server:
        lan = server.contact("Lan")
        await lan.says("Xin chào.")
        await lan.hears()
        began = server.clock.now()
        await happens(server, "m1", conversation=lan.id)
        await server.quiet()
        ((*told, at),) = bell.rung
        assert told == ["No money", "top up", lan.id]
        assert at - began < 2 * alerts.GATHER


async def test_while_it_goes_on_it_is_told_after_longer_and_longer_pauses_and_after_silence_at_once(desk, bell):
    async with desk() as server:
        await happens(server, "m0")
        await server.quiet()
        for minutes in (5, 10, 20, 40, 60, 60):
            await happens(server, "m1", "m2")
            assert await rung(bell, server, (minutes + 1) * MINUTE) == ["No money (2 times)"]
        times = [at for *_, at in bell.rung]
        assert [round((later - at) / timedelta(minutes=1)) for at, later in pairwise(times)] == [5, 10, 20, 40, 60, 60]
        assert await rung(bell, server, 61 * MINUTE) == []
        assert await server.repository().find(TASKS, {"state": "waiting"}, order_by="at") == []
        await happens(server, "m3")
        assert await rung(bell, server, 10) == ["No money"]


async def test_what_comes_up_while_it_is_told_is_told_after_the_pause(desk, bell):
    async with desk() as server:
        bell.ringing = staticmethod(lambda: happens(server, "m1"))
        await happens(server, "m0")
        await server.quiet()
        bell.ringing = None
        assert [title for title, *_ in bell.rung] == ["No money"]
        assert await rung(bell, server, 6 * MINUTE) == ["No money"]


async def test_what_could_not_be_told_is_begun_anew_with_the_next_case(desk, bell):
    async with desk() as server:
        bell.away = True
        await happens(server, "m0")

        assert await rung(bell, server, 60 * MINUTE) == []
        (task,) = await server.repository().find(TASKS, {"state": "failed"}, order_by="at")
        assert task.name == ALERT
        bell.away = False
        await happens(server, "m1")
        await server.quiet()
        assert [title for title, *_ in bell.rung] == ["No money"]


async def test_who_was_told_is_not_told_again_because_another_could_not_be_and_a_case_came_meanwhile(desk, bell):
    class Pager(bell):
        """Once not to be reached, while the next case comes."""

        failures = 1

        @hookimpl
        async def alert_operator(self, title, text, conversation):
            if Pager.failures:
                Pager.failures -= 1
                await happens(server, "m1")
                raise RetryLater("no net")

    async with desk(plugins={"model": ScriptedModel, "bell": bell, "pager": Pager}) as server:
        await happens(server, "m0")
        await server.quiet()
        assert Pager.failures == 0
        assert [title for title, *_ in bell.rung] == ["No money"]


async def test_without_a_plugin_that_can_tell_nothing_is_kept(desk):
    async with desk(plugins={"model": ScriptedModel}) as server:
        await happens(server, "m0")
        found = await server.repository().find(TASKS, {"state": "waiting"}, order_by="at")
        assert [task for task in found if task.name == ALERT] == []
