"""A command's hand on the store, beside the server that works on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from frontdesk.config import Log, SecretUnavailable, TenantsFile, load

from ..app import Server, create_server
from ..clock import SystemClock
from ..errors import StartupError
from ..observe.logging import set_up_logging
from ..services.moving import check_whole
from ..sources import Location
from ..store import Store
from ..store.opening import open_store
from .files import prepared

T = TypeVar("T")


@asynccontextmanager
async def beside(path: Location | None) -> AsyncIterator[Server]:
    """A server that reads and writes the store and does nothing of its own: no listener, no turns, no sending.

    What it changes leaves a `due` row, which the running server finds within a second (and a later one when it starts).
    Raises ConfigError, StartupError, StoreError.
    """
    set_up_logging(Log(level="warning"))
    server = create_server(prepared(path))
    await server.store.open()
    try:
        await check_whole(server.store)
        await server.queue.start()
        async with server.open_http() as server.http:
            yield server
            await server.runtimes.close()
        await server.queue.stop()
    finally:
        await server.store.close()


def declared_store(path: Location | None) -> Store:
    """The store of the tenants file alone, not opened. Raises ConfigError, StartupError, StoreError."""
    return store_of(load(prepared(path)))


def store_of(file: TenantsFile) -> Store:
    """The store that *file* names, not opened. Raises StartupError, StoreError."""
    try:
        return open_store(file.store_url(), SystemClock())
    except (SecretUnavailable, ValueError) as err:
        raise StartupError(f"{file.path}: server: {err}") from err


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do a command's asynchronous part."""
    return asyncio.run(work)
