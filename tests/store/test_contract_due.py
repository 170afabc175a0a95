"""The contract of DueList, the same for every back end."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from frontdesk.model import Due
from frontdesk.store import PutDue, Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def test_put_writes_a_row_and_raises_the_version_of_one_that_is_there(store: Store) -> None:
    first = await store.due.put("turn", "acme", "c/1", at(5))
    second = await store.due.put("turn", "acme", "c/1", at(3))
    assert (first.kind, first.tenant, first.ref, first.due_at) == ("turn", "acme", "c/1", at(5))
    assert (second.version, second.due_at) == (first.version + 1, at(3))
    assert await store.due.get("turn", "acme", "c/1") == second
    assert await store.due.count() == 1


async def test_rows_of_one_reference_are_told_apart_by_kind_and_tenant(store: Store) -> None:
    for kind in ("turn", "lane", "task"):
        for tenant in ("acme", "other"):
            await store.due.put(kind, tenant, "c", NOON)
    assert await store.due.count() == 6
    assert await store.due.get("turn", "nobody", "c") is None


async def test_a_claim_takes_once_and_moves_the_row_ahead(store: Store) -> None:
    due = await store.due.put("turn", "acme", "c", NOON)
    claimed = await store.due.claim(due, LATER)
    assert claimed is not None and (claimed.due_at, claimed.version) == (LATER, due.version + 1)
    assert await store.due.claim(due, LATER) is None
    assert await store.due.get("turn", "acme", "c") == claimed


async def test_claim_next_takes_what_is_ripe_of_these_kinds_oldest_first(store: Store) -> None:
    for ref, kind, seconds in (
        ("b", "turn", -2),
        ("a", "lane", -3),
        ("now", "turn", 0),
        ("no", "task", -9),
        ("ripe", "turn", 1),
    ):
        await store.due.put(kind, "acme", ref, at(seconds))
    claimed = await store.due.claim_next(["turn", "lane"], NOON, LATER, 2)
    assert [due.ref for due in claimed] == ["a", "b"]
    assert all(due.due_at == LATER for due in claimed)
    assert [due.ref for due in await store.due.claim_next(["turn", "lane"], NOON, LATER, 10)] == ["now"]
    assert await store.due.claim_next(["turn", "lane"], NOON, LATER, 10) == []
    assert await store.due.claim_next([], NOON, LATER, 10) == []
    for due in claimed:
        assert await store.due.get(due.kind, "acme", due.ref) == due


async def test_twenty_tasks_claim_each_row_exactly_once(store: Store) -> None:
    for n in range(60):
        await store.due.put("turn", "acme", f"c{n}", at(-n))
    taken: Counter[str] = Counter()

    async def take() -> None:
        while claimed := await store.due.claim_next(["turn"], NOON, LATER, 4):
            taken.update(due.ref for due in claimed)

    await asyncio.gather(*(take() for _ in range(20)))
    assert taken == Counter({f"c{n}": 1 for n in range(60)})


async def test_of_twenty_claims_of_one_row_one_takes(store: Store) -> None:
    due = await store.due.put("lane", "acme", "c", NOON)
    claims = await asyncio.gather(*(store.due.claim(due, LATER) for _ in range(20)))
    assert sum(claim is not None for claim in claims) == 1


async def test_next_at_is_the_earliest_of_all_kinds_or_of_those_named(store: Store) -> None:
    assert await store.due.next_at() is await store.due.next_at("turn") is None
    await store.due.put("turn", "acme", "c", at(5))
    await store.due.put("task", "acme", "t", at(2))
    assert await store.due.next_at() == await store.due.next_at("lane", "task") == at(2)
    assert await store.due.next_at("turn", "lane") == at(5)
    assert await store.due.next_at("lane") is None


async def test_a_row_that_was_touched_is_not_deleted(store: Store) -> None:
    read = await store.due.put("turn", "acme", "c", NOON)
    touched = await store.due.put("turn", "acme", "c", NOON)
    assert not await store.due.delete(read)
    assert await store.due.delete(touched)
    assert not await store.due.delete(touched)
    assert await store.due.count() == 0


async def test_a_row_put_again_is_safe_from_who_knew_its_earlier_life(store: Store) -> None:
    lives: list[Due] = []
    for _ in range(20):
        lives.append(await store.due.put("turn", "acme", "c", NOON))
        assert await store.due.delete(lives[-1])
    now = await store.due.put("turn", "acme", "c", NOON)
    for earlier in lives:
        assert not await store.due.delete(earlier)
        assert await store.due.claim(earlier, LATER) is None
    assert await store.due.get("turn", "acme", "c") == now


async def test_concurrent_puts_of_a_new_row_all_take(store: Store) -> None:
    rows = await asyncio.gather(*(store.due.put("turn", "acme", "c", NOON) for _ in range(10)))
    assert len({row.version for row in rows}) == 10
    stored = await store.due.get("turn", "acme", "c")
    assert stored is not None and stored.version == max(row.version for row in rows)


async def test_put_due_in_a_write_raises_the_version(store: Store) -> None:
    acme = store.for_tenant("acme")
    before = await store.due.put("turn", "acme", "c", NOON)
    assert await acme.write(PutDue("turn", "acme", "c", at(1)), PutDue("lane", "acme", "c", at(2))) == 2
    after = await store.due.get("turn", "acme", "c")
    assert after is not None and (after.version, after.due_at) == (before.version + 1, at(1))


@pytest.mark.parametrize("tenant", ["", "a/b", "a\x1fb"])
async def test_a_row_needs_a_tenant_that_can_be_one(store: Store, tenant: Any) -> None:
    with pytest.raises(ValueError, match="tenant id"):
        await store.due.put("turn", tenant, "c", NOON)
