"""The stores that the contract suite runs against, and documents to put into them."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pymongo.monitoring
import pytest
from mongomock_motor import AsyncMongoMockClient

from frontdesk.clock import SystemClock
from frontdesk.store import Collection, Store
from frontdesk.store.collections import COLLECTIONS
from frontdesk.store.mongo import MongoStore
from frontdesk.store.operators import objections
from frontdesk.store.sqlite import SqliteStore
from frontdesk.testing.wire_store import WireStore, start_wire_store

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)

Sample = Callable[..., Any]
OpenStore = Callable[..., Awaitable[Store]]


class MockedStore(MongoStore):
    """mongomock knows no commands, so there is no server's time to measure."""

    async def sync_time(self) -> None:
        return


class CommandLog(pymongo.monitoring.CommandListener):
    """Holds every command that any test sends against DocumentDB's operators."""

    def __init__(self) -> None:
        self.objections: list[str] = []
        self.seen = 0

    def started(self, event: pymongo.monitoring.CommandStartedEvent) -> None:
        self.seen += 1
        self.objections += objections(event.command)

    def succeeded(self, event: pymongo.monitoring.CommandSucceededEvent) -> None:
        """What was sent counts, not what came of it."""

    def failed(self, event: pymongo.monitoring.CommandFailedEvent) -> None:
        """What was sent counts, not what came of it."""


COMMANDS = CommandLog()
# Process-wide, so that the clients that the store makes itself are heard too.
pymongo.monitoring.register(COMMANDS)


@pytest.fixture(autouse=True)
def every_command_is_one_that_documentdb_knows() -> Iterator[None]:
    COMMANDS.objections.clear()
    yield
    assert COMMANDS.objections == []


@pytest.fixture
def commands() -> CommandLog:
    return COMMANDS


@pytest.fixture(scope="session")
def wire_server() -> Iterator[WireStore]:
    with start_wire_store() as server:
        yield server


@pytest.fixture(params=["sqlite", "mongomock", pytest.param("wire", marks=pytest.mark.wire)])
def backend(request: pytest.FixtureRequest) -> str:
    if mark := request.node.get_closest_marker("not_on"):
        if request.param in mark.args:
            pytest.skip(mark.kwargs["reason"])
    return request.param


@pytest.fixture
async def open_store(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OpenStore]:
    """Opens a store on this test's data; called twice, it is a second process's view of the same data."""
    opened: list[Store] = []
    database = f"test_{secrets.token_hex(6)}"
    client = AsyncMongoMockClient(tz_aware=True) if backend == "mongomock" else None

    async def open_one(collections: Sequence[Collection[Any]] = COLLECTIONS) -> Store:
        clock = SystemClock()
        store: Store
        if backend == "sqlite":
            store = SqliteStore(tmp_path / "store.db", clock, collections=collections)
        elif backend == "mongomock":
            store = MockedStore("", database, clock, client=client, collections=collections)
        else:
            server: WireStore = request.getfixturevalue("wire_server")
            store = MongoStore(server.url(database), database, clock, collections=collections)
        await store.open()
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()


def make_sample(collection: Collection[Any], id: str = "one", **given: Any) -> Any:
    """A document with every required field filled by its type."""
    hints = get_type_hints(collection.model)
    filled = {
        field.name: _some(hints[field.name])
        for field in dataclasses.fields(collection.model)
        if field.default is field.default_factory is dataclasses.MISSING
    }
    return collection.model(**(filled | {"id": id} | given))


def _some(hint: Any) -> Any:
    while get_origin(hint) is not Literal and get_args(hint):
        hint = get_args(hint)[0]
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    return {str: "x", int: 1, datetime: NOON}[hint]


@pytest.fixture
def sample() -> Sample:
    return make_sample
