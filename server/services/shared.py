"""Objects that the instances of one plugin share, over all tenants: an SDK client per credentials, say."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from .. import blame
from ..step import Running, Stepped

log = structlog.get_logger(__name__)

CLOSE_SECONDS = 5.0
"""How long an object may take to close."""


@dataclass(eq=False)
class _Object:
    """One object, who uses it, and the lock of those who wait until it is made."""

    users: set[SharedByInstance] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    made: bool = False
    value: Any = None


class SharedObjects:
    """One object per process, plugin and key. It is closed when the last instance that asked for it has stopped."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], _Object] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def of(self, plugin: str) -> SharedByInstance:
        """What a new instance of *plugin* is given."""
        return SharedByInstance(self, plugin)

    async def get(self, user: SharedByInstance, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        shared = self._objects.setdefault((user.plugin, key), _Object())
        shared.users.add(user)
        async with shared.lock:
            if not shared.made:
                shared.value = await make()
                shared.made = True
        return shared.value

    async def release(self, user: SharedByInstance) -> None:
        """*user* has stopped: close what nobody else uses."""
        for (plugin, key), shared in list(self._objects.items()):
            shared.users.discard(user)
            if not shared.users:
                del self._objects[plugin, key]
                await _close(plugin, shared)

    async def close(self) -> None:
        """Close whatever is left."""
        while self._objects:
            (plugin, _), shared = self._objects.popitem()
            await _close(plugin, shared)


class SharedByInstance:
    """`self.shared` of one instance."""

    def __init__(self, objects: SharedObjects, plugin: str) -> None:
        self._objects = objects
        self.plugin = plugin

    async def __call__(self, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        return await self._objects.get(self, key, make)

    async def release(self) -> None:
        """The instance has stopped."""
        await self._objects.release(self)


async def _close(plugin: str, shared: _Object) -> None:
    """Close what can be closed: `aclose()`, or a `close()` that does not block. It is foreign code: what it does wrong is
    told and passed over."""
    label = Running("", plugin, "shared")

    async def close() -> None:
        method = getattr(shared.value, "aclose", None) or getattr(shared.value, "close", None)
        if method is not None and inspect.isawaitable(result := method()):
            await result

    task = asyncio.current_task()
    assert task is not None
    cancelled_before = task.cancelling()
    async with shared.lock:  # it may still be being made
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await Stepped(label, close, {})
        except asyncio.CancelledError as err:
            if task.cancelling() > cancelled_before:
                raise
            _not_closed(label, err)  # something inside it was cancelled, and not we
        except (Exception, SystemExit) as err:  # noqa: BLE001  isolation
            _not_closed(label, err)


def _not_closed(label: Running, err: BaseException) -> None:
    log.warning("shared_not_closed", **label._asdict(), reason=blame.in_words(err), trace=blame.trace(err))
