"""Threads with an SQLite connection each, fed by queues. The loop waits on nothing; no caller can stop a lane.

A lane owns its thread and never awaits a caller's future: a caller that was cancelled (a client hung up) leaves its
result unread, and that is all. Results go back with one wake of the loop for everything that was done together.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from . import StoreError, StoreFull, StoreUnavailable

T = TypeVar("T")

Job = Callable[[sqlite3.Cursor], T]


class Call:
    """A job, who waits for it, and what came of it."""

    __slots__ = ("error", "future", "job", "result")

    def __init__(self, job: Job[Any], future: asyncio.Future[Any]) -> None:
        self.job = job
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None

    def run(self, cursor: sqlite3.Cursor) -> None:
        """Do the job; SQLite's error becomes ours, any other is handed to the caller as it is."""
        try:
            self.result = self.job(cursor)
        except sqlite3.Error as error:
            self.error = translated(error)
        except Exception as error:  # noqa: BLE001  a job's error belongs to its caller, never to the lane
            self.error = error

    def deliver(self) -> None:
        """Give the result to the caller; on the loop's thread."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Lane:
    """One queue served by *threads* threads, each taking up to *batch* waiting calls at a time."""

    def __init__(self, name: str, connect: Callable[[], sqlite3.Connection], *, threads: int, batch: int) -> None:
        self._name = name
        self._connect = connect
        self._count = threads
        self._batch = batch
        self._queue: SimpleQueue[list[Call] | None] = SimpleQueue()
        self._gathering: list[Call] = []
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the threads; results go to the running loop."""
        self._loop = asyncio.get_running_loop()
        for number in range(self._count):
            thread = threading.Thread(target=self._main, name=f"store-{self._name}-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def submit(self, job: Job[T]) -> asyncio.Future[T]:
        """Queue *job*; the future has its result. Raises StoreUnavailable if the store is not open."""
        if self._loop is None:
            raise StoreUnavailable("the store is not open: await store.open() first")
        future: asyncio.Future[T] = self._loop.create_future()
        if not self._gathering:
            # What one pass of the loop asks for goes over together: a wake of the thread costs more than a statement.
            self._loop.call_soon(self._hand_over)
        self._gathering.append(Call(job, future))
        return future

    def _hand_over(self) -> None:
        calls, self._gathering = self._gathering, []
        for start in range(0, len(calls), self._batch):
            self._queue.put(calls[start : start + self._batch])

    async def stop(self) -> None:
        """Do what is queued, close the connections, end the threads."""
        if self._loop is None:
            return
        self._loop = None
        self._hand_over()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._threads.clear()

    def _main(self) -> None:
        loop = self._loop
        assert loop is not None
        connection: sqlite3.Connection | None = None
        while (calls := self._gather()) is not None:
            try:
                connection = connection or self._connect()
            except sqlite3.Error as error:
                # The next call tries again: the file may come back.
                for call in calls:
                    call.error = translated(error)
            else:
                self.run(connection, calls)
            try:
                loop.call_soon_threadsafe(_deliver, calls)
            except RuntimeError:
                break  # The loop is closed: nobody is left to tell.
        if connection is not None:
            connection.close()

    def _gather(self) -> list[Call] | None:
        calls = self._queue.get()
        if calls is None:
            return None
        while len(calls) < self._batch:
            try:
                more = self._queue.get_nowait()
            except Empty:
                break
            if more is None:
                self._queue.put(None)
                break
            calls += more
        return calls

    def run(self, connection: sqlite3.Connection, calls: Sequence[Call]) -> None:
        """Do every call by itself; one whose caller has gone is left out."""
        cursor = connection.cursor()
        for call in calls:
            if not call.future.done():
                call.run(cursor)


class WriteLane(Lane):
    """The one writer of this process: what has gathered is committed together."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        super().__init__("writer", connect, threads=1, batch=500)

    def run(self, connection: sqlite3.Connection, calls: Sequence[Call]) -> None:
        """Do all calls in one transaction. If anything fails, undo it and do each in a transaction of its own.

        So an error hits the caller whose work it is and nobody else, without a savepoint in the common case.
        """
        error = self._commit(connection, calls)
        if error is None:
            return
        for call in calls:
            call.result = call.error = None
        if len(calls) == 1 or isinstance(error, StoreUnavailable):
            for call in calls:
                # An exception is raised once; each caller gets one of its own.
                call.error = error if call is calls[0] else type(error)(*error.args)
            return
        for call in calls:
            call.error = self._commit(connection, (call,))

    def _commit(self, connection: sqlite3.Connection, calls: Sequence[Call]) -> Exception | None:
        """Do *calls* in one transaction; None, or why nothing of it was written."""
        cursor = connection.cursor()
        failed: Exception | None = None
        try:
            cursor.execute("BEGIN IMMEDIATE")
            for call in calls:
                call.run(cursor)
                if call.error is not None:
                    failed = call.error
                    break
            if failed is None:
                cursor.execute("COMMIT")
        except sqlite3.Error as error:
            failed = translated(error)
        if failed is not None and connection.in_transaction:
            connection.rollback()
        return failed


def _deliver(calls: Sequence[Call]) -> None:
    for call in calls:
        call.deliver()


_FULL = {sqlite3.SQLITE_FULL}
_WAIT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_INTERRUPT,
}


def translated(error: sqlite3.Error) -> StoreError:
    """SQLite's error as the one that says what the caller can do."""
    # The extended code's low byte is the primary one (sqlite.org/rescode.html).
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _FULL:
        ours: StoreError = StoreFull(
            f"the disk (or the store's page limit) is full: {error}. Make room, then try again"
        )
    elif code in _WAIT:
        ours = StoreUnavailable(f"the store's file cannot be used now: {error}")
    else:
        ours = StoreError(
            f"the store's file cannot be used: {error}. It must be an SQLite file that the server may write; "
            "if it is damaged, restore a backup"
        )
    ours.__cause__ = error
    return ours
