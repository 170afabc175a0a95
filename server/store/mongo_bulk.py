"""`store.bulk` of DocumentDB."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import QueryError
from .bulk import PAGE, Place, Stored
from .collections import Collection

if TYPE_CHECKING:
    from .mongo import MongoStore


class MongoBulk:
    """See Bulk."""

    def __init__(self, store: MongoStore, collections: Sequence[Collection[Any]]) -> None:
        self._store = store
        self._collections = collections

    async def tenants(self) -> list[str]:
        found: set[str] = set()
        for collection in self._collections:
            tenant: str | None = "" if collection.tenant_data else None
            while tenant is not None:
                tenant = await self._tenant_after(collection, tenant)
                found |= {tenant} if tenant is not None else set()
        return sorted(found)

    async def unknown(self) -> list[str]:
        return sorted(set(await self._store.names()) - {each.name for each in self._collections} - {"probes"})

    async def page(
        self, collection: Collection[Any], *, tenant: str = "", after: Place | None = None, limit: int = PAGE
    ) -> list[Stored]:
        layout, raw = self._store.layout(collection), self._store.raw(collection)
        if tenant and not collection.tenant_data:
            raise QueryError(f"collection {collection.name} is server-wide: no tenant has a part of it")
        asked: dict[str, Any] = {"tenant": tenant} if tenant else {}
        if after is not None:
            asked["_id"] = {"$gt": layout.key(*after)}
        stored = await self._store.run(lambda _: raw.find(asked).sort([("_id", 1)]).limit(limit).to_list(None))
        return [layout.load_stored(one) for one in stored]

    async def add(self, collection: Collection[Any], documents: Sequence[Stored]) -> None:
        layout = self._store.layout(collection)
        if documents:
            token = secrets.token_hex(8)
            await self._store.insert_all(collection, [layout.dump_stored(each, token) for each in documents])

    async def replace(self, collection: Collection[Any], document: Stored, changes: Mapping[str, Any]) -> bool:
        layout = self._store.layout(collection)
        words = layout.words_of({**document.fields, **changes})
        fields = {**layout.dump_fields(changes), **words, "schema": collection.schema}
        return await self._store.set_fields(collection, layout.key(*document.place), document.version, fields)

    async def remove(self, collection: Collection[Any], documents: Sequence[Stored]) -> None:
        layout, raw = self._store.layout(collection), self._store.raw(collection)
        asked = {"_id": {"$in": [layout.key(*each.place) for each in documents]}}
        await self._store.run(lambda _: raw.delete_many(asked))

    async def _tenant_after(self, collection: Collection[Any], tenant: str) -> str | None:
        raw = self._store.raw(collection)
        sort = [("tenant", 1), ("_id", 1)]
        first = await self._store.run(
            lambda _: raw.find({"tenant": {"$gt": tenant}}, {"tenant": 1}).sort(sort).limit(1).to_list(None)
        )
        return first[0]["tenant"] if first else None
