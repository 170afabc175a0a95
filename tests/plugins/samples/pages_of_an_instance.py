"""Bad: pages are added once per server, so there is no instance yet."""

from __future__ import annotations

from typing import Any

from frontdesk import Plugin, hookimpl


class PagesOfAnInstance(Plugin):
    @hookimpl
    def routes(self, blueprint: Any) -> None:
        """It has no tenant here."""
