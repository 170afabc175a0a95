"""Two releases on one data: the contract of a rolling upgrade, the same for every back end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from frontdesk.store import Collection, StoreError
from frontdesk.store.collections import COLLECTIONS, CONTACTS

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class NewerContact:
    id: str
    version: int = 1
    kind: str = "customer"
    name: str = ""
    phone: str = ""
    language: str = ""
    opted_out: bool = False
    created_at: datetime
    birthday: str = ""
    details: dict[str, Any] = field(default_factory=dict)


NEWER_CONTACTS = Collection(
    "contacts", NewerContact, indexes=(("created_at",), ("birthday",)), schema=CONTACTS.schema + 1
)
NEWER = tuple(NEWER_CONTACTS if c is CONTACTS else c for c in COLLECTIONS)


async def test_fields_of_a_newer_release_survive_a_change_by_this_one(open_store: Any) -> None:
    newer, ours = await open_store(NEWER), await open_store()
    written = NewerContact(
        id="one", name="Hằng", created_at=NOON, birthday="1990-01-02", details={"a.b": [2**60, None, {"$x": True}]}
    )
    await newer.for_tenant("acme").insert(NEWER_CONTACTS, written)

    read = await ours.for_tenant("acme").get(CONTACTS, "one")
    assert read is not None and read.name == "Hằng"
    assert await ours.for_tenant("acme").update(CONTACTS, read, name="Hạnh", opted_out=True) is not None

    after = await newer.for_tenant("acme").get(NEWER_CONTACTS, "one")
    assert after == replace(written, version=2, name="Hạnh", opted_out=True)
    assert await newer.for_tenant("acme").find(NEWER_CONTACTS, {"birthday": "1990-01-02"}) == [after]


async def test_the_schema_is_that_of_who_wrote_the_whole_document(open_store: Any, sample: Any) -> None:
    """A newer release's change of some fields makes no document of its own schema: it would never be migrated."""
    ours, newer = await open_store(), await open_store(NEWER)
    await ours.for_tenant("acme").insert(CONTACTS, sample(CONTACTS))
    read = await newer.for_tenant("acme").get(NEWER_CONTACTS, "one")
    await newer.for_tenant("acme").update(NEWER_CONTACTS, read, name="newer")
    (stored,) = await newer.bulk.page(NEWER_CONTACTS)
    assert stored.schema == CONTACTS.schema
    assert await newer.bulk.replace(NEWER_CONTACTS, stored, {"birthday": "1990-01-02"})
    again = await ours.for_tenant("acme").get(CONTACTS, "one")
    assert again.name == "newer"
    assert await ours.for_tenant("acme").update(CONTACTS, again, name="ours") is not None
    (stored,) = await newer.bulk.page(NEWER_CONTACTS)
    assert (stored.schema, stored.fields["name"], stored.fields["birthday"]) == (
        NEWER_CONTACTS.schema,
        "ours",
        "1990-01-02",
    )


async def test_a_document_of_the_release_before_is_read_with_defaults(open_store: Any, sample: Any) -> None:
    ours = await open_store()
    await ours.for_tenant("acme").insert(CONTACTS, sample(CONTACTS))
    newer = await open_store(NEWER)
    read = await newer.for_tenant("acme").get(NEWER_CONTACTS, "one")
    assert read == NewerContact(id="one", created_at=NOON)
    assert await newer.for_tenant("acme").update(NEWER_CONTACTS, read, birthday="1990-01-02") is not None


async def test_a_document_that_cannot_be_read_says_where_but_not_what(open_store: Any) -> None:
    newer, ours = await open_store(NEWER), await open_store()
    await newer.for_tenant("acme").insert(NEWER_CONTACTS, NewerContact(id="one", kind="robot-secret", created_at=NOON))
    with pytest.raises(StoreError, match=r"contacts.*kind: literal_error") as caught:
        await ours.for_tenant("acme").get(CONTACTS, "one")
    assert "robot-secret" not in str(caught.value)
