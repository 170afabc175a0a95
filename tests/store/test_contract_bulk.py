"""Documents as they lie in a store: what is moved, migrated and purged. The same for every back end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from frontdesk.model import Conversation, Lease
from frontdesk.store import Collection, QueryError, Store
from frontdesk.store.bulk import Stored
from frontdesk.store.collections import COLLECTIONS, CONTACTS, CONVERSATIONS, DUE, MESSAGES, NOTES
from frontdesk.store.sqlite import SqliteStore

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)


async def fill(store: Store, sample: Any) -> None:
    for tenant in ("acme-2", "acme", "zen"):
        for n in range(5):
            await store.for_tenant(tenant).insert(CONTACTS, sample(CONTACTS, f"whatsapp:+8490{n}/ü.$%"))
    await store.for_tenant("quiet").insert(NOTES, sample(NOTES))


async def test_pages_hold_every_document_of_every_tenant_once(store: Store, sample: Any) -> None:
    await fill(store, sample)
    found: list[Stored] = []
    while page := await store.bulk.page(CONTACTS, after=found[-1].place if found else None, limit=4):
        assert len(page) <= 4
        found += page
    assert len(found) == 15
    assert {each.place for each in found} == {
        (tenant, f"whatsapp:+8490{n}/ü.$%") for tenant in ("acme", "acme-2", "zen") for n in range(5)
    }


async def test_a_tenants_pages_hold_that_tenants_alone(store: Store, sample: Any) -> None:
    await fill(store, sample)
    first = await store.bulk.page(CONTACTS, tenant="acme", limit=3)
    rest = await store.bulk.page(CONTACTS, tenant="acme", after=first[-1].place, limit=100)
    assert [each.place for each in first + rest] == [("acme", f"whatsapp:+8490{n}/ü.$%") for n in range(5)]
    with pytest.raises(QueryError, match="due is server-wide"):
        await store.bulk.page(DUE, tenant="acme")


async def test_the_tenants_are_those_that_have_anything(store: Store, sample: Any) -> None:
    assert await store.bulk.tenants() == []
    await fill(store, sample)
    assert await store.bulk.tenants() == ["acme", "acme-2", "quiet", "zen"]


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda collection: collection.name)
async def test_what_was_taken_away_and_put_back_is_the_same(
    store: Store, sample: Any, collection: Collection[Any]
) -> None:
    given = {"tenant": "acme", "ref": "x"} if collection is DUE else {}
    door = store.for_tenant("acme") if collection.tenant_data else store.shared
    document = sample(collection, **given)
    assert await door.insert(collection, document)
    (stored,) = await store.bulk.page(collection)
    await store.bulk.remove(collection, [stored])
    assert await door.get(collection, "one") is None
    await store.bulk.add(collection, [stored])
    assert await door.get(collection, "one") == document
    assert [each.digest() for each in await store.bulk.page(collection)] == [stored.digest()]


async def test_what_was_put_back_is_found_by_its_keys(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    conversation = sample(
        CONVERSATIONS, owner="operator:Hằng", last_inbound_at=NOON, turn_lease=Lease(token="t", until=NOON)
    )
    await acme.insert(CONVERSATIONS, conversation)
    stored = await store.bulk.page(CONVERSATIONS)
    await store.bulk.remove(CONVERSATIONS, stored)
    await store.bulk.add(CONVERSATIONS, stored)
    found: list[Conversation] = await acme.find(
        CONVERSATIONS, {"owner": "operator:Hằng"}, order_by="last_inbound_at", limit=5
    )
    assert found == [conversation]


async def test_what_is_there_already_is_left_alone(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    await acme.insert(CONTACTS, sample(CONTACTS, "old", name="old"))
    (old,) = await store.bulk.page(CONTACTS)
    again = replace(old, fields={**old.fields, "name": "other"})
    await store.bulk.add(CONTACTS, [again, replace(old, id="new"), again])
    assert [(each.id, each.fields["name"]) for each in await store.bulk.page(CONTACTS)] == [
        ("new", "old"),
        ("old", "old"),
    ]


@dataclass(frozen=True, kw_only=True)
class NewerContact:
    id: str
    version: int = 1
    kind: str = "customer"
    created_at: datetime
    birthday: datetime | None = None
    details: dict[str, Any] = field(default_factory=dict)


NEWER = Collection("contacts", NewerContact, indexes=(("created_at",), ("birthday",)), schema=CONTACTS.schema + 1)


async def test_fields_and_schema_of_a_newer_release_go_along(open_store: Any) -> None:
    newer = await open_store(tuple(NEWER if each is CONTACTS else each for each in COLLECTIONS))
    ours = await open_store()
    written = NewerContact(
        id="one", kind="robot", created_at=NOON, birthday=NOON, details={"a.b": [2**60, 1.0, None, {"$x": True}]}
    )
    await newer.for_tenant("acme").insert(NEWER, written)
    (stored,) = await ours.bulk.page(CONTACTS)
    assert (stored.schema, stored.fields["birthday"]) == (NEWER.schema, "2026-11-22T12:00:00.123000Z")
    await ours.bulk.remove(CONTACTS, [stored])
    await ours.bulk.add(CONTACTS, [stored])
    assert await newer.for_tenant("acme").get(NEWER, "one") == written


async def test_a_document_is_replaced_if_nobody_changed_it(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    written = sample(MESSAGES, conversation="c", at=NOON)
    await acme.insert(MESSAGES, written)
    (stored,) = await store.bulk.page(MESSAGES)
    later = {"at": "2026-11-23T12:00:00Z", "extra": {"a.b": 1}}
    assert await store.bulk.replace(MESSAGES, stored, later)
    assert not await store.bulk.replace(MESSAGES, stored, {"text": "too late"})
    moved = replace(written, version=2, at=NOON.replace(day=23, microsecond=0))
    assert await acme.find(MESSAGES, {"conversation": "c"}, order_by="at", limit=5) == [moved]
    (after,) = await store.bulk.page(MESSAGES)
    assert after.fields == {**stored.fields, **later}


async def test_a_collection_that_this_release_does_not_know_is_named(open_store: Any, sample: Any) -> None:
    letters = Collection("letters", NewerContact)
    newer, ours = await open_store((*COLLECTIONS, letters)), await open_store()
    await newer.for_tenant("acme").insert(letters, NewerContact(id="one", created_at=NOON))
    await ours.check(timeout=NOON - NOON.replace(hour=11))
    assert await ours.bulk.unknown() == ["letters"]


async def test_what_cannot_be_kept_is_refused(store: Store, sample: Any) -> None:
    await store.for_tenant("acme").insert(CONTACTS, sample(CONTACTS))
    (stored,) = await store.bulk.page(CONTACTS)
    with pytest.raises(ValueError):
        await store.bulk.add(CONTACTS, [replace(stored, id="two", fields={**stored.fields, "name": "\ud800"})])
    if not isinstance(store, SqliteStore):
        with pytest.raises(ValueError):
            await store.bulk.add(CONTACTS, [replace(stored, id="two", fields={**stored.fields, "extra": 2**70})])
