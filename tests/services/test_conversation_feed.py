"""Rows that have changed are told to everybody who watches the list, whoever has changed them."""

from __future__ import annotations

import asyncio
from typing import Any

from frontdesk.clock import SystemClock
from frontdesk.services.conversation_feed import Rows, Watcher
from frontdesk.store import StoreUnavailable
from frontdesk.store.collections import CONVERSATIONS
from frontdesk.store.sqlite import SqliteStore

PATIENCE = 10.0
AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


async def told(watcher: Watcher, id: str, condition: Any = bool) -> Any:
    """The next row of this conversation that fulfils the condition."""
    async with asyncio.timeout(PATIENCE):
        while True:
            rows: Rows = await watcher.changed(PATIENCE)
            if id in rows and condition(rows[id]):
                return rows[id]


async def test_a_message_is_told_and_its_answer(desk: Any) -> None:
    async with desk(clock=SystemClock(), tenants=AT_ONCE) as server:
        feed, lan = server.server.office.conversation_feed, server.contact("Lan")
        async with feed.watch("clinic") as first, feed.watch("clinic") as second:
            await lan.says("xin chào")
            # The answer may be there before the message is told: then they are told as one.
            for watcher in (first, second):
                row = await told(watcher, lan.id, lambda row: row.said.author == "bot" and row.said.state != "queued")
                assert row.name == "Lan" and row.conversation.unanswered_since is None
        assert not feed._readers


async def test_what_another_process_does_is_told(desk: Any) -> None:
    async with desk(clock=SystemClock(), tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("xin chào")
        await server.quiet()
        other = SqliteStore(server.server.file.data_dir / "frontdesk.db", SystemClock())
        await other.open()
        try:
            async with server.server.office.conversation_feed.watch("clinic") as watcher:
                reader = server.server.office.conversation_feed._readers["clinic"]
                async with asyncio.timeout(PATIENCE):
                    while reader.versions is None:
                        await asyncio.sleep(0.01)
                theirs = other.for_tenant("clinic")
                conversation = await theirs.get(CONVERSATIONS, lan.id)
                assert conversation is not None
                assert await theirs.update(CONVERSATIONS, conversation, temperature="hot") is not None
                row = await told(watcher, lan.id, lambda row: row.conversation.temperature == "hot")
                await theirs.delete(CONVERSATIONS, row.conversation)
                server.server.changes.announce("clinic", lan.id)
                assert await told(watcher, lan.id, lambda row: row is None) is None
        finally:
            await other.close()


async def test_a_store_that_is_away_loses_no_change(desk: Any, monkeypatch: Any) -> None:
    async with desk(clock=SystemClock(), tenants=AT_ONCE) as server:
        lan, office = server.contact("Lan"), server.server.office
        await lan.says("xin chào")
        await server.quiet()
        rows, fails = office.conversations.rows, [True]

        async def away_once(tenant: str, ids: Any) -> Any:
            if fails.pop() if fails else False:
                raise StoreUnavailable("away")
            return await rows(tenant, ids)

        monkeypatch.setattr(office.conversations, "rows", away_once)
        async with office.conversation_feed.watch("clinic") as watcher:
            server.server.changes.announce("clinic", lan.id)
            assert (await told(watcher, lan.id)).name == "Lan"
        assert not fails


async def test_a_lease_alone_is_no_news(desk: Any) -> None:
    async with desk(clock=SystemClock(), tenants=AT_ONCE) as server:
        lan, office = server.contact("Lan"), server.server.office
        await lan.says("xin chào")
        await server.quiet()
        async with office.conversation_feed.watch("clinic") as watcher:
            server.server.changes.announce("clinic", lan.id)
            await told(watcher, lan.id)
            server.server.changes.announce("clinic", lan.id)
            server.server.changes.announce("clinic", "nobody")
            rows = await watcher.changed(PATIENCE)
            assert dict(rows) == {"nobody": None}
