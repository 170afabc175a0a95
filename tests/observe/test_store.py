"""The measured store is the store: it answers and fails the same, and says how often."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from frontdesk.clock import SystemClock
from frontdesk.model import Message
from frontdesk.observe.metrics import Metrics
from frontdesk.observe.store import MeasuredStore
from frontdesk.store import Insert, QueryError, Update
from frontdesk.store.collections import CONTACTS, MESSAGES
from frontdesk.store.opening import open_store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def outbound(id: str) -> Message:
    return Message(id=id, conversation="c", direction="outbound", state="queued", at=NOON)


def told(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.page().decode().splitlines() if line.startswith(name)]


@pytest.fixture
async def store(tmp_path):
    clock = SystemClock()
    metrics = Metrics()
    store = MeasuredStore(open_store(f"sqlite:///{tmp_path}/a.db", clock), metrics, clock)
    store.metrics = metrics
    await store.open()
    yield store
    await store.close()


async def test_only_what_took_is_counted(store):
    repository = store.for_tenant("acme")
    first, second = outbound("1"), outbound("2")
    assert await repository.write(Insert(MESSAGES, first), Insert(MESSAGES, first), Insert(MESSAGES, second)) == 1
    assert await repository.write(Update(MESSAGES, first, {"state": "sending"})) == 1
    assert await repository.update(MESSAGES, first, state="failed") is None
    assert told(store.metrics, "frontdesk_outbound") == ['frontdesk_outbound_messages_total{state="queued"} 1.0']


async def test_a_call_that_fails_fails_as_it_would_and_is_counted(store):
    with pytest.raises(QueryError):
        await store.shared.get(CONTACTS, "x")
    assert told(store.metrics, "frontdesk_store_errors") == [
        'frontdesk_store_errors_total{call="get",error="QueryError"} 1.0'
    ]
    assert 'frontdesk_store_call_seconds_count{call="get"} 1.0' in told(store.metrics, "frontdesk_store_call")
