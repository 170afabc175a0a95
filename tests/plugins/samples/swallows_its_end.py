"""Bad: it hangs, and goes on hanging when it is cancelled."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from frontdesk import Plugin, Section, hookimpl


class SwallowsItsEnd(Plugin):
    @hookimpl
    async def prompt_section(self) -> Section:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
