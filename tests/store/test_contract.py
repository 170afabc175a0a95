"""The contract of Repository, the same for every back end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from frontdesk.model import Conversation, Lease, Message
from frontdesk.store import (
    Between,
    Collection,
    Delete,
    In,
    Insert,
    PutDue,
    QueryError,
    Store,
    Update,
)
from frontdesk.store.codec import first_version
from frontdesk.store.collections import (
    COLLECTIONS,
    CONTACTS,
    CONVERSATIONS,
    DUE,
    IDENTITIES,
    INSTANCES,
    MESSAGES,
    NOTES,
    PLUGIN_DATA,
    TASKS,
)

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)
VIETNAMESE = "Dạ, em muốn đặt lịch học thử ạ — Nguyễn Thị Hằng"


def at(milliseconds: int) -> datetime:
    return NOON + timedelta(milliseconds=milliseconds)


async def five_messages(store: Store, sample: Any) -> list[Message]:
    messages = [
        sample(MESSAGES, f"m{n}", conversation="c", at=at(n // 2), state="received" if n % 2 else "answered")
        for n in range(5)
    ]
    for message in reversed(messages):
        assert await store.for_tenant("acme").insert(MESSAGES, message)
    return messages


async def test_a_document_comes_back_as_it_was_written(store: Store, sample: Any) -> None:
    conversation = sample(
        CONVERSATIONS,
        "whatsapp:+84901234567/ü.$%",
        owner="operator:Hằng",
        turn_lease=Lease(token="t", until=at(7)),
        last_inbound_at=at(1),
    )
    acme = store.for_tenant("acme")
    assert await acme.insert(CONVERSATIONS, conversation)
    assert await acme.get(CONVERSATIONS, conversation.id) == conversation


@pytest.mark.parametrize("collection", [c for c in COLLECTIONS if c is not DUE], ids=lambda c: c.name)
async def test_every_collection_is_kept_and_changed(store: Store, sample: Any, collection: Collection[Any]) -> None:
    door = store.for_tenant("acme") if collection.tenant_data else store.shared
    document = sample(collection)
    assert await door.insert(collection, document)
    assert await door.get(collection, "one") == document
    assert await door.find(collection, {"id": "one"}) == [document]
    assert await door.count(collection, {}) == 1
    assert await door.delete(collection, document)
    assert await door.get(collection, "one") is None


async def test_an_id_is_taken_once(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    assert await acme.insert(CONTACTS, sample(CONTACTS, name="first"))
    assert not await acme.insert(CONTACTS, sample(CONTACTS, name="second"))
    found = await acme.get(CONTACTS, "one")
    assert found is not None and found.name == "first"


async def test_what_is_not_there_is_none(store: Store) -> None:
    assert await store.for_tenant("acme").get(CONTACTS, "nobody") is None


@dataclass(frozen=True, kw_only=True)
class Seat:
    id: str
    version: int = 1
    row: str
    number: int


SEATS = Collection("seats", Seat, unique=(("row", "number"),))


async def test_a_unique_key_is_taken_once_in_each_tenant(open_store: Any) -> None:
    store = await open_store((*COLLECTIONS, SEATS))
    acme = store.for_tenant("acme")
    assert await acme.insert(SEATS, Seat(id="a", row="x", number=1))
    assert not await acme.insert(SEATS, Seat(id="b", row="x", number=1))
    assert await acme.insert(SEATS, Seat(id="c", row="x", number=2))
    assert await store.for_tenant("other").insert(SEATS, Seat(id="a", row="x", number=1))
    assert [seat.id for seat in await acme.find(SEATS, {"row": "x", "number": 1})] == ["a"]
    with pytest.raises(QueryError, match="unique key"):
        await acme.update(SEATS, Seat(id="a", row="x", number=1), number=2)


async def test_an_update_raises_the_version_and_leaves_other_fields(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    contact = sample(CONTACTS, name=VIETNAMESE, phone="+84901234567")
    await acme.insert(CONTACTS, contact)
    changed = await acme.update(CONTACTS, contact, language="vi", opted_out=True)
    assert changed == replace(contact, version=2, language="vi", opted_out=True)
    assert await acme.get(CONTACTS, "one") == changed


async def test_an_update_of_an_older_version_does_not_take(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    contact = sample(CONTACTS)
    await acme.insert(CONTACTS, contact)
    newer = await acme.update(CONTACTS, contact, name="new")
    assert await acme.update(CONTACTS, contact, name="late") is None
    assert await acme.get(CONTACTS, "one") == newer
    assert await acme.update(CONTACTS, sample(CONTACTS, "nobody"), name="x") is None


async def test_an_indexed_field_is_found_by_its_new_value_only(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    identity = sample(IDENTITIES, contact="before")
    await acme.insert(IDENTITIES, identity)
    changed = await acme.update(IDENTITIES, identity, contact="after")
    assert await acme.find(IDENTITIES, {"contact": "before"}) == []
    assert await acme.find(IDENTITIES, {"contact": "after"}) == [changed]


async def test_a_delete_takes_only_at_the_version_that_was_read(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    contact = sample(CONTACTS)
    await acme.insert(CONTACTS, contact)
    newer = await acme.update(CONTACTS, contact, name="new")
    assert newer is not None
    assert not await acme.delete(CONTACTS, contact)
    assert await acme.delete(CONTACTS, newer)
    assert not await acme.delete(CONTACTS, newer)


async def test_a_row_that_came_back_with_a_first_version_is_safe_from_a_stale_deleter(
    store: Store, sample: Any
) -> None:
    acme = store.for_tenant("acme")
    before = sample(PLUGIN_DATA, version=first_version(store.now()))
    await acme.insert(PLUGIN_DATA, before)
    await acme.delete(PLUGIN_DATA, before)
    again = sample(PLUGIN_DATA, version=first_version(store.now()))
    await acme.insert(PLUGIN_DATA, again)
    assert not await acme.delete(PLUGIN_DATA, before)
    assert await acme.get(PLUGIN_DATA, "one") == again


async def test_fifty_concurrent_increments_lose_none(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    await acme.insert(CONVERSATIONS, sample(CONVERSATIONS))

    async def increment() -> None:
        while True:
            read = await acme.get(CONVERSATIONS, "one")
            assert read is not None
            if await acme.update(CONVERSATIONS, read, inbound_seq=read.inbound_seq + 1):
                return

    await asyncio.gather(*(increment() for _ in range(50)))
    end = await acme.get(CONVERSATIONS, "one")
    assert end is not None and (end.inbound_seq, end.version) == (50, 51)


async def test_of_concurrent_inserts_one_takes(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    took = await asyncio.gather(*(acme.insert(CONTACTS, sample(CONTACTS, name=str(n))) for n in range(20)))
    assert took.count(True) == 1


# find -----------------------------------------------------------------------------------------------------------------


async def test_equality_sorted_by_what_follows_and_then_by_id(store: Store, sample: Any) -> None:
    messages = await five_messages(store, sample)
    acme = store.for_tenant("acme")
    assert await acme.find(MESSAGES, {"conversation": "c"}, order_by="at") == messages
    backwards = await acme.find(MESSAGES, {"conversation": "c"}, order_by="at", descending=True)
    assert backwards == messages[::-1]
    assert await acme.find(MESSAGES, {"conversation": "d"}, order_by="at") == []


async def test_between_takes_the_low_end_and_leaves_the_high_one(store: Store, sample: Any) -> None:
    messages = await five_messages(store, sample)
    acme = store.for_tenant("acme")

    async def between(low: Any, high: Any) -> list[Message]:
        return await acme.find(MESSAGES, {"conversation": "c", "at": Between(low, high)}, order_by="at")

    assert await between(at(0), at(1)) == messages[:2]
    assert await between(at(1), None) == messages[2:]
    assert await between(None, at(1)) == messages[:2]
    assert await between(None, None) == messages


async def test_in_is_sorted_by_the_field_behind_it(store: Store, sample: Any) -> None:
    messages = await five_messages(store, sample)
    acme = store.for_tenant("acme")
    where = {"conversation": "c", "direction": "inbound", "state": In(["received", "answered"])}
    assert await acme.find(MESSAGES, where, order_by="at") == messages
    only = where | {"state": In(["received"])}
    assert await acme.find(MESSAGES, only, order_by="at") == [m for m in messages if m.state == "received"]
    assert await acme.find(MESSAGES, where | {"state": In([])}, order_by="at") == []
    assert await acme.count(MESSAGES, where) == 5
    by_id = await acme.find(MESSAGES, {"id": In(["m3", "m1", "nobody"])})
    assert [m.id for m in by_id] == ["m1", "m3"]


@pytest.mark.parametrize("descending", [False, True])
async def test_pages_continue_behind_a_document_and_leave_nothing_out(
    store: Store, sample: Any, descending: bool
) -> None:
    acme = store.for_tenant("acme")
    for n, moment in enumerate([None, at(1), None, at(0), at(1), at(2), None]):
        await acme.insert(CONVERSATIONS, sample(CONVERSATIONS, f"c{n}", last_inbound_at=moment))
    nothing, moments = ["c0", "c2", "c6"], ["c3", "c1", "c4", "c5"]
    expected = [*nothing, *moments]
    for order_by, wanted in (("last_inbound_at", expected), ("", sorted(expected))):
        seen: list[Conversation] = []
        while True:
            last = seen[-1] if seen else None
            page = await acme.find(CONVERSATIONS, {}, order_by=order_by, descending=descending, limit=2, after=last)
            seen += page
            if len(page) < 2:
                break
        assert [c.id for c in seen] == (wanted[::-1] if descending else wanted)


async def test_a_field_that_holds_nothing_is_found_by_none(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    quiet = sample(CONVERSATIONS, "quiet")
    await acme.insert(CONVERSATIONS, quiet)
    await acme.insert(CONVERSATIONS, sample(CONVERSATIONS, "lively", last_inbound_at=NOON))
    assert await acme.find(CONVERSATIONS, {"last_inbound_at": None}) == [quiet]
    early = {"last_inbound_at": Between(None, at(1))}
    assert [c.id for c in await acme.find(CONVERSATIONS, early, order_by="last_inbound_at")] == ["lively"]


@pytest.mark.parametrize(
    ("where", "options"),
    [
        ({"text": "x"}, {}),
        ({"nonsense": "x"}, {}),
        ({"state": "received"}, {"order_by": "at"}),
        ({"conversation": "c"}, {"order_by": "text"}),
        ({"conversation": "c"}, {}),
        ({"conversation": "c", "at": Between(NOON)}, {}),
        ({"conversation": In(["c"]), "at": Between(NOON)}, {"order_by": "at"}),
        ({"conversation": 1.5}, {"order_by": "at"}),
        ({"conversation": {"$ne": "c"}}, {"order_by": "at"}),
        ({"conversation": In(["c"] * 101)}, {"order_by": "at"}),
        ({"conversation": "c"}, {"order_by": "at", "limit": 0}),
        ({"conversation": "c"}, {"order_by": "at", "limit": 1001}),
    ],
)
async def test_a_query_that_no_index_serves_is_refused(store: Store, where: Any, options: Any) -> None:
    with pytest.raises(QueryError, match="messages"):
        await store.for_tenant("acme").find(MESSAGES, where, **options)


async def test_a_count_that_no_index_serves_is_refused(store: Store) -> None:
    with pytest.raises(QueryError, match=r"messages.*text.*Declared are: id; conversation, at;"):
        await store.for_tenant("acme").count(MESSAGES, {"text": "x"})


@pytest.mark.parametrize("name", ["id", "version", "tenant", "nonsense"])
async def test_a_change_of_what_cannot_be_changed_is_refused(store: Store, sample: Any, name: str) -> None:
    with pytest.raises(QueryError, match=name):
        await store.for_tenant("acme").write(Update(CONTACTS, sample(CONTACTS), {name: "x"}))


# write ----------------------------------------------------------------------------------------------------------------


async def test_write_stops_at_the_first_that_does_not_take(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    contact = sample(CONTACTS)
    await acme.insert(CONTACTS, contact)
    took = await acme.write(
        Insert(NOTES, sample(NOTES, "n1")),
        Update(CONTACTS, replace(contact, version=7), {"name": "never"}),
        Insert(NOTES, sample(NOTES, "n2")),
    )
    assert took == 1
    assert await acme.get(NOTES, "n1") is not None
    assert await acme.get(NOTES, "n2") is None
    assert await acme.get(CONTACTS, "one") == contact


async def test_write_does_all_kinds_in_order(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    contact = sample(CONTACTS)
    took = await acme.write(
        Insert(CONTACTS, contact),
        Update(CONTACTS, contact, {"name": "Hằng"}),
        PutDue("turn", "acme", "one", NOON),
        Delete(CONTACTS, replace(contact, version=2)),
    )
    assert took == 4
    assert await acme.get(CONTACTS, "one") is None
    due = await store.due.get("turn", "acme", "one")
    assert due is not None and due.due_at == NOON


async def test_work_for_another_tenant_cannot_be_written(store: Store) -> None:
    with pytest.raises(ValueError, match="other"):
        await store.for_tenant("acme").write(PutDue("turn", "other", "c", NOON))


# what is kept ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        VIETNAMESE,
        "👩🏽‍⚕️🇻🇳",
        "مرحبا\u202b",
        "zero\u200bwidth",
        "a\x00b",
        '"\\\n\t\u2028',
        "$.x%2E",
        "x" * 65_536,
        "ệ" * 65_536,
    ],
    ids=["vietnamese", "emoji", "rtl", "zero-width", "nul", "escapes", "dollar", "65536", "65536-vietnamese"],
)
async def test_text_is_kept_to_the_character(store: Store, sample: Any, text: str) -> None:
    acme = store.for_tenant("acme")
    note = sample(NOTES, text=text)
    assert await acme.insert(NOTES, note)
    assert await acme.get(NOTES, "one") == note
    changed = await acme.update(NOTES, note, text=text[::-1])
    assert await acme.get(NOTES, "one") == changed


async def test_data_keeps_any_key_and_every_json_value(store: Store, sample: Any) -> None:
    data = {
        "a.b": {"$set": {"%2E": 1}},
        "$where": [{"x.y": True}, False, None, 1.5, [], {}],
        "": "empty",
        "%": "percent",
        "nul\x00": "n",
        "tiếng Việt": "có dấu",
        "big": 2**53 + 1,
        "bigger": -(2**63),
        "name": {"tenant": "x", "_id": 1},
    }
    acme = store.for_tenant("acme")
    task = sample(TASKS, data=data)
    assert await acme.insert(TASKS, task)
    assert await acme.get(TASKS, "one") == task
    changed = await acme.update(TASKS, task, data=data | {"more.$": [data]})
    assert changed is not None
    assert await acme.get(TASKS, "one") == changed


async def test_a_change_replaces_a_whole_field(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    task = sample(TASKS, data={"gone": {"deep": 1}, "kept": 1})
    await acme.insert(TASKS, task)
    await acme.update(TASKS, task, data={"kept": None})
    read = await acme.get(TASKS, "one")
    assert read is not None and read.data == {"kept": None}


async def test_integers_beyond_floats_are_kept_and_told_apart(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    for place in (2**53, 2**53 + 1, 2**62):
        await acme.insert(MESSAGES, sample(MESSAGES, str(place), conversation="c", place=place))
    where = {"conversation": "c", "direction": "inbound"}
    assert [m.place for m in await acme.find(MESSAGES, where, order_by="place")] == [2**53, 2**53 + 1, 2**62]
    exact = await acme.find(MESSAGES, where | {"place": 2**53 + 1})
    assert [m.id for m in exact] == [str(2**53 + 1)]


async def test_times_keep_their_milliseconds_and_are_utc(store: Store, sample: Any) -> None:
    acme = store.for_tenant("acme")
    moments = [
        datetime(1969, 7, 20, 20, 17, 40, 1_000, tzinfo=UTC),
        NOON,
        datetime(2286, 11, 20, 17, 46, 39, 999_000, tzinfo=UTC),
    ]
    for n, moment in enumerate(moments):
        await acme.insert(NOTES, sample(NOTES, str(n), conversation="c", at=moment))
    found = await acme.find(NOTES, {"conversation": "c"}, order_by="at")
    assert [note.at for note in found] == moments
    assert all(note.at.utcoffset() == timedelta(0) for note in found)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 22, 12, 0),  # noqa: DTZ001  a naive time is what is tried
        datetime(2026, 11, 22, 12, 0, 0, 1, tzinfo=UTC),
    ],
    ids=["naive", "microseconds"],
)
async def test_a_time_that_would_come_back_otherwise_is_refused(store: Store, sample: Any, moment: datetime) -> None:
    acme = store.for_tenant("acme")
    with pytest.raises(ValueError, match=r"notes\.at.*milliseconds"):
        await acme.insert(NOTES, sample(NOTES, at=moment))
    with pytest.raises(ValueError, match=r"conversations\.turn_lease\.until.*milliseconds"):
        await acme.update(CONVERSATIONS, sample(CONVERSATIONS), turn_lease=Lease(token="t", until=moment))


@pytest.mark.parametrize("changes", [{"name": 7}, {"kind": "robot"}, {"name": "lone \ud800 surrogate"}])
async def test_a_value_that_could_not_be_read_back_is_refused(store: Store, sample: Any, changes: Any) -> None:
    acme = store.for_tenant("acme")
    with pytest.raises(ValueError, match=r"."):
        await acme.insert(CONTACTS, replace(sample(CONTACTS), **changes))
    with pytest.raises(ValueError, match=r"."):
        await acme.update(CONTACTS, sample(CONTACTS), **changes)
    assert await acme.get(CONTACTS, "one") is None


async def test_a_key_too_long_for_documentdbs_indexes_is_refused(store: Store, sample: Any) -> None:
    with pytest.raises(ValueError, match="at most 512"):
        await store.for_tenant("acme").insert(IDENTITIES, sample(IDENTITIES, "x" * 513))


# the store ------------------------------------------------------------------------------------------------------------


async def test_what_one_opener_acknowledged_the_other_reads(open_store: Any, sample: Any) -> None:
    first, second = await open_store(), await open_store()
    for n in range(20):
        await first.for_tenant("acme").insert(CONTACTS, sample(CONTACTS, str(n)))
        assert await second.for_tenant("acme").get(CONTACTS, str(n)) is not None


async def test_the_stores_time_is_aware_and_in_whole_milliseconds(store: Store) -> None:
    now = store.now()
    assert now.utcoffset() == timedelta(0)
    assert now.microsecond % 1000 == 0


async def test_a_store_that_works_passes_its_check(store: Store) -> None:
    await store.check(timedelta(seconds=5))


async def test_shared_documents_have_a_door_of_their_own(store: Store, sample: Any) -> None:
    instance = sample(INSTANCES)
    assert await store.shared.insert(INSTANCES, instance)
    assert await store.shared.find(INSTANCES, {"seen_at": Between(None, at(1))}, order_by="seen_at") == [instance]
