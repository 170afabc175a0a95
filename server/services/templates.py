"""Templates that operators choose from when the service window is closed, and how one is filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from ..channel import ApprovedTemplate
from ..clock import Clock
from ..dispatch import HookFailed
from ..errors import PluginError
from ..model import Template
from ..runtime import Runtimes

log = structlog.get_logger(__name__)

KNOWN_FOR = 60.0
"""Seconds for which a channel's answer is used again."""
LONGEST = 500
"""Characters of a value."""
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_BLANKS = re.compile(r"\s+")


class NotFilled(ValueError):
    """A value is missing or too long; `names` are the placeholders."""

    def __init__(self, *names: str) -> None:
        super().__init__(f"no value of 1 to {LONGEST} characters for {', '.join(names)}")
        self.names = names


@dataclass(frozen=True, slots=True)
class Known:
    """What a channel told of its templates."""

    templates: tuple[ApprovedTemplate, ...] = ()
    trouble: str = ""
    """Why it could not be asked, in the plugin's words."""

    def get(self, id: str) -> ApprovedTemplate | None:
        """The one with this id."""
        return next((each for each in self.templates if each.id == id), None)


class TemplateDesk:
    """Asks channels for their templates, of any tenant. Each process remembers for a minute what it was told."""

    def __init__(self, runtimes: Runtimes, clock: Clock) -> None:
        self._runtimes = runtimes
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[Known, float]] = {}

    async def known(self, tenant: str, channel: str) -> Known:
        """The templates of *channel*, by name. Raises UnknownTenant."""
        now = self._clock.monotonic()
        found, until = self._told.get((tenant, channel), (None, 0.0))
        if found is None or until <= now:
            found = await self._ask(tenant, channel)
            self._told = {key: told for key, told in self._told.items() if told[1] > now}
            self._told[tenant, channel] = found, now + KNOWN_FOR
        return found

    async def _ask(self, tenant: str, channel: str) -> Known:
        async with self._runtimes.use(tenant) as runtime:
            if not runtime.hook("list_templates", channel):
                return Known()
            try:
                listed: Sequence[ApprovedTemplate] = await runtime.ask("list_templates", channel)
            except (PluginError, HookFailed) as err:
                log.warning("templates_not_listed", tenant=tenant, channel=channel, reason=type(err).__name__)
                return Known(trouble=str(err))
        return Known(tuple(sorted(listed, key=lambda each: (each.name.casefold(), each.id))))


def placeholders(template: ApprovedTemplate) -> list[str]:
    """The names of what is to be filled in, in the order of the text."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(template.text)))


def filled(template: ApprovedTemplate, values: Mapping[str, str]) -> tuple[Template, str]:
    """What is sent, and what the contact sees of it. Raises NotFilled.

    White space in a value becomes one blank: WhatsApp takes neither line ends nor many blanks (Twilio: 63013).
    """
    given = {name: _BLANKS.sub(" ", values.get(name, "")).strip() for name in placeholders(template)}
    if wrong := [name for name, value in given.items() if not 0 < len(value) <= LONGEST]:
        raise NotFilled(*wrong)
    text = _PLACEHOLDER.sub(lambda found: given[found[1]], template.text)
    return Template(id=template.id, variables=given), text
