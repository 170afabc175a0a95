"""Tells contacts the weather at the shop: the example of docs/how-to/write-a-plugin.md."""

# start: plugin
from __future__ import annotations

from datetime import date

from frontdesk import Plugin, Refused, Secret, Settings, tool


class WeatherSettings(Settings):
    """Where the shop is, and how to ask."""

    city: str = "Hanoi"
    """The shop's city, as contacts call it."""
    api_key: Secret | None = None
    """The key of the weather service."""
    api_url: str = "https://weather.example.com"
    """Where the weather service answers."""


class Weather(Plugin):
    """Tells contacts the weather at the shop."""

    settings: WeatherSettings

    @tool
    async def forecast(self, day: date) -> str:
        """The weather forecast for one day in the shop's city.

        Args:
            day: The day that is asked for, today or one of the next seven.
        """
        ahead = (day - self.clock.now().astimezone(self.tenant.zone).date()).days
        if not 0 <= ahead <= 7:
            raise Refused("forecasts reach from today to seven days ahead")
        key = self.settings.api_key.reveal() if self.settings.api_key else ""
        query = {"city": self.settings.city, "day": day.isoformat()}
        async with self.http.get(self.settings.api_url, params=query, headers={"x-api-key": key}) as answer:
            answer.raise_for_status()
            said = await answer.json()
        return f"{self.settings.city} on {day:%d/%m/%Y}: {said['summary']}, {said['celsius']} °C"


# end: plugin
