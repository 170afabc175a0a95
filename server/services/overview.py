"""What the start page shows: the tenants and where each can be tried."""

from __future__ import annotations

from dataclasses import dataclass

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
