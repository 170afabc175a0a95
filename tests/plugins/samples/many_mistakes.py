"""Bad in many ways: its author is told all of them at once."""

from __future__ import annotations

from typing import Any, ClassVar

from frontdesk import Plugin, hookimpl, tool


class ManyMistakes(Plugin):
    api_version: ClassVar[int] = 0
    settings: dict[str, Any]  # type: ignore[assignment]

    @hookimpl
    async def on_hand_off(self, reason: str) -> None:
        """No hook has this name."""

    @hookimpl
    def on_handoff(self, contct: Any) -> None:
        """It is not async, and takes what no hook gives."""

    async def alert_operator(self, title: str) -> None:
        """It has no mark."""

    @hookimpl
    async def send(self, message: Any) -> str:
        """It is a channel's."""
        return ""

    @tool(deed=True)
    async def order(self, dish, *more) -> str:  # type: ignore[no-untyped-def]
        return "ordered"
