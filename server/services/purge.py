"""Deletes everything that is stored of one tenant, for good: its due rows, media and documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from ..clock import Clock
from ..events import subscribers
from ..media import MediaStore
from ..store import Delete, Store
from ..store.bulk import PAGE
from ..store.collections import COLLECTIONS, CONVERSATIONS, DUE, OVERLAYS, SUBSCRIPTIONS
from .instances import FRESH, TENANTS, alive, census, fingerprint
from .overlay import mark
from .suspended import SuspendedDesk

PAUSE = 1.0
"""Seconds between two rounds. What a server took just before it heard of the purge is in the store by then."""
ROUNDS = 60


class PurgeRefused(Exception):
    """Somebody may still write for the tenant; says who, and what to do."""


async def purge(store: Store, media: MediaStore, clock: Clock, tenant: str, declared: Collection[str]) -> Counter[str]:
    """How much of each kind was deleted. *declared* are the tenants of the file that every server must have read.

    First nobody takes anything for the tenant any more; then all that is there is deleted, in rounds, until one that comes
    PAUSE after another finds nothing. It may be repeated at any time; an overlay leaves its mark for the running servers,
    which has nothing but the tenant's id and goes after a day.

    Raises PurgeRefused, StoreError, OSError; what is deleted by then is deleted, and the tenant among the suspended.
    """
    await check_unserved(store, tenant, declared)
    suspensions = SuspendedDesk(store)
    deleted = Counter(suspensions=int(await suspensions.close(tenant)))
    for number in range(ROUNDS):
        # Anew each time: a server with an older file may have been started meanwhile.
        await check_unserved(store, tenant, declared)
        found = await _round(store, media, tenant)
        if number and not found:
            await suspensions.forget(tenant)
            return +deleted
        deleted += found
        await clock.sleep(PAUSE)
    raise PurgeRefused(
        f"after {ROUNDS} rounds there is still something new of {tenant}: find out which process writes to this store, end "
        "it, and repeat the command"
    )


async def check_unserved(store: Store, tenant: str, declared: Collection[str]) -> None:
    """Raise PurgeRefused while a server has other tenants than *declared*, or a conversation of the tenant is worked on."""
    expected = fingerprint(declared)
    dead = (await census(store)).dead
    if serving := [each for each in await alive(store) if each.data.get(TENANTS) != expected and each.id not in dead]:
        named = ", ".join(f"{each.host} (process {each.pid})" for each in serving)
        raise PurgeRefused(
            f"{tenant} may still be served, by the server on {named}: it works for other tenants than this tenants file "
            "has. It reads a changed file within seconds and ends what it has begun; if its log says reload_refused, or it "
            "was given another file, mend that or stop it. Then repeat the command. One that was killed elsewhere is "
            f"forgotten after {FRESH.total_seconds():g} s"
        )
    if (until := await _leased_until(store, tenant)) is not None:
        raise PurgeRefused(
            f"a conversation of {tenant} is being worked on: repeat the command after {until:%H:%M:%S} UTC, when that is "
            "done or given up"
        )


async def _leased_until(store: Store, tenant: str) -> datetime | None:
    """The end of the last lease that has not run out."""
    until, after = store.now(), None
    last = None
    while page := await store.bulk.page(CONVERSATIONS, tenant=tenant, after=after):
        after = page[-1].place
        for each in page:
            for lease in (each.fields.get("turn_lease"), each.fields.get("lane_lease")):
                if lease and (ends := datetime.fromisoformat(lease["until"])) > until:
                    until = last = ends
    return last


async def _round(store: Store, media: MediaStore, tenant: str) -> Counter[str]:
    """Delete all that is there now; how much."""
    deleted: Counter[str] = Counter()
    while rows := await store.shared.find(DUE, {"tenant": tenant}, order_by="due_at", limit=PAGE):
        deleted["due"] += await store.shared.write(*(Delete(DUE, row) for row in rows))
    deleted["media"] += await media.purge(tenant)
    for collection in COLLECTIONS:
        if not collection.tenant_data:
            continue
        while page := await store.bulk.page(collection, tenant=tenant):
            if collection is OVERLAYS:
                await mark(store, tenant)  # running servers forget it, too
            if collection is SUBSCRIPTIONS:
                await subscribers.mark(store, tenant)
            await store.bulk.remove(collection, page)
            deleted[collection.name] += len(page)
    return +deleted
