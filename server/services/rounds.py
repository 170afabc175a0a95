"""Rounds of all tenants that one process does at a time; after a crash another goes on where it stood."""

from __future__ import annotations

import uuid
from datetime import timedelta

from ..model import Chore, Lease
from ..store import Store
from ..store.collections import CHORES

LEASE = timedelta(minutes=1)
"""Renewed at half its time, between tenants; whoever comes after a crash goes on with the tenant it died at."""


async def take(store: Store, name: str) -> Chore | None:
    """The chore under our lease; None: it is not due, or somebody else does it."""
    now = store.now()
    lease = Lease(token=uuid.uuid4().hex, until=now + LEASE)
    chore = await store.shared.get(CHORES, name)
    if chore is None:
        chore = Chore(id=name, next_at=now, lease=lease)
        return chore if await store.shared.insert(CHORES, chore) else None
    if chore.next_at > now or (chore.lease is not None and chore.lease.until > now):
        return None
    return await store.shared.update(CHORES, chore, lease=lease)


async def renewed(store: Store, held: Chore, tenant: str) -> Chore | None:
    """With time for another piece; None: we were too slow, and somebody else goes on."""
    now = store.now()
    if held.lease is None or held.lease.until - now > LEASE / 2:
        return held
    lease = Lease(token=held.lease.token, until=now + LEASE)
    return await store.shared.update(CHORES, held, lease=lease, after=tenant)


async def done(store: Store, held: Chore, every: timedelta) -> None:
    """The round is over; the next one is due after *every*."""
    await store.shared.update(CHORES, held, lease=None, after="", next_at=store.now() + every)


async def hurry(store: Store, name: str) -> None:
    """The next round is due now, unless one is under way."""
    chore = await store.shared.get(CHORES, name)
    if chore is not None and chore.next_at > store.now():
        await store.shared.update(CHORES, chore, next_at=store.now())
