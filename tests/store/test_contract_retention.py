"""What its collection keeps no longer is deleted, by one process at a time, in every store."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from frontdesk.model import Chore, Lease
from frontdesk.services import retention
from frontdesk.services.retention import EVERY, LEASE, NAME, RetentionDesk
from frontdesk.store import Collection, Store
from frontdesk.store.collections import CHORES, COLLECTIONS, INSTANCES, TASKS

LIMITED = [collection for collection in COLLECTIONS if collection.retention is not None]


def keeping(store: Store) -> RetentionDesk:
    return RetentionDesk(store, lambda: ["acme", "zen"])


def door(store: Store, collection: Collection[Any]) -> Any:
    return store.for_tenant("acme") if collection.tenant_data else store.shared


async def chore(store: Store, **changes: Any) -> Chore:
    """The chore's row, changed."""
    found = await store.shared.get(CHORES, NAME)
    assert found is not None
    changed = await store.shared.update(CHORES, found, **changes) if changes else found
    assert changed is not None
    return changed


def aged(store: Store, sample: Any, id: str, age: timedelta, state: str = "done") -> Any:
    return sample(TASKS, id, at=store.now() - age, state=state)


@pytest.mark.parametrize("collection", LIMITED, ids=lambda collection: collection.name)
async def test_only_what_is_past_its_age_goes(store: Store, sample: Any, collection: Collection[Any]) -> None:
    kept = collection.retention
    assert kept is not None
    documents = []
    for state in kept.states or (None,):
        for days in (-1, 1):
            at: datetime = store.now() - kept.age + timedelta(hours=days)
            given = {kept.by: at} | ({"state": state} if state else {})
            documents.append((days, sample(collection, f"{state} {days}", **given)))
    for _, document in documents:
        assert await door(store, collection).insert(collection, document)
    assert await keeping(store).go_round() == len(documents) / 2
    for days, document in documents:
        assert (await door(store, collection).get(collection, document.id) is not None) == (days > 0)


async def test_what_waits_is_kept_whatever_its_age(store: Store, sample: Any) -> None:
    await store.for_tenant("acme").insert(TASKS, aged(store, sample, "waits", timedelta(days=400), "waiting"))
    assert await keeping(store).go_round() == 0
    assert await store.for_tenant("acme").get(TASKS, "waits") is not None


async def test_every_tenant_has_its_turn_and_nothing_is_left_behind_by_a_batch(
    store: Store, sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for tenant in ("acme", "zen"):
        for n in range(5):
            await store.for_tenant(tenant).insert(TASKS, aged(store, sample, str(n), timedelta(days=31 + n)))
    assert await keeping(store).go_round() == 10


async def test_two_processes_do_not_go_round_at_once_and_not_too_often(store: Store, sample: Any) -> None:
    for n in range(20):
        await store.for_tenant("acme").insert(TASKS, aged(store, sample, str(n), timedelta(days=40)))
    assert sorted(await asyncio.gather(*(keeping(store).go_round() for _ in range(4)))) == [0, 0, 0, 20]
    await store.for_tenant("acme").insert(TASKS, aged(store, sample, "late", timedelta(days=40)))
    assert await keeping(store).go_round() == 0
    done = await chore(store)
    assert done.lease is None and done.after == "" and done.next_at > store.now() + EVERY / 2
    await chore(store, next_at=store.now())
    assert await keeping(store).go_round() == 1


async def test_who_comes_after_a_crash_waits_for_the_lease_and_goes_on_where_it_was(store: Store, sample: Any) -> None:
    dead = Lease(token="dead", until=store.now() + LEASE)
    await store.shared.insert(CHORES, Chore(id=NAME, next_at=store.now(), lease=dead, after="zen"))
    for tenant in ("acme", "zen"):
        await store.for_tenant(tenant).insert(TASKS, aged(store, sample, "old", timedelta(days=40)))
    assert await keeping(store).go_round() == 0
    await chore(store, lease=Lease(token="dead", until=store.now()))
    assert await keeping(store).go_round() == 1
    assert await store.for_tenant("acme").get(TASKS, "old") is not None
    await chore(store, next_at=store.now())
    assert await keeping(store).go_round() == 1


async def test_who_was_too_slow_leaves_the_rest_to_whoever_took_over(
    store: Store, sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LEASE", timedelta())
    for tenant in ("acme", "zen"):
        await store.for_tenant(tenant).insert(TASKS, aged(store, sample, "old", timedelta(days=40)))
    find = store.shared.find

    async def taken_over(*arguments: Any, **more: Any) -> Any:
        await chore(store, lease=Lease(token="other", until=store.now() + timedelta(minutes=1)))
        return await find(*arguments, **more)

    monkeypatch.setattr(store.shared, "find", taken_over)
    assert await keeping(store).go_round() == 0
    lease = (await chore(store)).lease
    assert lease is not None and lease.token == "other"


async def test_a_process_that_is_alive_keeps_its_row(store: Store, sample: Any) -> None:
    await store.shared.insert(INSTANCES, sample(INSTANCES, "alive", seen_at=store.now()))
    await store.shared.insert(INSTANCES, sample(INSTANCES, "dead", seen_at=store.now() - timedelta(days=2)))
    await keeping(store).go_round()
    assert [each.id for each in await store.shared.find(INSTANCES, {}, limit=10)] == ["alive"]
