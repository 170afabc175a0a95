"""Bad: a wrapper around the other plugins' implementations."""

from __future__ import annotations

from collections.abc import Generator

from frontdesk import Plugin, hookimpl


class WrapsHook(Plugin):
    @hookimpl(wrapper=True)
    def on_handoff(self) -> Generator[None]:
        return (yield)
