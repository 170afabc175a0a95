"""Runs a plugin's coroutine step by step, so that the watchdog knows whose code the loop is in, and so that it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog

log = structlog.get_logger(__name__)

GRACE = 1.0
"""Seconds in which a hook may tidy up after it was cancelled (its deadline passed, the server stops); then it is dropped."""


class Running(NamedTuple):
    """Which hook's code the loop is executing at this moment."""

    tenant: str
    plugin: str
    hook: str


class Step:
    """Read by the watchdog's thread: what the loop is in, and nothing between steps."""

    running: Running | None = None


@contextmanager
def running(label: Running) -> Iterator[None]:
    """A plugin's code runs inside without awaiting: its constructor, its class methods."""
    before, Step.running = Step.running, label
    try:
        yield
    finally:
        Step.running = before


class Stepped:
    """Awaits `call(**values)`. Who swallows a cancellation is dropped after GRACE: nobody is held up for ever.

    *waits* is called before it waits for the first time.
    """

    __slots__ = ("_call", "_cancelled_before", "_dropping", "_grace", "_label", "_task", "_values", "_waits")

    def __init__(
        self,
        label: Running,
        call: Callable[..., Awaitable[Any]],
        values: Mapping[str, Any],
        waits: Callable[[], object] | None = None,
    ) -> None:
        self._label = label
        self._call = call
        self._values = values
        self._waits = waits
        self._grace: asyncio.TimerHandle | None = None
        self._dropping = False

    def __await__(self) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        assert task is not None, "hooks run in tasks"
        self._task = task
        self._cancelled_before = task.cancelling()
        steps: Any = None
        error: BaseException | None = None
        try:
            while True:
                outside, Step.running = Step.running, self._label
                try:
                    if steps is None:
                        steps = self._call(**self._values).__await__()
                    yielded = steps.throw(error) if error is not None else steps.send(None)
                except StopIteration as end:
                    return end.value
                finally:
                    Step.running = outside
                if isinstance(error, asyncio.CancelledError) and self._grace is None and self._is_cancelled():
                    self._grace = asyncio.get_running_loop().call_later(GRACE, self._end_grace)
                error = None
                if self._waits is not None:
                    self._waits()
                    self._waits = None
                try:
                    yield yielded
                except BaseException as err:  # noqa: BLE001  handed on to the hook, whatever it is
                    error = err
                if self._dropping:
                    self._drop(steps)
        finally:
            if self._grace is not None:
                self._grace.cancel()

    def _is_cancelled(self) -> bool:
        """By somebody outside; what the hook cancels inside itself (a time-out of its own) it has also taken back."""
        return self._task.cancelling() > self._cancelled_before

    def _end_grace(self) -> None:
        self._grace = None
        if self._is_cancelled():
            self._dropping = True
            self._task.cancel()

    def _drop(self, steps: Any) -> None:
        log.error("hook_ignored_its_end", **self._label._asdict(), seconds=GRACE)
        self._task.uncancel()  # the cancelling of _end_grace: it was ours, and has done its work
        try:
            with running(self._label):
                steps.close()
        except (Exception, SystemExit):  # noqa: BLE001  a coroutine that ignores even this is left alone
            log.error("hook_cannot_be_closed", **self._label._asdict())
        raise asyncio.CancelledError
