"""Bad: a hook that need not exist would hide a misspelling."""

from __future__ import annotations

from frontdesk import Plugin, hookimpl


class OptionalHook(Plugin):
    @hookimpl(optionalhook=True)
    async def on_hand_off(self, reason: str) -> None:
        """It would never be called."""
