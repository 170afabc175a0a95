"""Bad: every hook of a turn raises, each in another way."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from frontdesk import MaybeSent, ModelReply, Plugin, Section, hookimpl


class RaisesInHook(Plugin):
    @hookimpl
    async def on_message(self) -> None:
        raise ValueError("a defect")

    @hookimpl
    async def prompt_section(self) -> Section:
        sys.exit("a library that thinks it is a program")

    @hookimpl
    async def think(self) -> ModelReply:
        raise asyncio.CancelledError

    @hookimpl
    async def on_turn_committed(self) -> None:
        raise MaybeSent("an error that means nothing here")

    @hookimpl
    async def stop(self) -> None:
        raise RuntimeError("it does not even stop")

    @hookimpl
    async def check_health(self) -> dict[str, Any]:
        raise RuntimeError("it does not even say how it is")
