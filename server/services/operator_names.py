"""What operators are called by people: owners, authors and onlookers carry the name that never changes."""

from __future__ import annotations

from collections.abc import Iterable

from ..store import In, Store
from ..store.collections import OPERATORS
from ..store.queries import MAX_IN

KNOWN_FOR = 60.0
"""Seconds (of the store's time) after which a name is looked up again."""
MOST = 2_000
"""Names that are remembered; then all are forgotten."""


class OperatorNames:
    """Each process remembers for a minute."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[str, float]] = {}

    async def learn(self, names: Iterable[str]) -> None:
        """Look up those of *names* (without `operator:`) that are not known; so that `of` tells them."""
        now = self._store.now().timestamp()
        wanted = [name for name in dict.fromkeys(names) if name and self._known.get(name, ("", 0.0))[1] <= now]
        if len(self._known) > MOST:
            self._known.clear()
        for start in range(0, len(wanted), MAX_IN):
            part = wanted[start : start + MAX_IN]
            found = await self._store.shared.find(OPERATORS, {"name": In(part)}, order_by="name", limit=MAX_IN)
            shown = {operator.name: operator.display_name for operator in found}
            self._known.update({name: (shown.get(name, name), now + KNOWN_FOR) for name in part})

    def of(self, name: str) -> str:
        """As people call them; the name itself for whoever is no operator of this server."""
        return self._known.get(name, (name, 0.0))[0]
