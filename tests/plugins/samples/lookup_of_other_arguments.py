"""Bad: the look-up cannot be called with what the deed was called with."""

from __future__ import annotations

from frontdesk import Plugin, tool


class LookupOfOtherArguments(Plugin):
    @tool(deed=True, lookup="find_order")
    async def order(self, dish: str) -> str:
        """Order a dish from the kitchen."""
        return f"{dish} is ordered"

    async def find_order(self, number: int) -> str | None:
        return None
