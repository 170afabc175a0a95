"""What the start page shows: the tenants and where each can be tried, to whoever may see that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..locality import is_local
from ..registry import Registry
from ..runtime import Runtimes


@dataclass(frozen=True, slots=True)
class TenantLine:
    """One tenant on the start page."""

    id: str
    name: str
    language: str
    plugins: tuple[str, ...]
    pages: tuple[tuple[str, str], ...]
    """(plugin, path) of the pages its plugins show."""


class Overview:
    """Reads what is declared; asks no plugin."""

    def __init__(self, runtimes: Runtimes, registry: Registry) -> None:
        self._runtimes = runtimes
        self._registry = registry

    def open_to(self, peer: str, headers: Mapping[str, str]) -> list[TenantLine]:
        """The tenants with a page of their own, for a request from this machine; to anybody else none is named.

        *peer* is the other end's address; *headers* have lower-case names.
        """
        return [tenant for tenant in self.tenants() if tenant.pages] if is_local(peer, headers) else []

    def tenants(self) -> list[TenantLine]:
        return [
            TenantLine(
                id=id,
                name=declared.tenant.name,
                language=declared.tenant.language,
                plugins=tuple(kind.name for kind, _ in declared.plugins),
                pages=tuple(
                    (kind.name, f"/plugins/{kind.name}/{id}/") for kind, _ in declared.plugins if "routes" in kind.hooks
                ),
            )
            for id, declared in self._runtimes.declared.items()
        ]
