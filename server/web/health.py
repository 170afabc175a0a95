"""`/healthz`: the process lives. `/readyz`: it can take messages; fails only for the store and the queue."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from quart import Blueprint, Response, jsonify

from ..runtime import Runtime
from ..store import StoreError

if TYPE_CHECKING:
    from ..app import Server

CHECK_SECONDS = 2.0
CACHE_SECONDS = 1.0


class Readiness:
    """Answers whether traffic may come, at most one look at the store a second, whoever asks how often."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._checked_at = float("-inf")
        self._last: dict[str, Any] = {}
        self._lock = asyncio.Lock()
        self.leaving = False

    async def look(self) -> tuple[bool, dict[str, Any]]:
        """(ready, what was found)."""
        async with self._lock:
            clock = self._server.clock
            if clock.monotonic() - self._checked_at >= CACHE_SECONDS:
                self._last = {"store": await self._store(), "queue": await self._queue()}
                self._checked_at = clock.monotonic()
        found = dict(self._last)
        ready = not self.leaving and all(value == "ok" for value in found.values())
        found["status"] = "leaving" if self.leaving else "ready" if ready else "not ready"
        found["plugins"] = self._plugins()
        return ready, found

    async def _store(self) -> str:
        try:
            await self._server.store.check(timedelta(seconds=CHECK_SECONDS))
        except StoreError as err:
            return str(err)
        return "ok"

    async def _queue(self) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._server.queue.check()
        except (OSError, TimeoutError) as err:
            return str(err) or "no answer"
        return "ok"

    def _plugins(self) -> dict[str, dict[str, str]]:
        """Per tenant in use: how each plugin is. Listed, never counted against readiness."""
        return {tenant: _states(runtime) for tenant, runtime in self._server.runtimes.in_use().items()}


def _states(runtime: Runtime) -> dict[str, str]:
    """Which plugin and which hook, not why: everyone may read this page, and an exception's text may quote anything."""
    states = {name: "ok" for name in runtime.plugins}
    for name, said in runtime.health.items():
        if not said.get("ok", False):
            states[name] = f"not well: {said.get('detail', '')}"
    for bound in runtime.bound():
        if bound.breaker.state != "closed":
            states[bound.label.plugin] = f"{bound.label.hook}: switched off after repeated failures; see the log"
    for name, trouble in runtime.troubles.items():
        states[name] = f"{trouble.partition(':')[0]}; see the log"
    return states


def blueprint(readiness: Readiness) -> Blueprint:
    pages = Blueprint("health", __name__)

    @pages.get("/healthz")
    async def healthz() -> Response:
        return jsonify(status="alive")

    @pages.get("/readyz")
    async def readyz() -> tuple[Response, int]:
        ready, found = await readiness.look()
        return jsonify(found), 200 if ready else 503

    return pages
