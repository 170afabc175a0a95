"""A load generator for HTTP/1.1 over kept-alive connections to this machine: closed loop, and open loop at a rate.

It writes prepared bytes to raw sockets and reads no more of an answer than its end, so that one core loads a server on
the other. Limited to the loopback interface, to MAX_REQUESTS and to MAX_SECONDS.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from time import perf_counter

MAX_REQUESTS = 200_000
MAX_SECONDS = 120.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Run:
    """What came of one load. Latencies are in seconds, in the order in which the answers came."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """In seconds."""
        return percentile(self.latencies, percent)


def percentile(values: Sequence[float], percent: int) -> float:
    """The *percent*-th percentile (1 to 99) of *values*."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[int] | None = None

    @classmethod
    async def open(cls, port: int) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    async def send(self, request: bytes) -> int:
        """The status of the answer. Raises ConnectionError if the server closes before it."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("the server closed a kept-alive connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        status = int(head[9:12])
        found = _LENGTH.search(head)
        length = 0 if status in (204, 304) else int(found[1]) if found else None
        if length is None:
            self._end(ConnectionError("an answer without content-length: this generator reads no chunks"))
        elif len(rest) >= length:
            self._received = b""
            self._end(status)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(ConnectionError(f"the server closed the connection: {exc}"))

    def _end(self, outcome: int | Exception) -> None:
        if self._answer is None or self._answer.done():
            return
        if isinstance(outcome, int):
            self._answer.set_result(outcome)
        else:
            self._answer.set_exception(outcome)


Done = Callable[[int, float, float], None]
"""Called with a request's number, when it was to be sent, and when its answer was there (perf_counter)."""


async def closed_loop(port: int, requests: Sequence[bytes], connections: int, done: Done | None = None) -> Run:
    """Send all *requests*, each connection its next one as soon as it has an answer."""
    _check(requests)
    run = Run()
    work = iter(enumerate(requests))

    async def worker(connection: Connection) -> None:
        for number, request in work:
            began = perf_counter()
            await _one(run, connection, number, request, began, done)

    pool = [await Connection.open(port) for _ in range(connections)]
    began = perf_counter()
    async with asyncio.timeout(MAX_SECONDS), asyncio.TaskGroup() as group:
        for connection in pool:
            group.create_task(worker(connection))
    return _ended(run, began, pool)


async def open_loop(
    port: int, requests: Sequence[bytes], connections: int, rate: float, done: Done | None = None
) -> Run:
    """Send *requests* at *rate* per second, however slowly they are answered.

    A latency counts from the moment the request was to be sent, so a server that stalls is charged for everything it
    made wait (no coordinated omission).
    """
    _check(requests)
    run = Run()
    free: asyncio.Queue[Connection] = asyncio.Queue()
    pool = [await Connection.open(port) for _ in range(connections)]
    for connection in pool:
        free.put_nowait(connection)

    async def send(number: int, request: bytes, due: float) -> None:
        connection = await free.get()
        await _one(run, connection, number, request, due, done)
        free.put_nowait(connection)

    began = perf_counter()
    async with asyncio.timeout(MAX_SECONDS), asyncio.TaskGroup() as group:
        for number, due in _schedule(began, len(requests), rate):
            await asyncio.sleep(max(0.0, due - perf_counter()))
            group.create_task(send(number, requests[number], due))
    return _ended(run, began, pool)


def _schedule(began: float, count: int, rate: float) -> Iterator[tuple[int, float]]:
    return ((number, began + number / rate) for number in range(count))


async def _one(run: Run, connection: Connection, number: int, request: bytes, began: float, done: Done | None) -> None:
    run.statuses[await connection.send(request)] += 1
    ended = perf_counter()
    run.latencies.append(ended - began)
    if done is not None:
        done(number, began, ended)


def _check(requests: Sequence[bytes]) -> None:
    if not 0 < len(requests) <= MAX_REQUESTS:
        raise ValueError(f"{len(requests):,} requests; this generator sends 1 to {MAX_REQUESTS:,}")


def _ended(run: Run, began: float, pool: list[Connection]) -> Run:
    run.seconds = perf_counter() - began
    for connection in pool:
        connection.close()
    return run
