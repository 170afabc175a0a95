"""Tells whoever shows a conversation that it may have changed: at once for this process's work, within a second for
another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Changes:
    """Events per watched conversation; nothing is held for a conversation nobody watches."""

    def __init__(self) -> None:
        self._watched: dict[tuple[str, str], set[asyncio.Event]] = {}

    def announce(self, tenant: str, conversation: str) -> None:
        for event in self._watched.get((tenant, conversation), ()):
            event.set()

    def announce_all(self) -> None:
        """Called every second: another process's work leaves no other trace here."""
        for events in self._watched.values():
            for event in events:
                event.set()

    @asynccontextmanager
    async def watch(self, tenant: str, conversation: str) -> AsyncIterator[asyncio.Event]:
        event = asyncio.Event()
        key = (tenant, conversation)
        self._watched.setdefault(key, set()).add(event)
        try:
            yield event
        finally:
            self._watched[key].discard(event)
            if not self._watched[key]:
                del self._watched[key]
