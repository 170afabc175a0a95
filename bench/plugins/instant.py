"""A model that answers at once: what a turn costs without one."""

from __future__ import annotations

from frontdesk import ModelReply, ModelRequest, Plugin, hookimpl


class Instant(Plugin):
    """Says what the contact said last."""

    @hookimpl
    async def think(self, request: ModelRequest) -> ModelReply:
        """The newest message, once more."""
        return ModelReply(text=request.messages[-1].text, model="instant")
