"""Bad: an implementation under another name than its hook's."""

from __future__ import annotations

from frontdesk import Plugin, hookimpl


class RenamedHook(Plugin):
    @hookimpl(specname="on_handoff")
    async def tell_the_boss(self, reason: str) -> None:
        """Dispatch calls a hook by its name."""
