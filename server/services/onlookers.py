"""Who looks at a conversation just now, and who is writing in it, over all processes: a row in the store that runs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..store import Repository, Store
from ..store.collections import ONLOOKERS
from ..stored_onlookers import Onlooker

LOOKS_FOR = timedelta(seconds=25)
"""How long a row counts after it was written; whose page has gone without a word is forgotten then."""
RENEW_AFTER = timedelta(seconds=10)
"""How often an open page writes its row anew."""
WRITES_FOR = timedelta(seconds=8)
"""How long somebody counts as writing after the last key."""
MOST = 20
"""Of one conversation."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody at a conversation."""

    name: str
    writes: bool


class Onlookers:
    """Of any tenant. An operator with several pages is one row."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(self, tenant: str, conversation: str, name: str, *, writing: bool = False) -> None:
        """*name* has it open. Written at most every RENEW_AFTER; *writing*: has just typed."""
        repository, now = self._repository(tenant), self._store.now()
        while True:
            found = await repository.get(ONLOOKERS, _id(conversation, name))
            fresh = _fresh(found, now, writing) if found is not None else None
            if fresh == {}:
                return
            if found is None:
                new = Onlooker(
                    id=_id(conversation, name),
                    conversation=conversation,
                    name=name,
                    seen_at=now,
                    wrote_at=now if writing else None,
                )
                if await repository.insert(ONLOOKERS, new):
                    return
            elif await repository.update(ONLOOKERS, found, **(fresh or {})) is not None:
                return

    async def stopped_writing(self, tenant: str, conversation: str, name: str) -> None:
        """What *name* was writing is sent."""
        repository = self._repository(tenant)
        found = await repository.get(ONLOOKERS, _id(conversation, name))
        if found is not None and found.wrote_at is not None:
            await repository.update(ONLOOKERS, found, wrote_at=None)

    async def leave(self, tenant: str, conversation: str, name: str) -> None:
        """*name* has closed it. Another page that is still open writes the row again."""
        repository = self._repository(tenant)
        found = await repository.get(ONLOOKERS, _id(conversation, name))
        if found is not None:
            await repository.delete(ONLOOKERS, found)

    async def at(self, tenant: str, conversation: str, but: str = "") -> Sequence[Seen]:
        """Who is there besides *but*, by name."""
        now = self._store.now()
        where = {"conversation": conversation}
        found = await self._repository(tenant).find(ONLOOKERS, where, order_by="name", limit=MOST)
        return [
            Seen(each.name, each.wrote_at is not None and now - each.wrote_at < WRITES_FOR)
            for each in found
            if each.name != but and now - each.seen_at < LOOKS_FOR
        ]

    def _repository(self, tenant: str) -> Repository:
        return self._store.for_tenant(tenant)


def _id(conversation: str, name: str) -> str:
    return f"{conversation}/{name}"


def _fresh(found: Onlooker, now: datetime, writing: bool) -> dict[str, datetime]:
    """What is to be written of a row; empty: it says enough."""
    changes = {"seen_at": now} if now - found.seen_at >= RENEW_AFTER or writing else {}
    return changes | ({"wrote_at": now} if writing else {})
