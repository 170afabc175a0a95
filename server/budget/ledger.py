"""The document of one limit, as this process knows it: changed by compare-and-set, mostly without reading it first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..model import Budget
from ..store import Repository
from ..store.collections import BUDGETS

Decide = Callable[[Budget], Mapping[str, Any]]

_NOT_STORED = 0
"""The version of a document that is not in the store yet."""


class Ledger:
    """*holder* is how the document calls this process."""

    def __init__(self, repository: Repository, id: str, holder: str, now: Callable[[], datetime]) -> None:
        self.holder = holder
        self.now = now
        self._repository = repository
        self._id = id
        self._known: Budget | None = None

    async def change(self, decide: Decide) -> Budget:
        """Write what *decide* makes of the document; it is asked anew with what somebody else has made of it meanwhile."""
        budget = self._known if self._known is not None and self._is_ours(self._known) else await self._read()
        while True:
            changes = decide(budget)
            changed: Budget | None
            if budget.version == _NOT_STORED:
                made = replace(budget, version=1, **changes)
                changed = made if await self._repository.insert(BUDGETS, made) else None
            else:
                changed = await self._repository.update(BUDGETS, budget, **changes)
            if changed is not None:
                self._known = changed
                return changed
            budget = await self._read()

    def _is_ours(self, known: Budget) -> bool:
        """Whether it is probably as we left it: others who hold a share renew it, too."""
        return known.shares.keys() <= {self.holder}

    async def _read(self) -> Budget:
        stored = await self._repository.get(BUDGETS, self._id)
        return stored or Budget(id=self._id, version=_NOT_STORED, limit=0, ends_at=self.now())
