"""The secrets that may have signed a webhook, read again when a signature fits none: they may have been rotated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from frontdesk import PluginError

Keys = tuple[bytes, ...]

PAUSE = 5.0
"""Seconds between two readings: everybody can send a wrong signature, as often as they like."""


class SigningKeys:
    """What `read` gave last. `monotonic` is the plugin's clock."""

    def __init__(self, read: Callable[[], Awaitable[Keys]], monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._again_at = float("-inf")
        self._trouble: PluginError | None = None
        self._reading = asyncio.Lock()
        self.current: Keys = ()

    async def read(self) -> None:
        """Read them now. Raises what `read` raises."""
        try:
            self.current, self._trouble = await self._read(), None
        except PluginError as err:
            self._trouble = err
            raise

    async def newer_than(self, keys: Keys) -> Keys:
        """The keys as they are now, read again unless that was done within PAUSE; empty if they still are *keys*.

        Raises what `read` raises, also within PAUSE after it: whether the signature is right is not known then.
        """
        async with self._reading:
            if self._monotonic() >= self._again_at:
                self._again_at = self._monotonic() + PAUSE
                await self.read()
            elif self._trouble is not None:
                # The trace of this call only: one exception raised again and again would keep them all.
                raise self._trouble.with_traceback(None)
        return self.current if self.current != keys else ()
