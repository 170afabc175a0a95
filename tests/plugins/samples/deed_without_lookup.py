"""Bad: after a crash nobody could say whether its deed has happened."""

from __future__ import annotations

from frontdesk import Plugin, tool


class DeedWithoutLookup(Plugin):
    @tool(deed=True)
    async def order(self, dish: str) -> str:
        """Order a dish from the kitchen."""
        return f"{dish} is ordered"
