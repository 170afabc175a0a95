"""A process's share of a rate: so many of its messages a second, until a time; paced in the process, by no store call.

Every second (or period) may hold the whole limit and no more, whoever sends: shares add up to at most the limit, and what
a share loses is nobody's for as long as a period may still hold messages that were sent on it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil, inf
from typing import Any

from ..clock import Clock, milliseconds
from ..model import Budget, BudgetShare
from .ledger import Ledger
from .limits import NotBefore, Rate, Reservation

LEASE = timedelta(seconds=20)
"""A share is leased for so long and two periods, and used for the first half only: then it is renewed. So nothing was sent
on it in the period in which it runs out, by anybody's idea of the time."""
ROOM = 8
"""One part in so many is left for processes that come: they need not wait until the others renew. Each takes half of what is
left, so that the next one has something, too."""
LEAST_ROOM = 4
"""For less than so many it is not worth it."""
SHORT_LEASE = timedelta(seconds=3)
"""Of a limit that leaves no room: who comes waits until the others renew."""
GUARD = timedelta(seconds=1)
"""Two processes' ideas of the store's time differ by less."""
ASK_AGAIN = timedelta(seconds=2)
"""When a process that got nothing, or less than half its part, looks again: others make room when they renew."""
CATCH_UP = 1 / 20
"""The part of a period by which one may be late and make it up: timers and busy loops are. So much of the limit is kept
free for it."""


class RateShare:
    """One rate, in one process. `peers`: how many processes there are; `dead`: holders that are known to have ended."""

    def __init__(
        self, ledger: Ledger, limit: Rate, peers: Callable[[], int], dead: Callable[[], Collection[str]], clock: Clock
    ) -> None:
        self._ledger = ledger
        self._limit = limit
        self._peers = peers
        self._dead = dead
        self._clock = clock
        self._share: BudgetShare | None = None
        self._look_at = ledger.now()
        """When the document is looked at next (store time)."""
        self._next = -inf
        """When the next one is due at an even pace (monotonic)."""
        self._put_off_to = -inf
        """Up to when those who were sent away will come back."""
        self._waiting = 0
        self._recent: deque[datetime] = deque()
        """When the last ones went, as far as they still count for anybody (store time)."""
        self._turn = asyncio.Lock()

    async def reserve(self, limit: Rate, patience: float) -> Reservation | NotBefore:
        """One place, waited for up to *patience* seconds, first come first served."""
        give_up = self._clock.monotonic() + patience
        if self._wait() + self._waiting * self._pace() > patience:
            return self._put_off()
        self._waiting += 1
        try:
            async with self._turn:
                while True:
                    if limit != self._limit or self._ledger.now() >= self._look_at:
                        await self._lease(limit)
                    if self._share is None or not self._share.amount:
                        return NotBefore(self._look_at)
                    wait = self._wait()
                    if wait <= 0:
                        break
                    if self._clock.monotonic() + wait > give_up:
                        return self._put_off()
                    await self._clock.sleep(wait)
                self._next = max(self._next, self._clock.monotonic()) + self._pace()
                self._went(limit)
                return Reservation(self, 1)
        finally:
            self._waiting -= 1

    def settle(self, reservation: Reservation, actual: int) -> None:
        """A place in time is used up by its time."""

    async def tend(self) -> bool:
        """A share that is not used runs out by itself."""
        return not self._waiting and (self._share is None or self._share.until <= self._ledger.now())

    async def close(self) -> None:
        """Leave it to the others, and to who is started in our place: all but what was sent so lately that it counts."""
        async with self._turn:
            if self._share is not None:
                await self._ledger.change(self._left)
                self._share, self._look_at = None, self._ledger.now()

    async def _lease(self, limit: Rate) -> None:
        budget = await self._ledger.change(lambda known: self._divided(known, limit))
        now = self._ledger.now()
        self._limit = limit
        self._share = budget.shares[self._ledger.holder]
        self._look_at = self._share.until - _lease_of(limit) / 2
        if self._share.amount <= self._part(limit, len(budget.shares)) // 2:
            others = [share.until for share in budget.shares.values() if share is not self._share]
            self._look_at = min([now + ASK_AGAIN, *others])

    def _part(self, limit: Rate, holders: int) -> int:
        """What each of so many holders has, as far as it is free."""
        return ceil((limit.amount - _room(limit)) / max(holders, self._peers()))

    def _divided(self, budget: Budget, limit: Rate) -> Mapping[str, Any]:
        """Everybody an equal part, as far as it is free; who comes may take of the room that is left for that."""
        now, me = self._ledger.now(), self._ledger.holder
        shares = {holder: share for holder, share in budget.shares.items() if share.until > now}
        before = shares.pop(me, None)
        self._bury(shares, milliseconds(now + GUARD + limit.period))
        holders = 1 + sum(not share.given_up for share in shares.values())
        free = limit.amount - sum(share.amount for share in shares.values())
        mine = max(0, min(self._part(limit, holders), _most(limit, free, before)))
        if before is not None and before.amount > mine:
            _give_up(shares, me, before.amount - mine, milliseconds(now + GUARD + limit.period))
        until = milliseconds(now + _lease_of(limit))
        shares[me] = BudgetShare(amount=mine, until=until)
        return {"limit": limit.amount, "shares": shares, "ends_at": until}

    def _left(self, budget: Budget) -> Mapping[str, Any]:
        """The others' shares, and what we sent within a period."""
        now, me = self._ledger.now(), self._ledger.holder
        shares = {holder: share for holder, share in budget.shares.items() if share.until > now and holder != me}
        self._forget(self._limit)
        if self._recent and me in budget.shares:
            counts = min(len(self._recent), budget.shares[me].amount)
            _give_up(shares, me, counts, milliseconds(self._recent[-1] + GUARD + self._limit.period))
        return {"shares": shares, "ends_at": max([now, *(share.until for share in shares.values())])}

    def _bury(self, shares: dict[str, BudgetShare], until: datetime) -> None:
        """What the dead sent last counts for a period from now, whatever their lease."""
        for holder in self._dead():
            share = shares.get(holder)
            if share is not None and not share.given_up:
                shares[holder] = replace(share, until=min(share.until, until), given_up=True)

    def _went(self, limit: Rate) -> None:
        """Note that one goes now."""
        self._forget(limit)
        self._recent.append(self._ledger.now())

    def _forget(self, limit: Rate) -> None:
        """What nobody counts any more, by whatever idea of the time."""
        counts_from = self._ledger.now() - GUARD - limit.period
        while self._recent and self._recent[0] <= counts_from:
            self._recent.popleft()

    def _pace(self) -> float:
        """Seconds between two."""
        amount = self._share.amount if self._share is not None and self._share.amount else self._limit.amount
        return self._limit.period.total_seconds() * (1 + CATCH_UP) / amount

    def _wait(self) -> float:
        """Seconds until the next one may go; being late is made up for."""
        late = self._limit.period.total_seconds() * CATCH_UP
        return self._next - late - self._clock.monotonic()

    def _put_off(self) -> NotBefore:
        """Those who are sent away come back one after the other, at the pace at which they can go."""
        now = self._clock.monotonic()
        self._put_off_to = max(self._put_off_to, now + max(0.0, self._wait())) + self._pace()
        return NotBefore(milliseconds(self._ledger.now() + timedelta(seconds=self._put_off_to - now)))


def _room(limit: Rate) -> int:
    return limit.amount // ROOM if limit.amount >= ROOM * LEAST_ROOM else 0


def _most(limit: Rate, free: int, before: BudgetShare | None) -> int:
    """Of what is *free*: who had nothing *before* takes of the room, who had something leaves it."""
    room = _room(limit)
    if before is not None and before.amount:
        return min(free, max(free - room, before.amount))
    return max(free - room, min(free, ceil(free / 2)) if room else free)


def _lease_of(limit: Rate) -> timedelta:
    return (LEASE if _room(limit) else SHORT_LEASE) + 2 * limit.period


def _give_up(shares: dict[str, BudgetShare], holder: str, amount: int, until: datetime) -> None:
    """Note beside *holder*'s share what it gave up, and until when that is nobody's."""
    name = f"{holder} before"
    earlier = shares.get(name)
    if earlier is not None:
        amount, until = amount + earlier.amount, max(until, earlier.until)
    shares[name] = BudgetShare(amount=amount, until=until, given_up=True)
