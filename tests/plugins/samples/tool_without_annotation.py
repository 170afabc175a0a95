"""Bad: a model cannot be told what to give."""

from __future__ import annotations

from frontdesk import Plugin, tool


class ToolWithoutAnnotation(Plugin):
    @tool
    async def opening_hours(self, day) -> str:  # type: ignore[no-untyped-def]
        """The opening hours of a day."""
        return "9 to 5"
