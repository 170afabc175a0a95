"""What its collection keeps no longer is deleted, by one process at a time, in every store."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from frontdesk.config import Retention, TenantConfig
from frontdesk.model import Chore, Lease
from frontdesk.runtime import TenantPlugins
from frontdesk.services import retention, rounds
from frontdesk.services.retention import EVERY, NAME, RetentionDesk
from frontdesk.store import Collection, Store
from frontdesk.store.collections import CHORES, COLLECTIONS, INSTANCES, MESSAGES, SUMMARIES, TASKS, TURNS
from frontdesk.testing.clock import MovableClock

LIMITED = [collection for collection in COLLECTIONS if collection.retention is not None]
CHOSEN = [collection for collection in LIMITED if collection.name in Retention.model_fields]
"""Whose age a tenant may choose."""


def keeping(store: Store, **retention: str) -> RetentionDesk:
    """The desk of two tenants, of which acme has a *retention* of its own."""
    declared = {id: TenantPlugins(tenant(id, **(retention if id == "acme" else {})), ()) for id in ("acme", "zen")}
    return RetentionDesk(store, lambda: declared, MovableClock())


def tenant(id: str, **retention: str) -> TenantConfig:
    given = {"id": id, "name": id, "time_zone": "Asia/Ho_Chi_Minh", "language": "vi", "retention": retention}
    return TenantConfig.model_validate(given)


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
    # Summaries are what was said, in other words.
    setting = "messages" if collection is SUMMARIES else collection.name
    age = timedelta(days=40) if setting in Retention.model_fields else kept.age
    assert age is not None
    documents = []
    for only in kept.only:
        for days in (-1, 1):
            at: datetime = store.now() - age + timedelta(hours=days)
            documents.append((days, sample(collection, f"{only} {days}", **{kept.by: at, **only})))
    for _, document in documents:
        assert await door(store, collection).insert(collection, document)
    chosen = {setting: "40 d"} if setting in Retention.model_fields else {}
    assert await keeping(store, **chosen).go_round() == len(documents) / 2
    for days, document in documents:
        assert (await door(store, collection).get(collection, document.id) is not None) == (days > 0)


@pytest.mark.parametrize("collection", CHOSEN, ids=lambda collection: collection.name)
async def test_each_tenant_has_its_own_age_and_the_declared_one_without(
    store: Store, sample: Any, collection: Collection[Any]
) -> None:
    kept = collection.retention
    assert kept is not None
    old = sample(collection, **{kept.by: store.now() - timedelta(days=60), **kept.only[0]})
    for id in ("acme", "zen"):
        await store.for_tenant(id).insert(collection, old)
    assert await keeping(store, **{collection.name: "90 d"}).go_round() == (0 if kept.age is None else 1)
    assert await store.for_tenant("acme").get(collection, "one") == old
    assert (await store.for_tenant("zen").get(collection, "one") is None) == (kept.age is not None)


UNFINISHED: list[tuple[Collection[Any], dict[str, Any]]] = [
    (MESSAGES, {"direction": "inbound", "state": "received"}),
    *((MESSAGES, {"direction": "outbound", "state": state}) for state in ("proposed", "queued", "sending", "parked")),
    *((TURNS, {"state": state}) for state in ("open", "proposed", "parked", "withdrawn")),
    (TASKS, {"state": "waiting"}),
]


async def test_what_waits_for_anything_stays_whatever_the_tenant_says(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    for collection, given in UNFINISHED:
        assert collection.retention is not None
        at = {collection.retention.by: store.now() - timedelta(days=4000)}
        assert await acme.insert(collection, sample(collection, str(given), **at, **given))
    assert await keeping(store, messages="30 d", turns="1 d", tasks="1 d", notes="1 d").go_round() == 0


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
    dead = Lease(token="dead", until=store.now() + rounds.LEASE)
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
    monkeypatch.setattr(rounds, "LEASE", timedelta())
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
