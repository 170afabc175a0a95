"""Shows a card that goes wrong in one of several ways."""

from __future__ import annotations

from typing import Any

from frontdesk import Card, Plugin, RetryLater, Settings, hookimpl


class WrongSettings(Settings):
    """How it goes wrong."""

    show: str
    """One of the ways, or the name of a template."""


class CardGoneWrong(Plugin):
    """Shows what it should not."""

    settings: WrongSettings

    @hookimpl
    async def contact_card(self, contact: Any) -> Any:
        match self.settings.show:
            case "raises":
                raise ValueError(contact.name)
            case "busy":
                raise RetryLater("the till does not answer")
            case "nonsense":
                return {"title": 1, "rows": "no card"}
            case "late":
                await self.clock.sleep(60)
        return Card(title="Regulars", template=f"{self.settings.show}.html")
