"""Bad: it blocks the event loop, and with it every tenant of the process."""

from __future__ import annotations

import time

from frontdesk import Plugin, Section, Settings, hookimpl


class BlocksLoopSettings(Settings):
    seconds: float = 60
    """How long it blocks."""


class BlocksLoop(Plugin):
    settings: BlocksLoopSettings

    @hookimpl
    async def prompt_section(self) -> Section:
        time.sleep(self.settings.seconds)  # noqa: ASYNC251  this is what it is bad at
        return Section(name="late", text="late")
