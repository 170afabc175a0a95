"""Bad: no hook has this name."""

from __future__ import annotations

from frontdesk import Plugin, hookimpl


class MisspeltHook(Plugin):
    @hookimpl
    async def on_hand_off(self, reason: str) -> None:
        """It would never be called."""
