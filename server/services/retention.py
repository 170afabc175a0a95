"""Deletes what its collection keeps no longer (`Retention` in store/collections.py): one process at a time, in batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from ..clock import Clock
from ..runtime import TenantPlugins
from ..store import Between, Delete, Repository, Store
from ..store.collections import COLLECTIONS, Collection
from . import rounds

log = structlog.get_logger(__name__)

NAME = "retention"
EVERY = timedelta(hours=1)
BATCH = 100
RESTS = 9
"""So many times as long as a tenant took does the round rest after it: what is too old can wait, and contacts not."""


class RetentionDesk:
    """The round of all tenants' documents, and of the server's own."""

    def __init__(self, store: Store, declared: Callable[[], Mapping[str, TenantPlugins]], clock: Clock) -> None:
        """*declared*: the tenants of the moment, whose `retention` counts."""
        self._store = store
        self._declared = declared
        self._clock = clock

    async def go_round(self) -> int:
        """Delete what is too old, if the round is due and nobody else is at it; how many documents."""
        held = await rounds.take(self._store, NAME)
        if held is None:
            return 0
        deleted = 0
        declared = self._declared()
        for tenant in ("", *sorted(declared)):
            if tenant < held.after:
                continue
            began = self._clock.monotonic()
            repository = self._store.for_tenant(tenant) if tenant else self._store.shared
            ages: dict[str, timedelta | None] = dict(declared[tenant].tenant.retention) if tenant else {}
            ages["summaries"] = ages.get("messages")  # what was said, in other words
            for collection, where in _too_old(self._store.now(), ages, tenant_data=tenant != ""):
                async for old in self._batches(repository, collection, where):
                    deleted += await _delete(repository, collection, old)
                    held = await rounds.renewed(self._store, held, tenant)
                    if held is None:
                        return deleted
            held = await rounds.renewed(self._store, held, tenant)
            if held is None:
                return deleted
            rest = RESTS * (self._clock.monotonic() - began)
            await self._clock.sleep(min(rest, EVERY.total_seconds() / 2 / (1 + len(declared))))
        await rounds.done(self._store, held, EVERY)
        if deleted:
            log.info("too_old_deleted", documents=deleted)
        return deleted

    async def _batches(
        self, repository: Repository, collection: Collection[Any], where: dict[str, Any]
    ) -> AsyncIterator[list[Any]]:
        """The oldest first. What changed while it was to be deleted is looked at anew; what is spared, in the next round."""
        kept = collection.retention
        assert kept is not None
        spared = None
        while page := await repository.find(collection, where, order_by=kept.by, limit=BATCH, after=spared):
            if kept.unless is None:
                yield page
                continue
            yield [each for each in page if await self._has_none(each.id, kept.unless)]
            spared = page[-1]

    async def _has_none(self, tenant: str, collection: Collection[Any]) -> bool:
        return not await self._store.for_tenant(tenant).find(collection, {}, limit=1)


def _too_old(
    now: datetime, ages: Mapping[str, timedelta | None], *, tenant_data: bool
) -> Iterator[tuple[Collection[Any], dict[str, Any]]]:
    """What to look for, in a tenant's data (whose *ages* go by collection) or in the server's."""
    for collection in COLLECTIONS:
        if (kept := collection.retention) is None or collection.tenant_data != tenant_data:
            continue
        if (age := ages.get(collection.name, kept.age)) is not None:
            for only in kept.only:
                yield collection, {**only, kept.by: Between(None, now - age)}


async def _delete(repository: Repository, collection: Collection[Any], old: Sequence[Any]) -> int:
    """Delete those that are still as they were read; how many."""
    writes = [Delete(collection, document) for document in old]
    deleted = 0
    while writes:
        took = await repository.write(*writes)
        deleted += took
        del writes[: took + 1]
    return deleted
