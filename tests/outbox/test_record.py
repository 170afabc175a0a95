"""What became of a message, and that the plugins hear of it."""

from __future__ import annotations

import pytest

from frontdesk import Plugin, hookimpl
from frontdesk.outbox import record
from frontdesk.store.collections import MESSAGES, TASKS
from frontdesk.testing.death import Died


class Listener(Plugin):
    """Keeps what is told of failures."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.failed = []

    @hookimpl
    async def on_message_failed(self, conversation, message):
        self.failed.append((message.id, message.state))


class DiesAfter:
    """A tenant's documents without transactions, in a process that dies after so many writes."""

    def __init__(self, repository, writes):
        self._repository = repository
        self._left = writes

    async def write(self, *writes):
        took = 0
        for write in writes:
            if self._left == 0:
                raise Died
            self._left -= 1
            if not await self._repository.write(write):
                break
            took += 1
        return took


async def answered(server):
    lan = server.contact("Lan")
    await lan.says("Hello.")
    await lan.hears()
    await server.quiet()
    (message,) = await lan.received()
    return message


async def fails(repository, server, message):
    store = server.server.store
    return await record.change(repository, store, "clinic", message, state="failed", error="30008: no")


async def settled(server):
    server.clock.advance(record.SETTLED_BY.total_seconds())
    await server.quiet()


@pytest.mark.parametrize("writes", range(4))
async def test_a_failure_that_is_on_disk_is_told_once_wherever_its_writer_died(start, writes):
    async with start(plugins={"listener": Listener}) as server:
        message, repository = await answered(server), server.repository()
        with pytest.raises(Died):
            await fails(DiesAfter(repository, writes), server, message)
        await settled(server)
        stored = await repository.get(MESSAGES, message.id)
        told = (await server.plugin("listener")).failed
        assert told == ([(message.id, "failed")] if stored.state == "failed" else [])
        if stored.state != "failed":
            # It comes again: the lane looks again, the provider says it again.
            assert await fails(DiesAfter(repository, -1), server, stored)
            await settled(server)
            assert told == [(message.id, "failed")]


async def test_a_failure_that_somebody_else_announced_is_told_once(start):
    async with start(plugins={"listener": Listener}) as server:
        message, repository = await answered(server), server.repository()
        with pytest.raises(Died):
            await fails(DiesAfter(repository, 2), server, message)
        assert await fails(repository, server, message)
        assert not await fails(repository, server, message)
        await settled(server)
        assert (await server.plugin("listener")).failed == [(message.id, "failed")]


async def test_nothing_is_told_of_a_failure_that_gave_way(start):
    async with start(plugins={"listener": Listener}) as server:
        message, repository = await answered(server), server.repository()
        stale = message
        await repository.update(MESSAGES, message, state="delivered")
        assert not await fails(repository, server, stale)
        await settled(server)
        assert (await server.plugin("listener")).failed == []
        assert await repository.find(TASKS, {"state": "waiting"}, order_by="at") == []
