"""Tenants cannot meet (promise 4): generated over every collection, so a new one is covered when it is declared."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk.store import Collection, Delete, In, Insert, QueryError, Store, Update
from frontdesk.store.collections import COLLECTIONS, CONTACTS

TENANT_DATA = [collection for collection in COLLECTIONS if collection.tenant_data]


def by_name(collection: Collection[Any]) -> str:
    return collection.name


@pytest.mark.parametrize("collection", TENANT_DATA, ids=by_name)
async def test_the_same_id_in_two_tenants_is_two_documents(
    store: Store, sample: Any, collection: Collection[Any]
) -> None:
    ours, theirs = store.for_tenant("acme"), store.for_tenant("acme2")
    document = sample(collection)
    assert await ours.insert(collection, document)
    assert await theirs.get(collection, "one") is None
    assert await theirs.insert(collection, document)
    assert await theirs.delete(collection, document)
    assert await ours.get(collection, "one") == document


@pytest.mark.parametrize("collection", TENANT_DATA, ids=by_name)
async def test_no_query_sees_another_tenant(store: Store, sample: Any, collection: Collection[Any]) -> None:
    theirs = sample(collection, "theirs")
    await store.for_tenant("acme2").insert(collection, theirs)
    ours = store.for_tenant("acme")
    for index in (("id",), *collection.indexes, *collection.unique):
        for length in range(len(index) + 1):
            where = {name: getattr(theirs, name) for name in index[:length]}
            order_by = (*index, "id")[length] if index != ("id",) else "id"
            assert await ours.find(collection, where, order_by=order_by) == []
            assert await store.for_tenant("acme2").find(collection, where, order_by=order_by) == [theirs]
            assert await ours.count(collection, where) == 0
    assert await ours.find(collection, {"id": In(["theirs", "acme2/theirs", "../acme2/theirs"])}) == []


@pytest.mark.parametrize("collection", TENANT_DATA, ids=by_name)
async def test_no_write_reaches_another_tenant(store: Store, sample: Any, collection: Collection[Any]) -> None:
    theirs = sample(collection)
    await store.for_tenant("acme2").insert(collection, theirs)
    ours = store.for_tenant("acme")
    changeable = next(name for name in sorted(collection.fields - {"id", "version"}))
    same = {changeable: getattr(theirs, changeable)}
    assert await ours.update(collection, theirs, **same) is None
    assert not await ours.delete(collection, theirs)
    assert await ours.write(Update(collection, theirs, same)) == 0
    assert await ours.write(Delete(collection, theirs)) == 0
    assert await store.for_tenant("acme2").get(collection, "one") == theirs


@pytest.mark.parametrize("collection", COLLECTIONS, ids=by_name)
async def test_the_wrong_door_is_shut(store: Store, sample: Any, collection: Collection[Any]) -> None:
    wrong = store.shared if collection.tenant_data else store.for_tenant("acme")
    document = sample(collection)
    with pytest.raises(QueryError, match="reached through"):
        await wrong.get(collection, "one")
    with pytest.raises(QueryError, match="reached through"):
        await wrong.find(collection, {})
    with pytest.raises(QueryError, match="reached through"):
        await wrong.count(collection, {})
    with pytest.raises(QueryError, match="reached through"):
        await wrong.insert(collection, document)
    with pytest.raises(QueryError, match="reached through"):
        await wrong.update(collection, document)
    with pytest.raises(QueryError, match="reached through"):
        await wrong.delete(collection, document)
    with pytest.raises(QueryError, match="reached through"):
        await wrong.write(Insert(collection, document))


@pytest.mark.parametrize("tenant", ["", "a/b", "/", "a\x00b", "a\x1fb", "x" * 513])
async def test_what_cannot_be_a_tenant_gets_no_door(store: Store, tenant: str) -> None:
    with pytest.raises(ValueError, match="tenant id"):
        store.for_tenant(tenant)


async def test_a_collection_that_is_not_declared_is_refused(store: Store, sample: Any) -> None:
    other = Collection("contacts", CONTACTS.model, indexes=(("phone",),))
    with pytest.raises(QueryError, match="not kept here; there are identities, contacts"):
        await store.for_tenant("acme").find(other, {"phone": "x"})
