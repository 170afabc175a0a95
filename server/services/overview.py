"""What the start page shows: the tenants and where each can be tried, to whoever may see that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..locality import is_local
from ..registry import Registry
from ..runtime import Runtimes

PAGE = 50
"""Tenants on one page of the list."""


@dataclass(frozen=True, slots=True)
class TenantLine:
    """One tenant on the start page."""

    id: str
    name: str
    language: str
    plugins: tuple[str, ...]
    pages: tuple[tuple[str, str], ...]
    """(plugin, path) of the pages its plugins show."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of the list of tenants."""

    tenants: tuple[TenantLine, ...] = ()
    after: str = ""
    """The id after which the next page begins; empty: this is the last."""


class Overview:
    """Reads what is declared; asks no plugin."""

    def __init__(self, runtimes: Runtimes, registry: Registry) -> None:
        self._runtimes = runtimes
        self._registry = registry

    async def open_to(self, peer: str, headers: Mapping[str, str], search: str = "", after: str = "") -> Shown:
        """A page of the tenants with a page of their own, for a request from this machine; to anybody else none is named.

        *peer* is the other end's address; *headers* have lower-case names. *search*: a part of the id or the name, in any
        case; *after*: that of the page before.
        """
        if not is_local(peer, headers):
            return Shown()
        found: list[TenantLine] = []
        for id in _following(list(self._runtimes.declared), after):
            # Each tenant is unpacked, some 70 µs and more: ten thousand in one go would hold up everybody else.
            await asyncio.sleep(0)
            line = self._line(id)
            if line is None or not line.pages or not _matches(line, search):
                continue
            if len(found) == PAGE:
                return Shown(tuple(found), found[-1].id)
            found.append(line)
        return Shown(tuple(found))

    def tenants(self) -> Iterator[TenantLine]:
        """All of them, each read when it is asked for."""
        return (line for id in list(self._runtimes.declared) if (line := self._line(id)) is not None)

    def _line(self, id: str) -> TenantLine | None:
        declared = self._runtimes.declared.get(id)
        if declared is None:  # it has left the file since
            return None
        return TenantLine(
            id=id,
            name=declared.tenant.name,
            language=declared.tenant.language,
            plugins=tuple(kind.name for kind, _ in declared.plugins),
            pages=tuple(
                (kind.name, f"/plugins/{kind.name}/{id}/") for kind, _ in declared.plugins if "routes" in kind.hooks
            ),
        )


def _following(ids: list[str], after: str) -> list[str]:
    return ids[ids.index(after) + 1 :] if after in ids else ids


def _matches(line: TenantLine, search: str) -> bool:
    wanted = search.strip().casefold()
    return wanted in line.id or wanted in line.name.casefold()
