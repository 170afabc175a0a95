"""Reserve a part of a limit that all processes share, and settle it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import structlog

from ..clock import Clock
from ..store import Store, StoreError
from .ceilings import CeilingShare
from .ledger import Ledger
from .limits import Ceiling, Limit, NotBefore, Rate, Reservation
from .rates import RateShare

log = structlog.get_logger(__name__)

CLOSE_SECONDS = 2.0


class Budgets:
    """This process's shares of all limits in use.

    :param holder: how the documents call this process; no other has the name, not even its successor. :param peers: how
        many processes run just now, this one among them. It decides how large a share is, never whether shares fit. :param
        dead: holders that are known to have ended without giving their shares back.
    """

    def __init__(
        self,
        store: Store,
        holder: str,
        peers: Callable[[], int],
        clock: Clock,
        *,
        dead: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._store = store
        self._holder = holder
        self._peers = peers
        self._dead = dead
        self._clock = clock
        self._shares: dict[tuple[str, str], RateShare | CeilingShare] = {}

    async def reserve(
        self, tenant: str, key: str, limit: Limit, amount: int = 1, *, patience: float = 0.0
    ) -> Reservation | NotBefore:
        """A part of the limit that *tenant* calls *key*.

        :param amount: of a ceiling, as far as it can be told now; a rate counts single things. :param patience: of a
            rate, for how many seconds its turn may be waited for.

        Raises ValueError for an amount that cannot be, StoreError if a share is needed and the store is away.
        """
        if amount < 1 or (isinstance(limit, Rate) and amount != 1):
            raise ValueError(f"{tenant}: {key}: an amount of {amount}; a rate counts one, a ceiling one or more")
        if isinstance(limit, Rate):
            return await self._rate(tenant, key, limit).reserve(limit, patience)
        return await self._ceiling(tenant, f"{key}@{limit.begins.isoformat()}", limit).reserve(limit, amount)

    def settle(self, reservation: Reservation, actual: int) -> None:
        """What was reserved came to *actual* (0: it was not used). Once for each reservation.

        More than was reserved is booked, too, and may lead over the limit: reserve the most that it can come to. Raises
        ValueError for less than nothing.
        """
        if actual < 0:
            raise ValueError(f"an actual amount of {actual}; write 0 or more")
        reservation.share.settle(reservation, actual)

    async def tend(self) -> None:
        """Book, renew, give back; called now and then, more than once in a ceiling's lease."""
        for key, share in list(self._shares.items()):
            if await share.tend():
                del self._shares[key]

    def tenants(self) -> set[str]:
        """Whose limits this process has shares of."""
        return {tenant for tenant, _ in self._shares}

    async def leave(self, tenants: Collection[str]) -> None:
        """Book everything of these tenants, give the shares back, and write nothing more of them. Raises StoreError."""
        left = set(tenants)
        for key, share in list(self._shares.items()):
            if key[0] in left:
                await share.close()
                self._shares.pop(key, None)

    async def close(self) -> None:
        """Book everything and give back what is not used: all at once. Nothing that goes wrong with it holds up the stop:
        what is not given back runs out by itself."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                closed = await asyncio.gather(
                    *(share.close() for share in self._shares.values()), return_exceptions=True
                )
        except TimeoutError:
            log.warning("store_away", reason=f"it did not answer within {CLOSE_SECONDS:g} s", kind="budget")
            return
        for err in closed:
            if isinstance(err, StoreError):
                log.warning("store_away", reason=str(err), kind="budget")
                return
            if err is not None:
                log.error("budget_not_given_back", exc_info=err)

    def _rate(self, tenant: str, key: str, limit: Rate) -> RateShare:
        share = self._shares.get((tenant, key))
        if share is None:
            ledger = self._ledger(tenant, key)
            share = self._shares[tenant, key] = RateShare(ledger, limit, self._peers, self._dead, self._clock)
        assert isinstance(share, RateShare), f"{key} is a ceiling"
        return share

    def _ceiling(self, tenant: str, key: str, limit: Ceiling) -> CeilingShare:
        share = self._shares.get((tenant, key))
        if share is None:
            share = self._shares[tenant, key] = CeilingShare(self._ledger(tenant, key), limit, self._peers)
        assert isinstance(share, CeilingShare), f"{key} is a rate"
        return share

    def _ledger(self, tenant: str, key: str) -> Ledger:
        return Ledger(self._store.for_tenant(tenant), key, self._holder, self._store.now)
