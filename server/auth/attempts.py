"""How often somebody may try to sign in, over all processes: counted before the password is looked at."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from ..store import Store
from ..store.collections import ATTEMPTS
from ..stored_operators import Attempts

WINDOW = timedelta(minutes=15)
OF_AN_ACCOUNT = 10
FROM_AN_ADDRESS = 60
"""An office has one address, and many who mistype."""


class TooManyAttempts(Exception):
    """Tried too often; `after` is how long to wait."""

    def __init__(self, after: timedelta) -> None:
        super().__init__(f"too many attempts; wait {int(after.total_seconds() // 60) + 1} min")
        self.after = after


class Counted:
    """Counts attempts by what they are about."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def count(self, kind: str, about: str, limit: int) -> None:
        """One more; raises TooManyAttempts past *limit* in a window."""
        id, shared = _id(kind, about), self._store.shared
        while True:
            now = self._store.now()
            there = await shared.get(ATTEMPTS, id)
            if there is None:
                if await shared.insert(ATTEMPTS, Attempts(id=id, count=1, ends_at=now + WINDOW)):
                    return
            elif there.ends_at <= now:
                if await shared.update(ATTEMPTS, there, count=1, ends_at=now + WINDOW):
                    return
            elif there.count >= limit:
                raise TooManyAttempts(there.ends_at - now)
            elif await shared.update(ATTEMPTS, there, count=there.count + 1):
                return

    async def forget(self, kind: str, about: str) -> None:
        """It was the right one: what went wrong before does not count any more."""
        there = await self._store.shared.get(ATTEMPTS, _id(kind, about))
        if there is not None:
            await self._store.shared.delete(ATTEMPTS, there)


def _id(kind: str, about: str) -> str:
    """Hashed: what somebody typed as their name may be their password."""
    return f"{kind}/{hashlib.sha256(about.encode()).hexdigest()}"
