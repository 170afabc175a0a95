"""Bad beside `weather`: its tool has the same name, and a model could not tell them apart."""

from __future__ import annotations

from frontdesk import Plugin, tool


class WeatherAgain(Plugin):
    @tool
    async def forecast(self) -> str:
        """The forecast of another service."""
        return "rain"
