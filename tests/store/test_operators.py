from __future__ import annotations

from typing import Any

import pytest

from frontdesk.clock import SystemClock
from frontdesk.store.collections import CONTACTS
from frontdesk.store.mongo import MongoStore
from frontdesk.store.operators import objections


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ({"find": "m", "filter": {"a": {"$ne": 1}}}, "$ne"),
        ({"find": "m", "filter": {"$and": [{"$or": [{"a": {"$where": "1"}}]}]}}, "$where"),
        ({"find": "m", "filter": {}, "collation": {"locale": "vi"}}, "collation"),
        ({"find": "m", "filter": {}, "hint": "x"}, "hint"),
        ({"update": "m", "updates": [{"q": {}, "u": {"$rename": {"a": "b"}}}]}, "$rename"),
        ({"update": "m", "updates": [{"q": {}, "u": [{"$set": {"a": 1}}]}]}, "pipeline"),
        ({"update": "m", "updates": [{"q": {}, "u": {"$set": {}}, "arrayFilters": []}]}, "arrayFilters"),
        ({"delete": "m", "deletes": [{"q": {"a": {"$expr": 1}}, "limit": 1}]}, "$expr"),
        ({"findAndModify": "m", "query": {}, "update": {"$bit": {}}}, "$bit"),
        ({"findAndModify": "m", "query": {"a": {"$nin": []}}, "update": {"$set": {}}}, "$nin"),
        ({"aggregate": "m", "pipeline": [{"$facet": {}}], "cursor": {}}, "$facet"),
        ({"aggregate": "m", "pipeline": [{"$group": {"n": {"$median": 1}}}], "cursor": {}}, "$median"),
        ({"createIndexes": "m", "indexes": [{"key": {"a": 1}, "name": "a", "sparse": True}]}, "sparse"),
        ({"distinct": "m", "key": "a"}, "distinct"),
        ({"insert": "m", "documents": [{}], "txnNumber": 1}, "txnNumber"),
    ],
)
def test_what_documentdb_lacks_or_cannot_serve_is_objected_to(command: dict[str, Any], named: str) -> None:
    assert any(named in objection for objection in objections(command))


def test_what_we_use_is_not_objected_to() -> None:
    bounds = {"$and": [{"a": {"$gte": 1, "$lt": 2}}, {"$or": [{"b": {"$in": [1]}}, {"_id": {"$gt": "x"}}]}]}
    assert objections({"find": "m", "filter": bounds, "sort": {"a": 1}, "limit": 5, "$db": "x"}) == []
    assert objections({"createIndexes": "m", "indexes": [{"key": {"a": 1}, "name": "a", "unique": True}]}) == []


@pytest.mark.wire
async def test_the_suite_listens_to_what_is_really_sent(wire_server: Any, commands: Any, sample: Any) -> None:
    store = MongoStore(wire_server.url("listened"), "listened", SystemClock())
    await store.open()
    before = commands.seen
    await store.for_tenant("acme").insert(CONTACTS, sample(CONTACTS))
    assert commands.seen == before + 1
    await store.close()
