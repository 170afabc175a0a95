"""Documents of earlier schemas are brought to this release's, beside a server that writes, in every store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from frontdesk.model import Contact
from frontdesk.services import migrating
from frontdesk.services.migrating import Migrated, Migration
from frontdesk.store import Collection, Insert, Store
from frontdesk.store.collections import CONTACTS, DUE

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class NewerContact:
    """Schema 2 has the name in parts; schema 3 says how it is sorted."""

    id: str
    version: int = 1
    name: str = ""
    given_name: str = ""
    sort_key: str = ""
    created_at: datetime


def given_name(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"given_name": fields["name"].split()[-1]}


def sort_key(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"sort_key": fields["given_name"].lower()}


FIRST = replace(CONTACTS, schema=1)
SECOND = Collection("contacts", NewerContact, indexes=(("created_at",),), schema=2, upgrades={1: given_name})
THIRD = replace(SECOND, indexes=(("sort_key",),), schema=3, upgrades={1: given_name, 2: sort_key})
FIRST_RELEASE = (FIRST, DUE)
SECOND_RELEASE = (SECOND, DUE)
THIRD_RELEASE = (THIRD, DUE)


async def write_first(store: Store, count: int) -> None:
    for tenant in ("acme", "zen"):
        contacts = [Contact(id=f"{n:03}", name=f"Nguyễn Hằng{n}", created_at=NOON) for n in range(count)]
        await store.for_tenant(tenant).write(*(Insert(FIRST, each) for each in contacts))


async def migrate(store: Store, collections: Any = SECOND_RELEASE) -> Migrated:
    return await Migration(store, lambda *_: None, collections).run()


async def test_every_document_is_brought_on_and_a_second_run_finds_nothing(
    open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "PAGE", 3)
    ours, newer = await open_store(FIRST_RELEASE), await open_store(SECOND_RELEASE)
    await write_first(ours, 4)
    assert (await migrate(newer)).rewritten == {"contacts": 8}
    stored = await newer.bulk.page(SECOND)
    assert {each.schema for each in stored} == {2}
    assert (await newer.for_tenant("zen").get(SECOND, "003")).given_name == "Hằng3"
    assert (await migrate(newer)).rewritten == {"contacts": 0}
    assert await newer.bulk.page(SECOND) == stored


async def test_a_release_that_was_left_out_costs_nothing(open_store: Any) -> None:
    ours, newer = await open_store(FIRST_RELEASE), await open_store(THIRD_RELEASE)
    await write_first(ours, 2)
    assert (await migrate(newer, THIRD_RELEASE)).rewritten == {"contacts": 4}
    found = await newer.for_tenant("acme").find(THIRD, {"sort_key": "hằng1"}, limit=5)
    assert [(each.id, each.given_name) for each in found] == [("001", "Hằng1")]


async def test_what_a_server_changes_meanwhile_is_not_lost(open_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "PAGE", 5)
    ours, newer = await open_store(FIRST_RELEASE), await open_store(SECOND_RELEASE)
    await write_first(ours, 10)
    acme = ours.for_tenant("acme")
    replace_one = newer.bulk.replace
    raced: list[str] = []

    async def beaten_once(collection: Any, document: Any, changes: Any) -> bool:
        """A server changes the contact between our reading and our writing."""
        if document.tenant == "acme" and document.id not in raced:
            raced.append(document.id)
            read = await acme.get(FIRST, document.id)
            assert await acme.update(FIRST, read, name=f"Trần Lan{document.id}") is not None
        return await replace_one(collection, document, changes)

    monkeypatch.setattr(newer.bulk, "replace", beaten_once)
    assert (await migrate(newer)).rewritten == {"contacts": 20}
    assert len(raced) == 10
    for n in range(10):
        assert (await newer.for_tenant("acme").get(SECOND, f"{n:03}")).given_name == f"Lan{n:03}"


async def test_what_a_server_of_this_release_has_changed_in_part_is_brought_on_too(open_store: Any) -> None:
    ours, newer = await open_store(FIRST_RELEASE), await open_store(SECOND_RELEASE)
    await write_first(ours, 1)
    read = await newer.for_tenant("acme").get(SECOND, "000")
    await newer.for_tenant("acme").update(SECOND, read, name="Trần Lan")
    assert (await migrate(newer)).rewritten == {"contacts": 2}
    assert (await newer.for_tenant("acme").get(SECOND, "000")).given_name == "Lan"


async def test_two_runs_at_once_do_it_once(open_store: Any) -> None:
    ours, newer = await open_store(FIRST_RELEASE), await open_store(SECOND_RELEASE)
    await write_first(ours, 20)
    done = await asyncio.gather(migrate(newer), migrate(newer))
    assert sum(each.rewritten["contacts"] for each in done) == 40


async def test_a_document_that_cannot_be_brought_on_is_named_and_stops_no_other(open_store: Any) -> None:
    ours, newer = await open_store(FIRST_RELEASE), await open_store(SECOND_RELEASE)
    await write_first(ours, 2)
    read = await ours.for_tenant("acme").get(FIRST, "001")
    await ours.for_tenant("acme").update(FIRST, read, name="")
    migrated = await migrate(newer)
    assert migrated.rewritten == {"contacts": 3}
    assert migrated.failed == ["contacts of tenant acme: 001 (schema 1) is left as it was: IndexError"]
    (left,) = [each for each in await newer.bulk.page(SECOND) if each.schema == 1]
    assert left.place == ("acme", "001")


async def test_the_release_before_goes_on_with_what_was_brought_on(open_store: Any) -> None:
    ours, newer = await open_store(FIRST_RELEASE), await open_store(SECOND_RELEASE)
    await write_first(ours, 1)
    before = await ours.for_tenant("acme").get(FIRST, "000")
    await migrate(newer)
    assert await ours.for_tenant("acme").update(FIRST, before, phone="+84901234567") is None, "it changed meanwhile"
    read = await ours.for_tenant("acme").get(FIRST, "000")
    assert await ours.for_tenant("acme").update(FIRST, read, phone="+84901234567") is not None
    (stored,) = await newer.bulk.page(SECOND, tenant="acme")
    assert (stored.schema, stored.fields["given_name"], stored.fields["phone"]) == (2, "Hằng0", "+84901234567")
