"""The start of a server by a command."""

from __future__ import annotations

import asyncio

import structlog

from ..app import Server
from ..store import StoreUnavailable

log = structlog.get_logger(__name__)

STORE_PAUSE = 2.0
"""Seconds between two attempts to open a store that is away."""


async def wait_for_store(server: Server, seconds: float) -> None:
    """Start, trying again while the store is away. Raises StoreUnavailable when it stays away."""
    until = server.clock.monotonic() + seconds
    while True:
        try:
            await server.start()
            return
        except StoreUnavailable as err:
            left = until - server.clock.monotonic()
            if left <= 0:
                raise
            log.warning("store_away", reason=str(err), kind="start", seconds_left=round(left))
            await asyncio.sleep(STORE_PAUSE)
