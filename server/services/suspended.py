"""Tenants that left the tenants file, as they were declared last: kept in the store, so that a server which starts later
still takes what contacts write to them, until they are purged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from frontdesk.config import Packed, Place, Problem

from ..registry import Registry
from ..store import Between, Store
from ..store.collections import SUSPENSIONS
from ..stored_settings import Suspension
from ..tenants import Address, Declared, judge_tenant, packed_settings
from .overlay_keys import as_written

log = structlog.get_logger(__name__)

OVERLAP = timedelta(seconds=60)
"""Longer than a clock may be off, or a write may take: who has looked looks again for so long."""
PAGE = 200


class SuspendedDesk:
    """What is kept is never taken away but by a purge: while one process reads the old file and another the new one, a
    tenant is both declared and suspended."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked_at: datetime | None = None

    async def keep(self, declared: Declared, left: Collection[str]) -> None:
        """Note how the tenants *left* are declared, before they are suspended."""
        for id in left:
            tenant = declared.tenants[id]
            folder = tenant.plugins[0].place.folder if tenant.plugins else None
            raw = json.dumps(as_written(tenant), ensure_ascii=False)
            await self._write(id, raw, "" if folder is None else str(folder))

    async def _write(self, id: str, raw: str, folder: str) -> None:
        shared, now = self._store.shared, self._store.now()
        if await shared.insert(SUSPENSIONS, Suspension(id=id, since=now, raw=raw, folder=folder)):
            return
        there = await shared.get(SUSPENSIONS, id)
        if there is not None:
            # Whoever was quicker has written the same.
            await shared.update(SUSPENSIONS, there, since=now, raw=raw, folder=folder, purged_at=None)

    async def takes(self, id: str) -> bool:
        """Whether what contacts write to the suspended tenant is still kept: False from the begin of its purge on."""
        there = await self._store.shared.get(SUSPENSIONS, id)
        return there is not None and there.purged_at is None

    async def close(self, id: str) -> bool:
        """Have nobody take anything for it any more, from the next look on; whether it was known to be suspended.

        Also of a tenant that never was: until `forget` it is among the `ids`, so a purge that was cut off is gone on with.
        """
        shared, now = self._store.shared, self._store.now()
        while True:
            there = await shared.get(SUSPENSIONS, id)
            if there is None:
                closed = Suspension(id=id, since=now, raw="{}", folder="", purged_at=now)
                if await shared.insert(SUSPENSIONS, closed):
                    return False
            elif await shared.update(SUSPENSIONS, there, purged_at=there.purged_at or now):
                return True

    async def forget(self, id: str) -> None:
        """Its purge is done. One that has been in the file and left it again meanwhile stays."""
        there = await self._store.shared.get(SUSPENSIONS, id)
        if there is not None and there.purged_at is not None:
            await self._store.shared.delete(SUSPENSIONS, there)

    async def look(self, registry: Registry, known: Collection[str]) -> Declared:
        """Those that were suspended since the last look and are not *known*. Who cannot be served any more, since a plugin
        is gone, say, is told in the log and left out. Their plugins are loaded then."""
        now = self._store.now()
        everybody = await self._since(self._looked_at and self._looked_at - OVERLAP)
        found = [each for each in everybody if each.id not in known and each.purged_at is None]
        suspended = await asyncio.to_thread(_judged, found, registry) if found else Declared.nobody(registry)
        self._looked_at = now
        return suspended

    async def ids(self) -> list[str]:
        """Who was ever suspended, and whose purge has not ended; some may be in the file again."""
        return [each.id for each in await self._since(None)]

    async def _since(self, since: datetime | None) -> list[Suspension]:
        found: list[Suspension] = []
        while True:
            page = await self._store.shared.find(
                SUSPENSIONS,
                {"since": Between(since, None)},
                order_by="since",
                after=found[-1] if found else None,
                limit=PAGE,
            )
            found += page
            if len(page) < PAGE:
                return found


def _judged(found: Sequence[Suspension], registry: Registry) -> Declared:
    suspended = Declared.nobody(registry)
    for each in found:
        one, problems = _declared(each, registry)
        if one is None:
            log.error("suspended_unknown", tenant=each.id, problems=[str(problem) for problem in problems])
        else:
            suspended = suspended.joined(one)
    return suspended


def _declared(suspension: Suspension, registry: Registry) -> tuple[Declared | None, list[Problem]]:
    claimed: dict[Address, str] = {}
    folder = Path(suspension.folder) if suspension.folder else None
    place = Place("as it was declared last", folder, suspension.id)
    tenant, checked, problems = judge_tenant(suspension.id, json.loads(suspension.raw), place, registry, claimed)
    if tenant is None or problems:
        return None, problems
    settings = tuple((kind.name, settings) for _, kind, settings in checked)
    return Declared(Packed({tenant.id: tenant}), packed_settings({tenant.id: settings}), claimed, registry), []
