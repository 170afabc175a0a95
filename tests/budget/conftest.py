"""Several processes' budgets on one store, by one clock that the test moves; each has its own idea of the store's time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from frontdesk.budget.service import Budgets
from frontdesk.model import Budget
from frontdesk.store import Repository
from frontdesk.store.collections import BUDGETS
from frontdesk.store.sqlite import SqliteStore
from frontdesk.testing.clock import MovableClock

TENANT = "clinic"


class Seen:
    """*store* as a process sees it whose measure of the store's time is *wrong* seconds off; counts what it asks."""

    def __init__(self, store: SqliteStore, wrong: float) -> None:
        self._store = store
        self._wrong = timedelta(seconds=wrong)
        self.calls = 0

    def now(self) -> datetime:
        return self._store.now() + self._wrong

    def for_tenant(self, tenant: str) -> Repository:
        repository = self._store.for_tenant(tenant)
        seen = self

        class Counted:
            def __getattr__(self, name: str) -> Any:
                seen.calls += 1
                return getattr(repository, name)

        return Counted()  # type: ignore[return-value]


class Processes:
    """`processes.start()` is one more process; `kill` one, and nobody hears of it, unless it is *known*."""

    def __init__(self, store: SqliteStore, clock: MovableClock) -> None:
        self.store = store
        self.clock = clock
        self.alive: list[Budgets] = []
        self.known: int | None = None
        """How many processes each thinks there are; None: as many as there are."""
        self.dead: set[str] = set()
        """Of whose deaths the others know."""
        self._started = 0

    def start(self, wrong: float = 0.0) -> Budgets:
        self._started += 1
        store: Any = Seen(self.store, wrong)
        made = Budgets(store, f"process-{self._started}", self._peers, self.clock, dead=lambda: self.dead)
        self.alive.append(made)
        return made

    def kill(self, process: Budgets, *, known: bool = False) -> None:
        self.alive.remove(process)
        if known:
            self.dead.add(process._holder)

    async def end(self, process: Budgets) -> None:
        """As SIGTERM does."""
        self.alive.remove(process)
        await process.close()

    def calls(self, process: Budgets) -> int:
        seen: Any = process._store
        return int(seen.calls)

    async def documents(self, key: str) -> list[Budget]:
        """What is stored of the limits whose keys begin so."""
        stored = await self.store.for_tenant(TENANT).find(BUDGETS, {}, limit=1000)
        return [budget for budget in stored if budget.id.startswith(key)]

    def _peers(self) -> int:
        return len(self.alive) if self.known is None else self.known


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def processes(tmp_path: Path, clock: MovableClock) -> AsyncIterator[Processes]:
    store = SqliteStore(tmp_path / "budgets.db", clock)
    await store.open()
    yield Processes(store, clock)
    await store.close()


@pytest.fixture
def until() -> Callable[..., Any]:
    """`await until(clock, task)`: move the clock to whoever sleeps next, until the task is done."""
    import asyncio

    async def wait(clock: MovableClock, task: asyncio.Task[Any]) -> Any:
        while not task.done():
            await asyncio.sleep(0.001)
            if (seconds := clock.next_sleeper()) is not None:
                clock.advance(seconds)
        return task.result()

    return wait
