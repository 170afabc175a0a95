"""A process's share of what may be spent once: reserved as estimated, booked as it was, and never more than the limit.

What a process holds and has not booked counts as spent for everybody else, and for good once its lease has run out: who
died with it can no longer tell. The parts get smaller with what is left, so that little is lost near the limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..clock import milliseconds
from ..model import Budget, BudgetShare
from .ledger import Ledger
from .limits import Ceiling, NotBefore, Reservation
from .rates import GUARD

LEASE = timedelta(minutes=3)
"""Renewed by every round of the housekeeping while something is reserved."""
PARTS = 4
"""A process takes one part in so many of its equal share at a time, or what it needs if that is more."""
GIVEN_BACK = timedelta(seconds=30)
"""By when a process gives back what it does not use."""


class CeilingShare:
    """One ceiling, in one process. `peers`: how many processes there are."""

    def __init__(self, ledger: Ledger, limit: Ceiling, peers: Callable[[], int]) -> None:
        self._ledger = ledger
        self._limit = limit
        self._peers = peers
        self._booked = 0
        """What was spent under this lease."""
        self._held = 0
        """What is reserved and not settled."""
        self._written = BudgetShare(amount=0, until=ledger.now())
        """The share as the document has it."""
        self._lease = 0
        """Counts the leases; a reservation knows from which it is."""
        self._new = True
        """Nothing was written by it yet."""
        self._leased = False
        """Whether the document has our share, as far as we know."""
        self._refused: tuple[int, NotBefore] | None = None
        """What was refused last, and until when."""
        self._used = False
        """Whether anything was reserved since the last look."""
        self._asking = 0
        """How many are about to reserve: a share that is let go of under them would count what they reserve nowhere."""
        self._turn = asyncio.Lock()

    async def reserve(self, limit: Ceiling, amount: int) -> Reservation | NotBefore:
        """*amount*, if it fits below the limit."""
        self._asking += 1
        try:
            async with self._turn:
                return await self._reserve(limit, amount)
        finally:
            self._asking -= 1

    async def _reserve(self, limit: Ceiling, amount: int) -> Reservation | NotBefore:
        self._used = True
        if limit != self._limit:
            self._limit, self._refused = limit, None
        if not self._has(amount):
            if self._refused is not None and amount >= self._refused[0] and self._now() < self._refused[1].at:
                return self._refused[1]
            budget = await self._write(amount)
            if not self._has(amount):
                refusal = self._not_before(budget, amount)
                self._refused = (amount, refusal)
                return refusal
        self._held += amount
        return Reservation(self, amount, self._lease)

    def settle(self, reservation: Reservation, actual: int) -> None:
        """Book what it was. Of a lease that was lost everything counts as spent already, but what it was more."""
        if reservation.lease == self._lease:
            self._held -= reservation.amount
            self._booked += actual
            self._refused = None  # what was reserved is spent or free now: asking again has another answer
        else:
            self._booked += max(0, actual - reservation.amount)

    async def tend(self) -> bool:
        async with self._turn:
            used, self._used = self._used, False
            if self._held and self._now() >= self._limit.ends + LEASE:
                self._count_as_spent()
            if self._held or self._booked != self._written.booked or (self._written.amount and not used):
                await self._write(0)
            booked = self._booked == self._written.booked
            return booked and not (self._asking or self._held or self._written.amount)

    async def close(self) -> None:
        async with self._turn:
            if self._written.amount or self._booked != self._written.booked:
                await self._write(0)

    def _count_as_spent(self) -> None:
        """Whoever has not settled by now does not come back. Settled all the same, it is as with a lost lease."""
        self._booked, self._held = self._booked + self._held, 0
        self._lease += 1

    async def _write(self, needed: int) -> Budget:
        """Book, and lease room for *needed* more and some to spare (0: give back what is to spare)."""

        def decide(known: Budget) -> Mapping[str, Any]:
            self._learn(known)
            return self._divided(known, needed)

        budget = await self._ledger.change(decide)
        self._written = budget.shares[self._ledger.holder]
        self._new, self._leased = False, True
        return budget

    def _learn(self, budget: Budget) -> None:
        """See whether our share ran out and who noticed has booked all of it. That is so whether we can write or not."""
        if not self._leased or self._ledger.holder in budget.shares:
            return
        # What was settled for more than there was room for, nobody else knows.
        more = self._booked + self._held - self._written.booked - self._written.amount
        self._leased, self._booked, self._held = False, max(0, more), 0
        self._written = BudgetShare(amount=0, until=self._now())
        self._lease += 1

    def _divided(self, budget: Budget, needed: int) -> Mapping[str, Any]:
        """What the document becomes. Changes nothing: the ledger asks anew until it is written."""
        now, me = self._now(), self._ledger.holder
        others = {holder: share for holder, share in budget.shares.items() if holder != me}
        gone = [others.pop(holder) for holder, share in budget.shares.items() if holder != me and share.until <= now]
        booked = budget.booked + sum(share.booked + share.amount for share in gone)
        if self._new and me in budget.shares:
            # Ours from before this share was last forgotten.
            booked += budget.shares[me].booked
        elsewhere = booked + sum(share.booked + share.amount for share in others.values())
        free = max(0, self._limit.amount - elsewhere - self._booked - self._held)
        part = free // (PARTS * max(1 + len(others), self._peers()))
        spare = min(free, max(needed, part)) if needed else 0
        mine = BudgetShare(amount=self._held + spare, booked=self._booked, until=milliseconds(now + LEASE))
        return {
            "limit": self._limit.amount,
            "booked": booked,
            "shares": {**others, me: mine},
            "ends_at": self._limit.ends,
        }

    def _now(self) -> datetime:
        return self._ledger.now()

    def _has(self, amount: int) -> bool:
        left = self._written.booked + self._written.amount - self._booked - self._held
        return left >= amount and self._leased and self._now() < self._written.until - GUARD

    def _not_before(self, budget: Budget, amount: int) -> NotBefore:
        """When others may have given back enough, or what is reserved has come to less; else the end of it all."""
        if budget.booked + sum(share.booked for share in budget.shares.values()) + amount > self._limit.amount:
            return NotBefore(self._limit.ends)
        return NotBefore(min(self._limit.ends, milliseconds(self._now() + GIVEN_BACK)))
