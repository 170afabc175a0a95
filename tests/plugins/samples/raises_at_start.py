"""Bad: it does not start."""

from __future__ import annotations

from frontdesk import NeedsAttention, Plugin, hookimpl


class RaisesAtStart(Plugin):
    @hookimpl
    async def start(self) -> None:
        raise NeedsAttention("the account is suspended; pay the bill")

    @hookimpl
    async def prompt_section(self) -> None:
        raise AssertionError("a plugin that did not start is not called")
