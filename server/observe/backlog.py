"""What waits, as the store knows it: due rows, conversations that a person should answer, parked work, the oldest outbound.

It is the same whichever process is asked. Looked at when somebody reads, at most once in a few seconds; a look that fails
leaves these families out, so that nobody takes yesterday's figures for today's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import get_args

import structlog

from ..clock import Clock
from ..model import NOBODY, DueKind
from ..outbox import again
from ..store import Between, In, Repository, Store, StoreError
from ..store.collections import CONVERSATIONS, DUE, MESSAGES, TURNS
from ..store.queries import MAX_IN
from .families import Labels, Level
from .metrics import Metrics

log = structlog.get_logger(__name__)

KINDS: tuple[DueKind, ...] = get_args(DueKind)
LOOK_EVERY = 10.0
"""Seconds for which a look holds."""
LOOK_SECONDS = 5.0
"""The longest a look may take."""
TENANTS_A_LOOK = 250
"""How many tenants one look asks the store about; with more of them it goes round."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits at one tenant."""

    for_person: int = 0
    parked_turns: int = 0
    parked_messages: int = 0
    undelivered: int = 0
    """Of the newest MAX_IN that failed or expired."""
    oldest_outbound: datetime | None = None


@dataclass
class _Look:
    rows: dict[str, int] = field(default_factory=dict)
    oldest: dict[str, datetime] = field(default_factory=dict)


class Backlog:
    """Keeps what the last look found, and shows it in *metrics*. *tenants* gives those that are declared."""

    def __init__(
        self, store: Store, tenants: Callable[[], Mapping[str, object]], clock: Clock, metrics: Metrics
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._clock = clock
        self._by_tenant = metrics.by_tenant
        self._lock = asyncio.Lock()
        self._looked_at = float("-inf")
        self._look: _Look | None = None
        self._of_tenant: dict[str, Waiting] = {}
        self._next = 0
        metrics.show(*self._families())

    async def refresh(self) -> None:
        """Look again unless the last look still holds; never raises for a store that is away."""
        async with self._lock:
            if self._clock.monotonic() - self._looked_at < LOOK_EVERY:
                return
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    self._look = await self._due()
                    await self._go_round()
            except (StoreError, TimeoutError) as err:
                self._look = None
                log.warning("store_away", reason=str(err) or "no answer in time", kind="metrics")
            self._looked_at = self._clock.monotonic()

    async def _due(self) -> _Look:
        look = _Look()
        for kind in KINDS:
            first = await self._store.shared.find(DUE, {"kind": kind}, order_by="due_at", limit=1)
            ripe = {"kind": kind, "due_at": Between(None, self._store.now())}
            look.rows[kind] = await self._store.shared.count(DUE, ripe)
            if first:
                look.oldest[kind] = first[0].due_at
        return look

    async def _go_round(self) -> None:
        """Ask about the next tenants; what is known of one that is declared no longer is forgotten."""
        tenants = self._tenants()
        self._of_tenant = {id: waiting for id, waiting in self._of_tenant.items() if id in tenants}
        if self._next >= len(tenants):
            self._next = 0
        for tenant in list(islice(tenants, self._next, self._next + TENANTS_A_LOOK)):
            self._of_tenant[tenant] = await _waiting(self._store.for_tenant(tenant))
            self._next += 1

    def _families(self) -> Iterator[Level]:
        tenant: Labels = ("tenant",) if self._by_tenant else ()
        yield Level("frontdesk_store_up", "1: the store answered the last look", (), self._up)
        yield Level("frontdesk_due_rows", "Rows that are due and nobody has claimed", ("kind",), self._rows)
        yield Level("frontdesk_due_oldest_seconds", "How long the oldest of them has been due", ("kind",), self._ages)
        yield Level(
            "frontdesk_outbox_oldest_seconds",
            "Age of the oldest message that waits in a lane",
            tenant,
            self._outbox,
        )
        yield Level(
            "frontdesk_conversations_waiting",
            "Conversations that were handed off and nobody has taken",
            tenant,
            lambda: self._sums("for_person"),
        )
        words = "Turns and messages that are parked, and messages that did not reach their contact"
        yield Level("frontdesk_parked", words, (*tenant, "what"), self._parked)

    def _up(self) -> Iterator[tuple[Labels, float]]:
        yield (), float(self._look is not None)

    def _rows(self) -> Iterator[tuple[Labels, float]]:
        for kind, count in self._look.rows.items() if self._look else ():
            yield (kind,), count

    def _ages(self) -> Iterator[tuple[Labels, float]]:
        if self._look is not None:
            for kind in KINDS:
                yield (kind,), self._age(self._look.oldest.get(kind))

    def _outbox(self) -> Iterator[tuple[Labels, float]]:
        if self._look is None:
            return
        ages = {id: self._age(waiting.oldest_outbound) for id, waiting in self._of_tenant.items()}
        if self._by_tenant:
            yield from (((id,), age) for id, age in ages.items())
        else:
            yield (), max(ages.values(), default=0.0)

    def _parked(self) -> Iterator[tuple[Labels, float]]:
        names = {"turn": "parked_turns", "message": "parked_messages", "undelivered": "undelivered"}
        for what, name in names.items():
            yield from (((*labels, what), count) for labels, count in self._sums(name))

    def _sums(self, name: str) -> Iterator[tuple[Labels, float]]:
        if self._look is None:
            return
        counts = {id: getattr(waiting, name) for id, waiting in self._of_tenant.items()}
        if self._by_tenant:
            yield from (((id,), count) for id, count in counts.items())
        else:
            yield (), sum(counts.values())

    def _age(self, since: datetime | None) -> float:
        return max(0.0, (self._store.now() - since).total_seconds()) if since is not None else 0.0


async def _waiting(repository: Repository) -> Waiting:
    queued = {"direction": "outbound", "state": In(("queued", "sending"))}
    oldest = await repository.find(MESSAGES, queued, order_by="at", limit=1)
    ended = {"direction": "outbound", "state": In(again.UNDELIVERED)}
    newest = await repository.find(MESSAGES, ended, order_by="at", descending=True, limit=MAX_IN)
    return Waiting(
        for_person=await repository.count(CONVERSATIONS, {"owner": NOBODY}),
        parked_turns=await repository.count(TURNS, {"state": "parked"}),
        parked_messages=await repository.count(MESSAGES, {"direction": "outbound", "state": "parked"}),
        undelivered=len(await again.unheard(repository, newest)),
        oldest_outbound=oldest[0].at if oldest else None,
    )
