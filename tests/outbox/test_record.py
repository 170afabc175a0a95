"""What became of a message, and that the plugins hear of it."""

from __future__ import annotations

import pytest

from frontdesk.outbox import record
from frontdesk.store.collections import MESSAGES, TASKS
from frontdesk.testing.death import Died


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


async def told(server):
    return [(message.id, message.state) for message in (await server.plugin("listener")).failed]


class Freezes:
    """A tenant's documents in a process that is frozen before it changes one."""

    def __init__(self, server):
        self._server = server

    def __getattr__(self, name):
        return getattr(self._server.repository(), name)

    async def update(self, *arguments, **changes):
        await settled(self._server)
        return await self._server.repository().update(*arguments, **changes)


@pytest.mark.parametrize("writes", range(4))
async def test_a_failure_that_is_on_disk_is_told_once_wherever_its_writer_died(start, writes, listener, dies_after):
    async with start(plugins={"listener": listener}) as server:
        message, repository = await answered(server), server.repository()
        with pytest.raises(Died):
            await fails(dies_after(repository, writes), server, message)
        await settled(server)
        stored = await repository.get(MESSAGES, message.id)
        assert await told(server) == ([(message.id, "failed")] if stored.state == "failed" else [])
        if stored.state != "failed":
            # It comes again: the lane looks again, the provider says it again.
            assert await fails(dies_after(repository, -1), server, stored)
            await settled(server)
            assert await told(server) == [(message.id, "failed")]


async def test_a_failure_that_somebody_else_announced_is_told_once(start, listener, dies_after):
    async with start(plugins={"listener": listener}) as server:
        message, repository = await answered(server), server.repository()
        with pytest.raises(Died):
            await fails(dies_after(repository, 2), server, message)
        assert await fails(repository, server, message)
        assert not await fails(repository, server, message)
        await settled(server)
        assert await told(server) == [(message.id, "failed")]


async def test_nothing_is_told_of_a_failure_that_gave_way(start, listener):
    async with start(plugins={"listener": listener}) as server:
        message, repository = await answered(server), server.repository()
        stale = message
        await repository.update(MESSAGES, message, state="delivered")
        assert not await fails(repository, server, stale)
        await settled(server)
        assert await told(server) == []
        assert await repository.find(TASKS, {"state": "waiting"}, order_by="at") == []


async def test_a_failure_is_told_though_its_writer_was_frozen_after_it_announced_it(start, listener):
    async with start(plugins={"listener": listener}) as server:
        message = await answered(server)
        assert await fails(Freezes(server), server, message)
        await settled(server)
        assert await told(server) == [(message.id, "failed")]
