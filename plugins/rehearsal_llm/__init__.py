"""The offline model: rules and the tenant's facts in place of a language model; see docs/reference/rehearsal_llm.md."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from frontdesk import ModelReply, ModelRequest, Plugin, Refused, Services, Settings, hookimpl

from . import dialogue
from .match import Index
from .tools import OFFER_CHOICES


class RehearsalSettings(Settings):
    """How the offline model answers."""

    model: str = "rehearsal"
    """What traces call it."""
    threshold: float = Field(default=0.5, gt=0, le=1)
    """How much of a question a fact must cover to be told. Higher: more "I do not know", fewer mistakes."""
    delay_seconds: float = Field(default=0, ge=0, le=10)
    """How long it pretends to think, so that a demo shows the typing indicator."""


class RehearsalLlm(Plugin):
    """Answers from the tenant's facts and with its plugins' tools, offline, by rules: for demos, tests and outages."""

    settings: RehearsalSettings

    def __init__(self, name: str, settings: Settings, services: Services) -> None:
        super().__init__(name, settings, services)
        self._index = Index(self.tenant)

    @hookimpl
    async def think(self, request: ModelRequest) -> ModelReply:
        if request.question:
            raise Refused("the offline model answers contacts only")
        if self.settings.delay_seconds:
            await self.clock.sleep(min(self.settings.delay_seconds, request.seconds / 2))
        # By rules nobody can tell what is worth remembering.
        of_plugins = tuple(tool for tool in request.tools if tool.name not in ("remember", OFFER_CHOICES))
        taps = any(tool.name == OFFER_CHOICES for tool in request.tools)
        request = replace(request, tools=of_plugins)
        return dialogue.reply(request, self._index, self.settings.threshold, self.settings.model, taps=taps)
