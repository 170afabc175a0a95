"""What the start page shows: the tenants and where each can be tried, to whoever may see that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..locality import is_local
from ..registry import Registry
from ..runtime import Runtimes, TenantPlugins
from ..tenants import Declared
from .overlay import Overlays

PAGE = 50
"""Tenants on one page of the list."""
AT_ONCE = 200
"""Known lines that are looked through before others have their turn: less than a millisecond."""


@dataclass(frozen=True, slots=True)
class TenantLine:
    """One tenant on the start page."""

    id: str
    name: str
    language: str
    plugins: tuple[str, ...]
    pages: tuple[tuple[str, str], ...]
    """(plugin, path) of the pages its plugins show."""
    changed: tuple[str, ...] = ()
    """Keys of the file before which a stored value stands."""
    banner: str = ""
    """Why what is stored is not in force, and what is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of the list of tenants."""

    tenants: tuple[TenantLine, ...] = ()
    after: str = ""
    """The id after which the next page begins; empty: this is the last."""


class Overview:
    """Reads what is declared; asks no plugin."""

    def __init__(self, runtimes: Runtimes, registry: Registry, overlays: Overlays | None = None) -> None:
        self._runtimes = runtimes
        self._registry = registry
        self._overlays = overlays
        self._index: dict[str, tuple[tuple[int, int], TenantLine]] = {}
        """Each tenant's line, and of which declaration; made when it is first looked at."""
        self._index_of: Mapping[str, TenantPlugins] | None = None

    async def open_to(self, peer: str, headers: Mapping[str, str], search: str = "", after: str = "") -> Shown:
        """A page of the tenants with a page of their own, for a request from this machine; to anybody else none is named.

        *peer* is the other end's address; *headers* have lower-case names. *search*: a part of the id or the name, in any
        case; *after*: that of the page before.
        """
        return await self.listed(search, after, with_pages=True) if is_local(peer, headers) else Shown()

    async def listed(self, search: str = "", after: str = "", *, with_pages: bool = False) -> Shown:
        """A page of all tenants, or of those with a page of their own, for whoever may see them all."""
        found: list[TenantLine] = []
        for number, id in enumerate(_following(list(self._runtimes.declared), after)):
            if number % AT_ONCE == 0 or not self._knows(id):
                # To unpack one takes some 70 µs and more: ten thousand in one go would hold up everybody else.
                await asyncio.sleep(0)
            line = self._line(id)
            if line is None or (with_pages and not line.pages) or not _matches(line, search):
                continue
            if len(found) == PAGE:
                return Shown(tuple(found), found[-1].id)
            found.append(self._with_changes(line))
        return Shown(tuple(found))

    def tenants(self) -> Iterator[TenantLine]:
        """All of them, each read when it is asked for."""
        return (line for id in list(self._runtimes.declared) if (line := self._line(id)) is not None)

    def _with_changes(self, line: TenantLine) -> TenantLine:
        if self._overlays is None:
            return line
        banner = self._overlays.banners.get(line.id, "")
        return replace(line, banner=banner, changed=() if banner else self._overlays.keys(line.id))

    def _knows(self, id: str) -> bool:
        """Whether the tenant's line is there, as it is declared now."""
        declared = self._runtimes.declared
        if self._index_of is not declared:  # the file was read again: who has left it is forgotten
            self._index = {id: kept for id, kept in self._index.items() if id in declared}
            self._index_of = declared
        return id in self._index and id in declared and self._index[id][0] == _print_of(declared, id)

    def _line(self, id: str) -> TenantLine | None:
        if self._knows(id):
            return self._index[id][1]
        line = self._made(id)
        if line is not None and (print_of := _print_of(self._runtimes.declared, id)) is not None:
            self._index[id] = print_of, line
        return line

    def _made(self, id: str) -> TenantLine | None:
        declared = self._runtimes.declared.get(id)
        if declared is None:  # it has left the file since
            return None
        return TenantLine(
            id=id,
            name=declared.tenant.name,
            language=declared.tenant.language,
            plugins=tuple(kind.name for kind, _ in declared.plugins),
            pages=tuple(
                (kind.name, f"/plugins/{kind.name}/{id}/")
                for kind, _ in declared.plugins
                if "routes" in kind.hooks and kind.cls.has_page
            ),
        )


def _print_of(declared: Mapping[str, TenantPlugins], id: str) -> tuple[int, int] | None:
    return declared.print_of(id) if isinstance(declared, Declared) else None


def _following(ids: list[str], after: str) -> list[str]:
    return ids[ids.index(after) + 1 :] if after in ids else ids


def _matches(line: TenantLine, search: str) -> bool:
    wanted = search.strip().casefold()
    return wanted in line.id or wanted in line.name.casefold()
