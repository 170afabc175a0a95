"""Bad: only a channel can send."""

from __future__ import annotations

from typing import Any

from frontdesk import Plugin, hookimpl


class ChannelHookWithoutChannel(Plugin):
    @hookimpl
    async def send(self, message: Any) -> str:
        return "id"
