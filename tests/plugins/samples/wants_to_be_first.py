"""Bad: order comes from the tenant's list of plugins."""

from __future__ import annotations

from frontdesk import Plugin, hookimpl


class WantsToBeFirst(Plugin):
    @hookimpl(tryfirst=True)
    async def on_handoff(self, reason: str) -> None:
        """Its author wants it to be called before the others."""
