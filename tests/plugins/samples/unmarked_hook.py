"""Bad: it has a hook's name and not its mark, so that nobody would call it."""

from __future__ import annotations

from frontdesk import Plugin


class UnmarkedHook(Plugin):
    async def on_handoff(self, reason: str) -> None:
        """Somebody waits for this."""
