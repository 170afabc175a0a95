"""What DocumentDB refuses and the stand-ins take: field names with dots, `$`, NUL, or none at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.model import Task
from frontdesk.store import Collection
from frontdesk.store.collections import COLLECTIONS, TASKS
from frontdesk.store.mongo_documents import Layout

TASK = Task(id="t", plugin="p", name="n", at=datetime(2026, 11, 22, tzinfo=UTC))
KEYS = st.text(alphabet="%.$\x00aạ25E4", max_size=6)
DATA = st.dictionaries(
    KEYS,
    st.recursive(
        st.integers() | st.booleans() | st.none() | st.text(max_size=3, alphabet="%.$aạ"),
        lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
        max_leaves=8,
    ),
)


def names_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from names_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names_in(inner)


@given(data=DATA)
def test_any_key_is_stored_under_a_name_that_documentdb_takes_and_comes_back(data: dict[str, Any]) -> None:
    layout = Layout(TASKS)
    task = replace(TASK, data=data)
    stored = layout.dump("acme", task, "w")
    assert [name for name in names_in(stored) if not name or "." in name or "$" in name or "\x00" in name] == []
    assert layout.load(stored) == task
    assert layout.load(stored | layout.dump_changes(task, frozenset({"data"}))) == task


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda c: c.name)
def test_every_index_of_tenant_data_begins_with_the_tenant(collection: Collection[Any]) -> None:
    for _, keys, _ in Layout(collection).indexes():
        assert not collection.tenant_data or keys[0] == ("tenant", 1)
