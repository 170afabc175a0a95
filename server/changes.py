"""Tells whoever shows a conversation that it may have changed: at once for this process's work, within a second for
another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Crowd:
    """The conversations of a tenant that have changed since they were last taken."""

    def __init__(self) -> None:
        self._changed: dict[str, None] = {}
        self._event = asyncio.Event()

    def add(self, conversation: str) -> None:
        self._changed[conversation] = None
        self._event.set()

    async def some(self) -> None:
        """Wait until there is one."""
        await self._event.wait()

    def take(self, most: int) -> list[str]:
        """Up to *most* of them, those that changed first."""
        taken = list(self._changed)[:most]
        for conversation in taken:
            del self._changed[conversation]
        if not self._changed:
            self._event.clear()
        return taken


class Changes:
    """Events per watched conversation, and crowds per watched tenant; nothing is held for what nobody watches."""

    def __init__(self) -> None:
        self._watched: dict[tuple[str, str], set[asyncio.Event]] = {}
        self._crowds: dict[str, set[Crowd]] = {}

    def announce(self, tenant: str, conversation: str) -> None:
        for event in self._watched.get((tenant, conversation), ()):
            event.set()
        for crowd in self._crowds.get(tenant, ()):
            crowd.add(conversation)

    def announce_all(self) -> None:
        """Called every second: another process's work leaves no other trace here. Crowds are told of it by whoever has
        one (services/conversation_feed.py)."""
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

    def gather(self, tenant: str) -> Crowd:
        """Every conversation of a tenant that changes from now on, until it is dispersed."""
        crowd = Crowd()
        self._crowds.setdefault(tenant, set()).add(crowd)
        return crowd

    def disperse(self, tenant: str, crowd: Crowd) -> None:
        self._crowds[tenant].discard(crowd)
        if not self._crowds[tenant]:
            del self._crowds[tenant]
