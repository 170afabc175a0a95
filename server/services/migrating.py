"""Brings every document to this release's schema of its collection, beside servers that serve."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..store import Store
from ..store.bulk import Place, Stored
from ..store.collections import COLLECTIONS, Collection

PAGE = 50
"""Documents that are rewritten at once; between two pages the servers have the store to themselves."""

Tell = Callable[[str, int, int], None]
"""Told of a collection, how many of its documents have been looked at, and how many were rewritten."""

_MISTAKES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass
class Migrated:
    """What one run did."""

    rewritten: dict[str, int] = field(default_factory=dict)
    """By collection; one that has only ever had one schema is not looked at."""
    failed: list[str] = field(default_factory=list)
    """A sentence for each document that could not be brought on; it is as it was."""


class Migration:
    """One run; repeating it is right at any time, and after an interruption it finds what is left."""

    def __init__(self, store: Store, tell: Tell, collections: Sequence[Collection[Any]] = COLLECTIONS) -> None:
        self._store = store
        self._tell = tell
        self._collections = collections
        self._migrated = Migrated()
        self._passed_over: set[Place] = set()

    async def run(self) -> Migrated:
        """Raises StoreError if the store fails."""
        for collection in self._collections:
            if collection.schema > 1:
                await self._migrate(collection)
        return self._migrated

    async def _migrate(self, collection: Collection[Any]) -> None:
        looked_at, rewritten, after = 0, 0, None
        self._passed_over = set()
        while page := await self._store.bulk.page(collection, after=after, limit=PAGE):
            old = [each for each in page if each.schema < collection.schema and each.place not in self._passed_over]
            took = await asyncio.gather(*(self._upgrade(collection, each) for each in old))
            rewritten += took.count(True)
            if False in took:
                continue  # A server was quicker with some of them: the same page again, as it is now.
            looked_at, after = looked_at + len(page), page[-1].place
            self._tell(collection.name, looked_at, rewritten)
        self._migrated.rewritten[collection.name] = rewritten

    async def _upgrade(self, collection: Collection[Any], document: Stored) -> bool | None:
        """Whether it was rewritten; False: it changed meanwhile; None: it cannot be brought on, which is told."""
        changes: dict[str, Any] = {}
        try:
            for schema in range(document.schema, collection.schema):
                if (upgrade := collection.upgrades.get(schema)) is not None:
                    changes |= upgrade({**document.fields, **changes})
            return await self._store.bulk.replace(collection, document, changes)
        except _MISTAKES as err:
            # The words of the error may quote a contact.
            self._passed_over.add(document.place)
            of = f" of tenant {document.tenant}" if document.tenant else ""
            self._migrated.failed.append(
                f"{collection.name}{of}: {document.id} (schema {document.schema}) is left as it was: {type(err).__name__}"
            )
            return None
