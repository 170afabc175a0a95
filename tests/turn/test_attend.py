"""Every message is told to the plugins that listen, also when one fails and whoever was to tell it later died."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from frontdesk import Plugin, hookimpl
from frontdesk.scheduling import SOON
from frontdesk.store.collections import MESSAGES
from frontdesk.testing.death import Died
from frontdesk.testing.plugins import ScriptedModel
from frontdesk.turn import attend

WRITES = 4
"""The task's row, the task, the row again, the mark in the message."""


class Listener(Plugin):
    """Keeps what it was told of."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.told = []

    @hookimpl
    async def on_message(self, message):
        self.told.append(message.id)


@pytest.mark.parametrize("writes", range(WRITES))
async def test_who_has_not_heard_is_told_later_once_wherever_whoever_left_it_to_a_task_died(desk, dies_after, writes):
    async with desk(plugins={"model": ScriptedModel, "listener": Listener}) as server:
        repository, store = server.repository(), server.server.store
        runtime = SimpleNamespace(tenant=SimpleNamespace(id="clinic"))
        lan = server.contact("Lan")
        await lan.says("Xin chào.")
        await lan.hears()
        await server.quiet()
        message = await repository.update(MESSAGES, await lan.message("Lan-1"), announced=False)
        (listener := await server.plugin("listener")).told.clear()

        with pytest.raises(Died):
            await attend._tell_later(runtime, dies_after(repository, writes), store, message, [])
        # Its turn comes back, finds the message not announced, and leaves it to a task once more.
        message = await repository.get(MESSAGES, message.id)
        assert not message.announced
        assert (await attend._tell_later(runtime, repository, store, message, [])).announced
        server.clock.advance(SOON.total_seconds() + 1)
        await server.quiet()
        assert listener.told == [message.id]
