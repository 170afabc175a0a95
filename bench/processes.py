"""Goal 8: what a message costs the store, the queue and the processors, by the number of processes on one store.

What processes cost while nobody writes (sweeps, looks for changes) is measured just before and taken off, and so is what the
reading of the last figures costs: a process that is asked for its metrics asks the store what waits, every 10 s at most.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import candidates
from candidates import TENANTS, Candidate
from conversations import everybody_writes
from figures import Figures
from sink import Sink
from workload import contact

from frontdesk.clock import SystemClock
from frontdesk.model import Chore
from frontdesk.observe.backlog import LOOK_EVERY
from frontdesk.services.retention import EVERY, NAME
from frontdesk.store.collections import CHORES
from frontdesk.store.opening import open_store
from frontdesk.testing.fake_sqs import FakeSqs
from frontdesk.testing.wire_store import start_wire_store

COUNTS = (1, 2, 3, 4)
CONTACTS = 320
CONTACTS_OVER_WIRE = 80
SENDERS = 4
AT_ONCE = 4
"""Contacts that wait for a reply at any time, of each process: it is more work that asks for more processes."""
IDLE_SECONDS = 5.0
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_EC2_METADATA_DISABLED": "true"}
_CALLS = re.compile(r'^frontdesk_store_call_seconds_count\{call="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass
class Spent:
    """What all processes together have spent since they began."""

    at: float
    store_calls: float
    queue_calls: float
    cpu: float
    """Milliseconds."""


@dataclass
class Cost:
    """Of one message; `cpu` in milliseconds."""

    store_calls: float
    queue_calls: float
    cpu: float


class Ears:
    """The sink tells of every reply; each process's contacts have an ear of their own."""

    def __init__(self, sink: Sink, parts: list[list[int]]) -> None:
        self.each = [Sink() for _ in parts]
        owner = {contact(number): place for place, people in enumerate(parts) for number in people}
        sink.heard = lambda to, at: self.each[owner[to]].heard(to, at)


async def processes(figures: Figures, number: int) -> None:
    """One round: 1 to 4 processes, on an SQLite file that they share and over MongoDB's wire protocol.

    A contact writes to the same process again, or (moving) each time to another one. A process asks the store every 2.5 s
    for its share of a sender's rate: what that is for a message goes by how busy the senders are, so by their number.
    """
    for senders in (SENDERS, TENANTS):
        await _compare(figures, f"SQLite, {senders} senders", COUNTS, senders)
    await _compare(figures, f"wire, {SENDERS} senders", (1, COUNTS[-1]), SENDERS, wire=True)


async def _compare(figures: Figures, where: str, counts: Sequence[int], senders: int, *, wire: bool = False) -> None:
    first = await _cost(1, senders, wire=wire)
    _note(figures, f"{where}, 1 process", first)
    beside = await _cost(1, senders, wire=wire, computing=counts[-1] - 1)
    _note(figures, f"{where}, 1 process beside {counts[-1] - 1} programs that compute", beside)
    for count, moves in [*((count, False) for count in counts[1:]), (counts[-1], True)]:
        cost = await _cost(count, senders, wire=wire, moves=moves)
        over = f"{where}, {count} processes{', contacts moving' if moves else ''}"
        _note(figures, over, cost)
        figures.note(f"{over}: store calls against one", cost.store_calls / first.store_calls, "x", "< 1.1")
        figures.note(f"{over}: CPU against one", cost.cpu / first.cpu, "x", "< 1.1")
        figures.note(f"{over}: CPU against one beside programs that compute", cost.cpu / beside.cpu, "x", "< 1.1")


def _note(figures: Figures, over: str, cost: Cost) -> None:
    figures.note(f"{over}: store calls of a message", cost.store_calls)
    figures.note(f"{over}: wakes sent and deleted", cost.queue_calls)
    figures.note(f"{over}: CPU", cost.cpu, "ms")


async def _cost(count: int, senders: int, *, wire: bool = False, moves: bool = False, computing: int = 0) -> Cost:
    """Everybody writes once to make what is made once, and once more, which is counted.

    *computing*: how many programs keep the processors busy meanwhile. The same work takes more of a processor's time where
    it is taken from it again and again and finds its caches cold: by them it is told how
    much of a difference is the machine's.
    """
    contacts = [
        number // senders * TENANTS + number % senders for number in range(CONTACTS_OVER_WIRE if wire else CONTACTS)
    ]
    async with Sink() as sink, FakeSqs() as queue, _store(wire) as store, AsyncExitStack() as stack:
        await _put_off_retention(store)
        made = [
            candidates.frontdesk(twilio=sink.url, store=store, queue=queue.setting, more=AWS_KEYS) for _ in range(count)
        ]
        for server in made:
            await stack.enter_async_context(server)
        await _write(made, sink, contacts, 0)
        for _ in range(computing):
            await stack.enter_async_context(_computing())
        quiet = await _spent(made, queue)
        await asyncio.sleep(IDLE_SECONDS)
        before = await _spent(made, queue)
        await _write(made, sink, contacts, int(moves))
        # `after` and `last` each have one look of /metrics in them, `before` none.
        await asyncio.sleep(max(0.0, quiet.at + LOOK_EVERY + 1.0 - perf_counter()))
        after = await _spent(made, queue)
        await asyncio.sleep(LOOK_EVERY + 1.0)
        last = await _spent(made, queue)

    def of_a_message(what: str) -> float:
        def risen(begin: Spent, end: Spent) -> float:
            return float(getattr(end, what) - getattr(begin, what))

        idle = risen(quiet, before) / (before.at - quiet.at)
        look = risen(after, last) - idle * (last.at - after.at)
        return (risen(before, after) - idle * (after.at - before.at) - look) / len(contacts)

    return Cost(*map(of_a_message, ("store_calls", "queue_calls", "cpu")))


@asynccontextmanager
async def _computing() -> AsyncIterator[None]:
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
    try:
        yield
    finally:
        program.kill()
        await program.wait()


async def _put_off_retention(url: str) -> None:
    """It goes through all tenants once an hour, first 30 s after the start: that is no message's."""
    store = open_store(url, SystemClock())
    await store.open()
    try:
        await store.shared.insert(CHORES, Chore(id=NAME, next_at=store.now() + EVERY))
    finally:
        await store.close()


@asynccontextmanager
async def _store(wire: bool) -> AsyncIterator[str]:
    if wire:
        with start_wire_store() as server:
            yield server.url("frontdesk")
    else:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'frontdesk.db'}"


async def _write(made: list[Candidate], sink: Sink, contacts: Sequence[int], turn: int) -> None:
    """Every tenant has contacts at all of the processes; with another *turn* each is at another one."""
    parts: list[list[int]] = [[] for _ in made]
    for number in contacts:
        parts[(number // TENANTS + turn) % len(made)].append(number)
    ears = Ears(sink, parts)
    async with asyncio.TaskGroup() as group:
        for place, (server, ear, people) in enumerate(zip(made, ears.each, parts, strict=True)):
            group.create_task(everybody_writes(server, ear, people, connections=4, at_once=AT_ONCE), name=f"{place}")
    # A turn and its lane end after the reply is heard.
    await asyncio.sleep(1.0)


async def _spent(made: list[Candidate], queue: FakeSqs) -> Spent:
    pages = await asyncio.gather(*(asyncio.to_thread(_metrics, server.port) for server in made))
    return Spent(
        at=perf_counter(),
        store_calls=sum(float(value) for page in pages for _, value in _CALLS.findall(page)),
        queue_calls=queue.queue.sent + queue.queue.deleted,
        cpu=1000 * sum(server.cpu_seconds() for server in made),
    )


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())
