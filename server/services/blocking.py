"""Calls of SDKs that are not async, each in a thread of the server's own: bounded, with a time-out, ended in order.

Why not asyncio.to_thread: its one pool is for everybody, so that a few hanging calls of one plugin would keep the media
store waiting, and its threads hold the process when it should end.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import math
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, TypeVar, TypeVarTuple

import structlog

from .. import blame
from ..errors import RetryLater

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = structlog.get_logger(__name__)

IN_FLIGHT = 4
"""The most calls at a time of one plugin of one tenant, unless the plugin says otherwise."""
TENANTS = 4
"""How many tenants may have as many at the same time."""
OF_PLUGIN = 48
"""The most of one plugin over all tenants: a vendor that hangs leaves room for the other plugins."""
THREADS = 64
"""The most of the whole process."""


@dataclass
class _Places:
    """Of one plugin, of one tenant or of all; kept while somebody has a place or waits for one."""

    free: asyncio.Semaphore
    users: int = 0


class BlockingCalls:
    """The threads of one process. A call that has begun cannot be stopped: it keeps its place until it returns."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(THREADS)
        self._places: dict[tuple[str, str], _Places] = {}
        self._running: dict[asyncio.Future[None], tuple[str, str]] = {}
        self._closed = False

    def of(self, tenant: str, plugin: str, seconds: float, in_flight: int = IN_FLIGHT) -> BlockingCallsOfPlugin:
        """What an instance is given; *seconds*: the time-out of a call that names none."""
        return BlockingCallsOfPlugin(self, (tenant, plugin), seconds, in_flight)

    async def call(
        self, owner: tuple[str, str], function: Callable[[], T], seconds: float, in_flight: int = IN_FLIGHT
    ) -> T:
        """The result of *function*; raises what it raises.

        Raises RetryLater if no place was free in time (it was not called), TimeoutError if it did not return in time (it
        may still do what it does).
        """
        if self._closed:
            raise RuntimeError("the server has stopped: no blocking call is begun any more")
        ends = asyncio.get_running_loop().time() + seconds
        result = await self._begin(owner, function, ends, in_flight)
        try:
            async with asyncio.timeout_at(ends) as limit:
                return await result
        except TimeoutError:
            if not limit.expired():
                raise  # the SDK's own
            raise TimeoutError(f"a blocking call took longer than its time-out of {seconds:g} s") from None

    async def close(self, seconds: float) -> None:
        """Begin no more; wait up to *seconds* for what runs. What runs longer does not hold the process."""
        self._closed = True
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)
        for tenant, plugin in self._running.values():
            log.warning("blocking_call_left", tenant=tenant, plugin=plugin)

    async def _begin(
        self, owner: tuple[str, str], function: Callable[[], T], ends: float, in_flight: int
    ) -> asyncio.Future[T]:
        """Take a place and start a thread; the future has the result."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()
        ended: asyncio.Future[None] = loop.create_future()
        context = contextvars.copy_context()

        def work() -> None:
            value, error = _outcome(functools.partial(context.run, function))
            with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                loop.call_soon_threadsafe(deliver, value, error)

        def deliver(value: Any, error: Exception | None) -> None:
            place.close()
            if result.done():
                reason = blame.in_words(error) if error is not None else "it returned"
                log.warning("blocking_call_ended_late", tenant=owner[0], plugin=owner[1], reason=reason)
            elif error is not None:
                result.set_exception(error)
            else:
                result.set_result(value)

        with await self._place(owner, ends, in_flight) as taken:
            threading.Thread(target=work, name=f"{owner[0]} {owner[1]}", daemon=True).start()
            place = taken.pop_all()
        self._running[ended] = owner
        place.callback(ended.set_result, None)
        place.callback(self._running.pop, ended)
        return result

    async def _place(self, owner: tuple[str, str], ends: float, in_flight: int) -> ExitStack:
        """Closing it gives the place back."""
        tenant, plugin = owner
        with ExitStack() as stack:
            places = [self._enter(stack, ("", plugin), min(TENANTS * in_flight, OF_PLUGIN)), self._free]
            if tenant:  # what the server asks for itself is no tenant's
                places.insert(0, self._enter(stack, owner, in_flight))
            try:
                async with asyncio.timeout_at(ends):
                    for free in places:
                        await free.acquire()
                        stack.callback(free.release)
            except TimeoutError:
                raise RetryLater("too many blocking calls are in flight already", after=5) from None
            return stack.pop_all()

    def _enter(self, stack: ExitStack, owner: tuple[str, str], most: int) -> asyncio.Semaphore:
        places = self._places.setdefault(owner, _Places(asyncio.Semaphore(most)))
        places.users += 1
        stack.callback(self._leave, owner)
        return places.free

    def _leave(self, owner: tuple[str, str]) -> None:
        self._places[owner].users -= 1
        if not self._places[owner].users:
            del self._places[owner]


class BlockingCallsOfPlugin:
    """`self.call_blocking` of one instance."""

    def __init__(self, calls: BlockingCalls, owner: tuple[str, str], seconds: float, in_flight: int) -> None:
        self._calls = calls
        self._owner = owner
        self._seconds = seconds
        self._in_flight = in_flight

    async def __call__(self, function: Callable[[*Ts], T], *arguments: *Ts, timeout: float | None = None) -> T:
        seconds = self._seconds if timeout is None else timeout
        if not (math.isfinite(seconds) and seconds > 0):
            raise ValueError(f"call_blocking: timeout={timeout!r}; write seconds, more than 0")
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"call_blocking: {function.__qualname__} is async and does not block: await it")
        return await self._calls.call(self._owner, functools.partial(function, *arguments), seconds, self._in_flight)


def _outcome(function: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """What a future can carry: neither StopIteration nor what is meant to end a program."""
    try:
        return function(), None
    except StopIteration:
        return None, RuntimeError("a blocking call raised StopIteration")
    except Exception as err:  # noqa: BLE001  handed to the caller
        return None, err
    except BaseException as err:  # noqa: BLE001  sys.exit, say: it ends a thread, not the server
        return None, RuntimeError(f"a blocking call raised {type(err).__name__}")
