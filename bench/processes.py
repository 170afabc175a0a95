"""Goal 8: what a message costs the store, the queue and the processors, by the number of processes on one store."""

from __future__ import annotations

import asyncio
import re
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import candidates
from candidates import TENANTS, Candidate
from conversations import everybody_writes
from figures import Figures
from sink import Sink
from workload import contact

from frontdesk.testing.http_queue import StandIn
from frontdesk.testing.wire_store import start_wire_store

COUNTS = (1, 2, 4)
CONTACTS = 320
AT_ONCE = 16
"""Contacts that wait for a reply at any time, over all processes."""
_CALLS = re.compile(r'^frontdesk_store_call_seconds_count\{call="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass
class Cost:
    """Of one message."""

    store_calls: float
    queue_calls: float
    cpu: float
    """Milliseconds, of all processes together."""


class Ears:
    """The sink tells of every reply; each process's contacts have an ear of their own."""

    def __init__(self, sink: Sink, count: int) -> None:
        self.each = [Sink() for _ in range(count)]
        self._owner = {contact(number): _process(number, count) for number in range(CONTACTS)}
        sink.heard = lambda to, at: self.each[self._owner[to]].heard(to, at)


async def processes(figures: Figures, number: int) -> None:
    """One round: 1, 2 and 4 processes, on an SQLite file that they share and over MongoDB's wire protocol."""
    for name, wire, count_of in (("SQLite", False, CONTACTS), ("wire", True, CONTACTS // 4)):
        first: Cost | None = None
        for count in COUNTS:
            cost = await _cost(count, wire, count_of)
            first = first or cost
            over = f"{name}, {count} process{'es' if count > 1 else ''}"
            figures.note(f"{over}: store calls of a message", cost.store_calls)
            figures.note(f"{over}: queue calls", cost.queue_calls)
            figures.note(f"{over}: CPU", cost.cpu, "ms")
            if count > 1:
                figures.note(f"{over}: store calls against one", cost.store_calls / first.store_calls, "x", "< 1.1")
                figures.note(f"{over}: queue calls against one", cost.queue_calls / first.queue_calls, "x", "< 1.1")
                figures.note(f"{over}: CPU against one", cost.cpu / first.cpu, "x", "< 1.1")


async def _cost(count: int, wire: bool, contacts: int) -> Cost:
    """Everybody writes once to make what is made once, and once more, which is counted."""
    async with Sink() as sink, StandIn() as queue, _store(wire) as store, AsyncExitStack() as stack:
        made = [candidates.frontdesk(twilio=sink.url, store=store, queue=queue.url) for _ in range(count)]
        for server in made:
            await stack.enter_async_context(server)
        await _write(made, sink, contacts)
        calls, taken, cpu = await _calls(made), queue.taken + queue.delivered, _cpu(made)
        await _write(made, sink, contacts)
        return Cost(
            store_calls=(await _calls(made) - calls) / contacts,
            queue_calls=(queue.taken + queue.delivered - taken) / contacts,
            cpu=1000 * (_cpu(made) - cpu) / contacts,
        )


@asynccontextmanager
async def _store(wire: bool) -> AsyncIterator[str]:
    if wire:
        with start_wire_store() as server:
            yield server.url("frontdesk")
    else:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'frontdesk.db'}"


async def _write(made: list[Candidate], sink: Sink, contacts: int) -> None:
    """Each contact to its process; every tenant has contacts at all of them."""
    ears = Ears(sink, len(made))
    async with asyncio.TaskGroup() as group:
        for place, (server, ear) in enumerate(zip(made, ears.each, strict=True)):
            people = [number for number in range(contacts) if _process(number, len(made)) == place]
            group.create_task(
                everybody_writes(server, ear, people, connections=4, at_once=AT_ONCE // len(made)), name=f"{place}"
            )
    # A turn and its lane end after the reply is heard.
    await asyncio.sleep(1.0)


def _process(number: int, count: int) -> int:
    return number // TENANTS % count


async def _calls(made: list[Candidate]) -> float:
    """Calls of the store so far, of all processes."""
    pages = await asyncio.gather(*(asyncio.to_thread(_metrics, server.port) for server in made))
    return sum(float(value) for page in pages for _, value in _CALLS.findall(page))


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def _cpu(made: list[Candidate]) -> float:
    return sum(server.cpu_seconds() for server in made)
