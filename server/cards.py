"""What a plugin shows operators: a card beside a conversation, a panel on its settings page, a page of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import JsonValue, StringConstraints

if TYPE_CHECKING:
    JsonObject = dict[str, Any]
    Short = str
    Long = str
    TemplateName = str
else:
    JsonObject = dict[str, JsonValue]
    Short = Annotated[str, StringConstraints(max_length=200)]
    Long = Annotated[str, StringConstraints(max_length=4_000)]
    TemplateName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9_]+/)*[a-z0-9_]+\.html$|^$")]

PAGE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What a page of a plugin may be called in its address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What a plugin wants operators to see. Either data, which Frontdesk draws, or a template of the plugin's own.

    It is words, never HTML: whatever stands in it is escaped.
    """

    title: Short
    text: Long = ""
    """A sentence or two, before the rows."""
    rows: tuple[tuple[Short, Long], ...] = ()
    """What it is called, and what it is: `("Points", "120")`."""
    template: TemplateName = ""
    """A Jinja template, `NAME.html` in the folder `templates` beside the plugin's module, drawn after the rows with `data`,
    `tenant` (its id) and `language`."""
    data: JsonObject = field(default_factory=dict)
    """For the template."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdminPage:
    """A page that a plugin adds to the operators' navigation; `admin_panel` is asked for it by its name."""

    name: str
    """In its address: small letters, digits, hyphens."""
    title: str
    """In the navigation; English."""
    titles: tuple[tuple[str, str], ...] = ()
    """The same in other languages: `(("vi", "Thời tiết"),)`."""

    def title_in(self, language: str) -> str:
        """Its title in *language* (BCP 47), or in English."""
        return dict(self.titles).get(language.partition("-")[0], self.title)
