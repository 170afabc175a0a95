"""Tells everybody who watches a tenant's list which rows of it have changed.

There is one reader for each tenant that somebody watches, however many do. It hears of this process's work at once (see
changes.py), and looks twice a second whether another process has changed one of those whose contacts wrote last.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from ..changes import Changes, Crowd
from ..clock import Clock
from ..forever import forever
from ..store import Store, StoreError
from ..store.collections import CONVERSATIONS
from ..store.queries import MAX_IN
from ..tasks import Owner
from .conversation_list import ConversationList
from .conversation_rows import Row

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks for what other processes did."""
LOOKED_AT = 100
"""The conversations that are looked at: those whose contacts wrote last."""
GATHER = 0.1
"""Seconds for which changes are gathered: a turn changes its conversation several times."""

Rows = Mapping[str, Row | None]
"""Conversation → its row; None: it is in no list any more."""


class Watcher:
    """One open list."""

    def __init__(self) -> None:
        self._rows: dict[str, Row | None] = {}
        self._event = asyncio.Event()

    def tell(self, rows: Rows) -> None:
        self._rows.update(rows)
        self._event.set()

    async def changed(self, seconds: float) -> Rows:
        """The rows that have changed since it was asked last; empty: none within *seconds*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()
        rows, self._rows = self._rows, {}
        return rows


class _Reader:
    """What is known of one tenant's list while somebody watches it."""

    def __init__(self, tenant: str, crowd: Crowd) -> None:
        self.tenant = tenant
        self.crowd = crowd
        self.watchers: set[Watcher] = set()
        self.owner = Owner("conversation feed")
        self.versions: dict[str, int] | None = None
        """Of the conversations that were looked at last; None: nobody has looked yet."""
        self.told: dict[str, Any] = {}
        """What was last told of a conversation, as far as lists show it."""


class ConversationFeed:
    """Rows as they change, of any tenant."""

    def __init__(self, store: Store, changes: Changes, clock: Clock, conversations: ConversationList) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._conversations = conversations
        self._readers: dict[str, _Reader] = {}

    @asynccontextmanager
    async def watch(self, tenant: str) -> AsyncIterator[Watcher]:
        """Hear of every row of the tenant that changes while this is open."""
        reader = self._readers.get(tenant)
        if reader is None:
            reader = self._readers[tenant] = _Reader(tenant, self._changes.gather(tenant))
            for step in (self._look, self._tell):
                reader.owner.start(forever(self._clock, step, reader), f"{step.__name__} {tenant}")
        watcher = Watcher()
        reader.watchers.add(watcher)
        try:
            yield watcher
        finally:
            reader.watchers.discard(watcher)
            if not reader.watchers:
                del self._readers[tenant]
                self._changes.disperse(tenant, reader.crowd)
                await reader.owner.drain(0)

    async def _look(self, reader: _Reader) -> None:
        """What has another version than at the last look, somebody has changed."""
        found = await self._store.for_tenant(reader.tenant).find(
            CONVERSATIONS, {}, order_by="last_inbound_at", descending=True, limit=LOOKED_AT
        )
        before, reader.versions = reader.versions, {each.id: each.version for each in found}
        for id, version in reader.versions.items() if before is not None else ():
            if before is not None and before.get(id) != version:
                reader.crowd.add(id)
        await self._clock.sleep(LOOK_EVERY)

    async def _tell(self, reader: _Reader) -> None:
        await reader.crowd.some()
        await self._clock.sleep(GATHER)
        ids = reader.crowd.take(MAX_IN)
        try:
            rows = await self._conversations.rows(reader.tenant, ids)
        except StoreError:
            for id in ids:
                reader.crowd.add(id)
            raise
        news: dict[str, Row | None] = {}
        for id in ids:
            seen = _seen(rows.get(id))
            if reader.told.get(id) != seen:
                reader.told[id] = seen
                news[id] = rows.get(id)
        for old in list(reader.told)[: -5 * LOOKED_AT]:
            del reader.told[old]
        if news:
            for watcher in reader.watchers:
                watcher.tell(news)


def _seen(row: Row | None) -> Any:
    """All of a row that lists show: its conversation changes more often, by a lease for one."""
    if row is None:
        return ()
    known, said = row.conversation, row.said
    return (
        known.last_inbound_at,
        known.owner,
        known.unanswered_since,
        known.temperature,
        row.parked,
        row.failed,
        row.closes_at,
        (row.name, row.phone),
        (said.id, said.state, said.text) if said is not None else None,
    )
