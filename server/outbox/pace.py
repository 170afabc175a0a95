"""How fast a sender sends: as its channel says, and less for a while after the provider asked to slow down.

Kept in the store, so that every process of the sender knows within seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from ..budget.limits import Rate
from ..clock import milliseconds
from ..model import Budget
from ..store import Store
from ..store.collections import BUDGETS

log = structlog.get_logger(__name__)

WHOLE = 1000
"""The full rate; what is stored is in thousandths of it."""
LEAST = 10
SHORTEST = timedelta(minutes=1)
"""For so long at least a sender is slower."""
AGAIN = timedelta(seconds=10)
"""What was on its way when the provider asked does not count as its asking again."""
LOOK_EVERY = timedelta(seconds=2)


class Pace:
    """The rates of all senders, as this process knows them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str], tuple[datetime, Budget | None]] = {}

    async def rate(self, tenant: str, channel: str, address: str, full: float) -> Rate:
        """What the sender may send now; *full* is what the channel takes from it (messages a second)."""
        id, now = _id(channel, address), self._store.now()
        at, slowed = self._known.get((tenant, id), (None, None))
        if at is None or now - at >= LOOK_EVERY:
            slowed = await self._store.for_tenant(tenant).get(BUDGETS, id)
            self._known[tenant, id] = (now, slowed)
        return Rate.per_second(full * slowed.limit / WHOLE if slowed is not None and now < slowed.ends_at else full)

    async def slow_down(self, tenant: str, channel: str, address: str, after: float) -> None:
        """Halve it, until *after* seconds from now, or a minute if that is later."""
        repository, id = self._store.for_tenant(tenant), _id(channel, address)
        while True:
            now = self._store.now()
            until = milliseconds(now + max(SHORTEST, timedelta(seconds=after)))
            slowed = await repository.get(BUDGETS, id)
            if slowed is None:
                slowed = Budget(id=id, limit=WHOLE // 2, booked=_seconds(now), ends_at=until)
                if not await repository.insert(BUDGETS, slowed):
                    continue
            else:
                before = slowed.limit if now < slowed.ends_at else WHOLE
                asked_again = now >= slowed.ends_at or _seconds(now) - slowed.booked >= AGAIN.total_seconds()
                changed = await repository.update(
                    BUDGETS,
                    slowed,
                    limit=max(LEAST, before // 2) if asked_again else before,
                    booked=_seconds(now) if asked_again else slowed.booked,
                    ends_at=max(until, slowed.ends_at),
                )
                if changed is None:
                    continue
                slowed = changed
            self._known[tenant, id] = (now, slowed)
            log.warning("sender_slowed", tenant=tenant, address=address, thousandths=slowed.limit)
            return


def _id(channel: str, address: str) -> str:
    return f"slow/{channel}/{address}"


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
