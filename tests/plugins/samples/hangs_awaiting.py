"""Bad: it waits for what never comes."""

from __future__ import annotations

import asyncio

from frontdesk import ModelReply, Plugin, Section, hookimpl


class HangsAwaiting(Plugin):
    @hookimpl
    async def prompt_section(self) -> Section:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    @hookimpl
    async def think(self) -> ModelReply:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")
