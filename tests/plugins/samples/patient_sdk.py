"""Bad: its SDK waits longer than its hook may take, so that calls would pile up behind the deadline."""

from __future__ import annotations

from typing import ClassVar

from frontdesk import Plugin, hookimpl


class PatientSdk(Plugin):
    sdk_timeout: ClassVar[float] = 60.0

    @hookimpl
    async def on_handoff(self, reason: str) -> None:
        """Tell the CRM, whenever it answers."""
