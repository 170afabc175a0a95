"""Contacts who write and wait for their reply: drives a server through the load generator, hears it through the sink."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import perf_counter

import loadgen
from candidates import Candidate
from sink import Sink
from workload import contact

PATIENCE = 120.0


@dataclass
class Heard:
    """What reached the contacts. `seconds`: from the first webhook to the last reply."""

    seconds: float = 0.0
    replies: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    """From sending the webhook to the reply (seconds)."""

    @property
    def per_second(self) -> float:
        return len(self.replies) / self.seconds

    @property
    def twice(self) -> int:
        return sum(count > 1 for count in self.replies.values())


async def everybody_writes(
    server: Candidate, sink: Sink, contacts: Iterable[int], *, connections: int, at_once: int
) -> Heard:
    """Each contact writes one message; *at_once* of them wait for a reply at any time. Returns when all have theirs."""
    heard = Heard()
    waiting: dict[str, asyncio.Future[float]] = {}
    pool: asyncio.Queue[loadgen.Connection] = asyncio.Queue()
    for _ in range(connections):
        pool.put_nowait(await loadgen.Connection.open(server.port))
    work = iter([(contact(number), server.webhook(number)) for number in contacts])

    def hear(to: str, at: float) -> None:
        heard.replies[to] += 1
        if to in waiting and not waiting[to].done():
            waiting[to].set_result(at)

    async def one_after_the_other() -> None:
        for who, webhook in work:
            waiting[who] = asyncio.get_running_loop().create_future()
            connection = await pool.get()
            sent = perf_counter()
            status = await connection.send(webhook)
            pool.put_nowait(connection)
            if status != 204:
                raise RuntimeError(f"{server.name} answered {status}: {server.log()}")
            heard.latencies.append(await waiting[who] - sent)

    sink.heard = hear
    began = perf_counter()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_after_the_other())
    heard.seconds = perf_counter() - began
    while not pool.empty():
        pool.get_nowait().close()
    return heard
