"""Notices that the tenants file has changed, has it read elsewhere, and has the server adopt what it says.

A file with a problem is refused as a whole, and what runs goes on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import structlog

from frontdesk.config import ConfigError, Problem, ServerConfig, load_env

from .observe.families import Labels, Level
from .observe.metrics import Metrics
from .reading import Read, Reading, ReadingFailed
from .registry import PluginRefused
from .sources import Source, SourceAway
from .store import StoreError
from .tenants import Declared

if TYPE_CHECKING:
    from .app import Server

log = structlog.get_logger(__name__)

SHOWN = 50
"""How many problems the log tells; `frontdesk check` tells all."""
AGAIN = 30.0
"""Seconds until a file that could not be read is tried again; a process that reads is not cheap."""


class Reloader:
    """The tenants file of one running server."""

    def __init__(self, server: Server, source: Source, read: Read, metrics: Metrics) -> None:
        self._server = server
        self._source = source
        self._read = read
        self._metrics = metrics
        self._told = asyncio.Event()
        self._mark = source.mark
        self._unread = False
        """The last reading had no answer about the file."""
        self._changed: set[str] = set()
        """Variables of the environment that have changed since a reading was adopted."""
        self._lock = asyncio.Lock()
        every = server.config.reload_every
        self._every = source.every if every is None else every
        self.refused = False
        """The file that is there was refused, or could not be read: what runs is older."""
        self.away = False
        """Nobody answers about the file: whether what runs is older is not known."""
        metrics.show(
            Level(
                "frontdesk_reload_refused",
                "1: the tenants file was refused or is away, what runs may be older",
                (),
                self._state,
            ),
            Level("frontdesk_tenants", "Tenants, by whether the file has them", ("state",), self._tenants),
        )

    def _state(self) -> Iterator[tuple[Labels, float]]:
        yield (), float(self.refused or self.away)

    def _tenants(self) -> Iterator[tuple[Labels, float]]:
        yield ("declared",), len(self._server.declared)
        yield ("suspended",), len(self._server.suspended)

    @property
    def state(self) -> str:
        """`ok`, `refused` or `away`."""
        return "away" if self.away else "refused" if self.refused else "ok"

    def close(self) -> None:
        """When nobody looks any more."""
        self._source.close()

    def tell(self) -> None:
        """Have the file read again, changed or not (SIGHUP)."""
        self._told.set()

    async def step(self) -> None:
        """Wait for the next look or for `tell`; read the file if it has changed since it was read last, if that had no
        answer, or if told to."""
        told = await self._wait()
        try:
            mark = await self._source.look()
        except SourceAway as err:
            self._unread = self._unread or told
            self._lose(err)
            return
        self._find()
        if told or (mark is not None and (self._unread or mark != self._mark)):
            await self.reload()
            if not self._unread:
                self._mark = mark or self._mark

    async def _wait(self) -> bool:
        try:
            async with asyncio.timeout((AGAIN if self._unread else self._every) or None):
                await self._told.wait()
        except TimeoutError:
            return False
        self._told.clear()
        return True

    async def reload(self) -> bool:
        """Read the file and adopt it; False if it was refused or could not be read, which the log explains."""
        async with self._lock:
            self._unread = True
            try:
                reading = await self._read(self._source.path)
                await self._take(reading)
            except (ReadingFailed, StoreError, OSError) as err:
                self._put_off(err)
                return False
            except (ConfigError, PluginRefused) as err:
                self._refuse(err)
                return False
        return True

    async def _take(self, reading: Reading) -> None:
        """Raises ConfigError, PluginRefused or StoreError, with nothing adopted."""
        if reading.declared is None:
            raise ConfigError(reading.problems)
        for plugin in reading.plugins:
            await asyncio.to_thread(self._server.registry.load, plugin)
        before = dict(os.environ)
        await asyncio.to_thread(load_env, self._server.file.folder)
        # What follows may fail: then the next try finds the environment as this one left it.
        self._changed |= {
            name for name in before.keys() | os.environ.keys() if before.get(name) != os.environ.get(name)
        }
        await self._server.overlays.prepare(reading.declared)
        old = self._server.declared
        await self._server.suspensions.keep(old, old.without(reading.declared))
        self._server.adopt(reading.declared, self._changed)
        self._changed = set()
        self._unread = self.refused = False
        self._metrics.reloads.add("", "taken")
        await self._server.overlays.tell()
        self._say(reading, old)

    def _say(self, reading: Reading, old: Declared) -> None:
        assert reading.declared is not None
        new, left = _some(reading.declared.without(old)), _some(old.without(reading.declared))
        log.info("reloaded", tenants=len(reading.declared), new=new, suspended=left)
        if keys := _waiting(self._server.file.server, reading.server):
            log.warning("reload_needs_restart", keys=keys)
        for each in reading.missing:
            log.error("secret_missing", tenant=each.tenant, plugin=each.plugin, reason=str(each.problem))

    def _refuse(self, err: Exception) -> None:
        problems: Iterable[Problem | str] = err.problems if isinstance(err, ConfigError) else [str(err)]
        self._unread, self.refused = False, True
        self._metrics.reloads.add("", "refused")
        log.error("reload_refused", file=str(self._source.path), problems=_some([str(problem) for problem in problems]))

    def _lose(self, err: SourceAway) -> None:
        """Told once, however long it lasts; counted at each look."""
        self._metrics.reloads.add("", "failed")
        if not self.away:
            log.error("tenants_file_away", file=str(self._source.path), reason=str(err))
        self.away = True

    def _find(self) -> None:
        if self.away:
            log.info("tenants_file_back", file=str(self._source.path))
        self.away = False

    def _put_off(self, err: Exception) -> None:
        self.refused = True
        self._metrics.reloads.add("", "failed")
        log.error("reload_failed", file=str(self._source.path), reason=str(err), again_in=AGAIN)


def _waiting(running: ServerConfig, written: ServerConfig) -> list[str]:
    """The keys of `server:` that the file has changed: nobody looks at them again before the next start."""
    names = type(running).model_fields
    return [f"server.{name}" for name in names if getattr(running, name) != getattr(written, name)]


def _some(words: list[str]) -> list[str]:
    return words if len(words) <= SHOWN else [*words[:SHOWN], f"… and {len(words) - SHOWN} more"]
