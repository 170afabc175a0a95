"""Bad: a model chooses tools by their descriptions."""

from __future__ import annotations

from frontdesk import Plugin, tool


class ToolWithoutDocstring(Plugin):
    @tool
    async def opening_hours(self, day: str) -> str:
        return "9 to 5"
