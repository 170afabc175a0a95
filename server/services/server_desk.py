"""How the whole server is, for its admins: processes, store and queue, what waits, plugins that do not work, tenants."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, get_args

import structlog

from ..auth import Audit, Principal
from ..model import DueKind
from ..quarantine import Quarantine
from ..runtime import Runtime
from ..store import Between, StoreError
from ..store.collections import DUE
from ..version import VERSION
from . import instances
from .overview import Shown

if TYPE_CHECKING:
    from ..app import Server

log = structlog.get_logger(__name__)

LOOK_SECONDS = 3.0
"""The longest a look at the store may take."""
TROUBLES = 200
"""Plugins that do not work are told, at most so many."""


@dataclass(frozen=True, slots=True)
class Process:
    """A server process on this store."""

    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    version: str
    release: str
    ours: bool
    """It is the one that answers."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Live work of one kind that is due and nobody has taken up."""

    kind: str
    rows: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A plugin that does not work for a tenant, in this process."""

    tenant: str
    plugin: str
    state: str
    """`quarantined`, `not started`, `switched off` (a hook, after failures) or `not well`."""
    detail: str


@dataclass(frozen=True, slots=True)
class ServerState:
    """What an admin sees at one glance."""

    version: str
    release: str
    now: datetime
    store: str
    """`ok` or `not ok`, as /readyz has it."""
    queue: str
    dead_letters: int | None
    """Wakes that nobody could read; None: the queue keeps none, or cannot say."""
    tenants_file: str
    """`ok`, `refused` or `away`."""
    processes: tuple[Process, ...]
    waiting: tuple[Waiting, ...]
    troubles: tuple[Trouble, ...]
    banners: Mapping[str, str]
    """Tenant → why what was changed over the file is not in force."""
    tenants: int
    suspended: tuple[str, ...]
    gaps: tuple[str, ...]


class ServerDesk:
    """Of this process, and of what it sees in the store."""

    def __init__(self, server: Server, audit: Audit) -> None:
        self._server = server
        self._audit = audit

    async def state(self) -> ServerState:
        """A store that is away leaves out what only it knows."""
        server = self._server
        _, ready = await server.readiness.look()
        processes: tuple[Process, ...] = ()
        waiting: tuple[Waiting, ...] = ()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                processes, waiting = await self._processes(), await self._waiting()
        except (StoreError, TimeoutError):
            pass  # `ready` says so
        quarantined = await asyncio.to_thread(server.quarantine.everything)
        return ServerState(
            VERSION,
            instances.RELEASE,
            server.store.now(),
            ready["store"],
            ready["queue"],
            await self._dead_letters(),
            ready["tenants_file"],
            processes,
            waiting,
            tuple(_troubles(server.runtimes.in_use(), quarantined))[:TROUBLES],
            dict(server.overlays.banners),
            len(server.declared),
            tuple(sorted(server.suspended)),
            tuple(server.office.gaps()),
        )

    async def tenants(self, search: str = "", after: str = "") -> Shown:
        """A page of all tenants; *search*: a part of the id or the name, in any case."""
        return await self._server.office.overview.listed(search, after)

    async def release(self, who: Principal, tenant: str, plugin: str) -> bool:
        """Have a quarantined plugin started again, within half a minute; False: it was not quarantined."""
        happened = await asyncio.to_thread(self._server.quarantine.release, tenant, plugin)
        if happened:
            await self._audit.wrote("", who, "plugin.released", f"{tenant}/{plugin}")
        return happened

    async def _dead_letters(self) -> int | None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._server.queue.dead_letters()
        except (OSError, TimeoutError) as err:
            log.warning("dead_letters_not_known", reason=str(err) or "no answer in time")
            return None

    async def _processes(self) -> tuple[Process, ...]:
        return tuple(
            Process(
                each.host,
                each.pid,
                each.started_at,
                each.seen_at,
                str(each.data.get(instances.VERSION_KEY, "")),
                str(each.data.get(instances.RELEASE_KEY, "")),
                each.id == self._server.instance,
            )
            for each in await instances.alive(self._server.store)
        )

    async def _waiting(self) -> tuple[Waiting, ...]:
        shared, now = self._server.store.shared, self._server.store.now()
        found = []
        for kind in get_args(DueKind):
            ripe = {"kind": kind, "due_at": Between(None, now)}
            first = await shared.find(DUE, ripe, order_by="due_at", limit=1)
            rows = await shared.count(DUE, ripe)
            found.append(Waiting(kind, rows, first[0].due_at if first else None))
        return tuple(found)


def _troubles(in_use: Mapping[str, Runtime], quarantined: Mapping[str, Mapping[str, str]]) -> Iterator[Trouble]:
    for tenant, plugins in sorted(quarantined.items()):
        for plugin, reason in sorted(plugins.items()):
            yield Trouble(tenant, plugin, Quarantine.STATE, reason)
    for tenant, runtime in sorted(in_use.items()):
        held = quarantined.get(tenant, {})
        for plugin, reason in runtime.troubles.items():
            if plugin not in held:
                yield Trouble(tenant, plugin, "not started", reason)
        for plugin, said in runtime.health.items():
            if not said.get("ok", False):
                yield Trouble(tenant, plugin, "not well", str(said.get("detail", "")))
        for bound in runtime.bound():
            if bound.breaker.state != "closed":
                detail = f"{bound.label.hook}: {bound.last_failure}"
                yield Trouble(tenant, bound.label.plugin, "switched off", detail)
