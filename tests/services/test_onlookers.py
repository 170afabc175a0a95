"""Who looks at a conversation, over processes."""

from __future__ import annotations

from frontdesk.services.onlookers import Onlookers, Seen
from frontdesk.store.collections import ONLOOKERS


async def test_who_is_there_is_seen_by_every_process_until_it_runs_out(desk):
    async with desk() as server:
        here, there = Onlookers(server.server.store), Onlookers(server.server.store)
        await here.look("clinic", "c1", "hoa")
        await there.look("clinic", "c1", "minh", writing=True)
        await there.look("clinic", "c2", "minh")
        assert await here.at("clinic", "c1", but="hoa") == [Seen("minh", True)]
        assert await here.at("school", "c1") == []
        server.clock.advance(9)
        assert await here.at("clinic", "c1") == [Seen("hoa", False), Seen("minh", False)]
        server.clock.advance(17)
        assert await here.at("clinic", "c1") == []
        await here.look("clinic", "c1", "hoa")
        assert await there.at("clinic", "c1") == [Seen("hoa", False)]


async def test_a_page_that_is_open_writes_seldom_and_one_that_closes_is_gone(desk):
    async with desk() as server:
        onlookers = Onlookers(server.server.store)

        async def version():
            return (await server.repository().get(ONLOOKERS, "c1/hoa")).version

        for _ in range(5):
            await onlookers.look("clinic", "c1", "hoa")
        assert await version() == 1
        server.clock.advance(11)
        await onlookers.look("clinic", "c1", "hoa")
        assert await version() == 2
        await onlookers.look("clinic", "c1", "hoa", writing=True)
        await onlookers.stopped_writing("clinic", "c1", "hoa")
        assert await onlookers.at("clinic", "c1") == [Seen("hoa", False)]
        await onlookers.leave("clinic", "c1", "hoa")
        assert await onlookers.at("clinic", "c1") == []
