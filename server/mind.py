"""What the core says to a model and what a model answers, in no vendor's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import JsonValue, TypeAdapter

from frontdesk.config import TenantConfig

from .model import Contact, Media

if TYPE_CHECKING:
    JsonObject = dict[str, Any]
else:
    JsonObject = dict[str, JsonValue]
"""What a plugin answers and a store keeps: enforced by dispatch.py when it checks the answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolSpec:
    """A tool as the model sees it. `schema` is the JSON Schema (an object) of its arguments."""

    name: str
    description: str
    schema: dict[str, Any]
    deed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """The model asks for a tool. `id` ties the result to it."""

    id: str
    name: str
    arguments: JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolResult:
    """What the tool answered, or, with `error`, why it did not; `refused`: it declined, and `content` is its own
    reason."""

    id: str
    name: str
    content: str
    error: bool = False
    refused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelMessage:
    """One message of the exchange. What a contact wrote is data: it stands in `user` messages and nowhere else."""

    role: Literal["user", "assistant"]
    text: str = ""
    media: tuple[Media, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()
    at: datetime | None = None
    notes: tuple[str, ...] = ()
    """What the message answers and where it comes from, in words of ours; `compose` puts them before the text."""
    desk: bool = False
    """A `user` message that the contact did not write: a note of ours to the model, such as what it has to put right."""


_EXCHANGE = TypeAdapter(tuple[ModelMessage, ...])


def dump(exchange: Sequence[ModelMessage]) -> tuple[dict[str, Any], ...]:
    """An exchange as it is kept in a turn document."""
    return tuple(_EXCHANGE.dump_python(tuple(exchange)))


def load(kept: Sequence[dict[str, Any]]) -> list[ModelMessage]:
    """An exchange from a turn document."""
    return list(_EXCHANGE.validate_python(tuple(kept)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A named part of the prompt, written by the core or by a plugin's `prompt_section`."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRequest:
    """One call of a model: everything it may know."""

    tenant: TenantConfig
    contact: Contact
    now: datetime
    """In the tenant's time zone."""
    sections: tuple[Section, ...] = ()
    messages: tuple[ModelMessage, ...]
    """Oldest first; the last one is the user's, or carries tool results."""
    tools: tuple[ToolSpec, ...] = ()
    summary: str = ""
    """What was said before *messages*, in short, as a model has put it."""
    question: bool = False
    """A plugin's own question (`self.model.complete`) and no turn: the sections are all there is to tell."""
    seconds: float = 30.0
    """What is left for this call."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one call, and what it cost if the plugin knows."""

    input_tokens: int = 0
    """All that the model read, from its cache or not."""
    output_tokens: int = 0
    cached_tokens: int = 0
    """Those of the input that it read from its prompt cache."""
    cost: float | None = None
    """In `currency`; None: not known."""
    currency: str = "USD"
    """ISO 4217."""

    @staticmethod
    def together(usages: Sequence[Usage]) -> Usage:
        """What several calls for one answer came to, the last of them the one that gave it; the cost is known if each one's
        is."""
        costs = [usage.cost for usage in usages if usage.cost is not None]
        return replace(
            usages[-1],
            input_tokens=sum(usage.input_tokens for usage in usages),
            output_tokens=sum(usage.output_tokens for usage in usages),
            cached_tokens=sum(usage.cached_tokens for usage in usages),
            cost=sum(costs) if len(costs) == len(usages) else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReply:
    """What a model answered: words, tool calls, or both."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    notes: tuple[str, ...] = ()
    """What went wrong on the way to it (another model failed, an answer was cut off), for the turn's timeline: no personal
    data."""
