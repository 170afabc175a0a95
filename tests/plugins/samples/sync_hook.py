"""Bad: a hook that is not async."""

from __future__ import annotations

from frontdesk import Plugin, hookimpl


class SyncHook(Plugin):
    @hookimpl
    def on_handoff(self, reason: str) -> None:
        """It would block the loop for as long as it takes."""
