"""Deletes everything that is stored of one tenant, for good: its due rows, media and documents."""

from __future__ import annotations

from collections import Counter

from ..media import MediaStore
from ..store import Delete, Store
from ..store.bulk import PAGE
from ..store.collections import COLLECTIONS, DUE, OVERLAYS, SUSPENSIONS
from .overlay import mark


async def purge(store: Store, media: MediaStore, tenant: str) -> Counter[str]:
    """How much of each kind was deleted. The caller has made sure that the tenant is not served.

    Nothing is read or made anew, so it may be repeated at any time; an overlay leaves its mark for the running servers,
    which has nothing but the tenant's id. The documents go last: until nothing is left, the tenant is among those that
    have data. Raises StoreError, OSError; what is deleted by then is deleted.
    """
    deleted: Counter[str] = Counter()
    while rows := await store.shared.find(DUE, {"tenant": tenant}, order_by="due_at", limit=PAGE):
        deleted["due"] += await store.shared.write(*(Delete(DUE, row) for row in rows))
    deleted["media"] += await media.purge(tenant)
    if (suspension := await store.shared.get(SUSPENSIONS, tenant)) is not None:
        deleted["suspensions"] += await store.shared.delete(SUSPENSIONS, suspension)
    for collection in COLLECTIONS:
        if not collection.tenant_data:
            continue
        while page := await store.bulk.page(collection, tenant=tenant):
            if collection is OVERLAYS:
                await mark(store, tenant)  # running servers forget it, too
            await store.bulk.remove(collection, page)
            deleted[collection.name] += len(page)
    return +deleted
