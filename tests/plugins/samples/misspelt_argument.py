"""Bad: the hook has no argument of this name."""

from __future__ import annotations

from typing import Any

from frontdesk import Plugin, hookimpl


class MisspeltArgument(Plugin):
    @hookimpl
    async def on_handoff(self, contct: Any) -> None:
        """It could not be called."""
