"""`/healthz`: the process lives. `/readyz`: it can take messages; fails only for the store and the queue.

Everyone may read these pages: they name states, and the log says why.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from quart import Blueprint, Response, jsonify

from ..runtime import Runtime
from ..services.instances import RELEASE
from ..store import StoreError
from ..version import VERSION

if TYPE_CHECKING:
    from ..app import Server

log = structlog.get_logger(__name__)

CHECK_SECONDS = 2.0
CACHE_SECONDS = 1.0


class Readiness:
    """Answers whether traffic may come, at most one look at the store a second, whoever asks how often."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._checked_at = float("-inf")
        self._troubles: dict[str, str] = {}
        self._lock = asyncio.Lock()
        self.leaving = False

    async def look(self) -> tuple[bool, dict[str, Any]]:
        """(ready, what was found)."""
        async with self._lock:
            clock = self._server.clock
            if clock.monotonic() - self._checked_at >= CACHE_SECONDS:
                self._note({"store": await self._store(), "queue": await self._queue()})
                self._checked_at = clock.monotonic()
        found: dict[str, Any] = {part: "not ok" if trouble else "ok" for part, trouble in self._troubles.items()}
        ready = not self.leaving and not any(self._troubles.values())
        found["status"] = "leaving" if self.leaving else "ready" if ready else "not ready"
        found["tenants_file"] = self._server.reloader.state
        found["version"], found["release"] = VERSION, RELEASE
        found["plugins"] = self._plugins()
        return ready, found

    def _note(self, troubles: dict[str, str]) -> None:
        """Once for each reason: balancers ask every few seconds."""
        for part, trouble in troubles.items():
            if trouble and trouble != self._troubles.get(part):
                log.error("not_ready", part=part, reason=trouble)
        self._troubles = troubles

    async def _store(self) -> str:
        """What is wrong with it; empty: nothing."""
        try:
            await self._server.store.check(timedelta(seconds=CHECK_SECONDS))
        except StoreError as err:
            return str(err) or "no answer"
        return ""

    async def _queue(self) -> str:
        """What is wrong with it; empty: nothing."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._server.queue.check()
        except (OSError, TimeoutError) as err:
            return str(err) or "no answer"
        return ""

    def _plugins(self) -> dict[str, dict[str, str]]:
        """Per tenant in use: how each plugin is. Listed, never counted against readiness."""
        return {tenant: _states(runtime) for tenant, runtime in self._server.runtimes.in_use().items()}


def _states(runtime: Runtime) -> dict[str, str]:
    states = {name: "ok" for name in runtime.plugins}
    for name, said in runtime.health.items():
        if not said.get("ok", False):
            states[name] = "not well"
    for bound in runtime.bound():
        if bound.breaker.state != "closed":
            states[bound.label.plugin] = "switched off"
    for name, trouble in runtime.troubles.items():
        states[name] = trouble.partition(":")[0]
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
