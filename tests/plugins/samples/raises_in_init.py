"""Bad: its constructor fails."""

from __future__ import annotations

from typing import Any

from frontdesk import Plugin, hookimpl


class RaisesInInit(Plugin):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.model_name = {}["model"]

    @hookimpl
    async def prompt_section(self) -> None:
        raise AssertionError("a plugin that did not start is not called")
