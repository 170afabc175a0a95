"""What a response of `converse` comes to: an answer, or why it is none and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from frontdesk import ToolCall, Usage, whole_sentences

from .settings import BedrockModel

Remedy = Literal["none", "again", "longer", "shorter"]
"""What may help with the same model: nothing, asking again, more tokens for the answer, fewer messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A response, read. `trouble`: why it cannot be used as it is; empty: it can."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    usage: Usage
    trouble: str = ""
    remedy: Remedy = "none"
    note: str = ""
    """For the turn's timeline."""
    intervened: bool = False
    """`text` is the guardrail's, and no model's."""


def read(response: Mapping[str, Any], model: BedrockModel, cache: str) -> Reading:
    """Every stop reason there is, and those that there will be. *cache*: how long the prompt was to be kept.

    Raises nothing, whatever the response holds: botocore passes a body on that was cut off, or is no JSON.
    """
    usage = _usage(response.get("usage"), model, cache)
    message = (response.get("output") or {}).get("message") or {}
    blocks = [block for block in message.get("content") or () if isinstance(block, Mapping)]
    text = "".join(str(block["text"]) for block in blocks if "text" in block).strip()
    uses = [block["toolUse"] for block in blocks if "toolUse" in block and block["toolUse"].get("type") is None]
    calls = tuple(
        ToolCall(id=use["toolUseId"], name=use["name"], arguments=use["input"])
        for use in uses
        if isinstance(use.get("input"), dict) and use.get("toolUseId") and use.get("name")
    )
    whole = len(calls) == len(uses)
    match response.get("stopReason"):
        case None:
            return Reading(usage=usage, trouble="the answer was cut off on its way", remedy="again")
        case "tool_use" if calls and whole:
            return Reading(text=text, calls=calls, usage=usage)
        case "end_turn" | "stop_sequence" if text and not uses:
            return Reading(text=text, usage=usage)
        case "end_turn" | "stop_sequence" | "tool_use" as reason:
            return Reading(usage=usage, trouble=f"an answer without anything in it ({reason})", remedy="again")
        case "max_tokens":
            return _cut_off(text, bool(uses), usage)
        case "guardrail_intervened":
            return _intervened(text, usage)
        case "content_filtered":
            return Reading(usage=usage, trouble="the model's own filter kept the answer back")
        case "malformed_model_output" | "malformed_tool_use" as reason:
            return Reading(usage=usage, trouble=f"a malformed answer ({reason})", remedy="again")
        case "model_context_window_exceeded":
            return Reading(usage=usage, trouble="the conversation is too long for the model", remedy="shorter")
        case reason if text and not uses:
            return Reading(text=text, usage=usage, note=f"ended for a reason that is new: {reason}"[:200])
        case reason:
            # What it asks for may be half of it.
            return Reading(usage=usage, trouble=f"ended for a reason that is new: {reason}"[:200], remedy="again")


def _cut_off(text: str, asked_for_tools: bool, usage: Usage) -> Reading:
    """The words up to the last whole sentence; a tool's arguments may be half of what they were to be, and are not used."""
    said = whole_sentences(text)
    if asked_for_tools or not said:
        return Reading(usage=usage, trouble="the answer was longer than max_tokens", remedy="longer")
    return Reading(text=said, usage=usage, note="the answer was longer than max_tokens, and was cut")


def _intervened(text: str, usage: Usage) -> Reading:
    """The guardrail's own words, as its owner wrote them, are the answer."""
    if not text:
        return Reading(usage=usage, trouble="the guardrail intervened, and has no words of its own")
    return Reading(text=text, usage=usage, note="the guardrail intervened: these are its words", intervened=True)


def _usage(usage: Any, model: BedrockModel, cache: str) -> Usage:
    told = usage if isinstance(usage, Mapping) else {}
    fresh, output, read_, written = (
        int(told.get(key) or 0)
        for key in ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    )
    price = model.costs
    cost = None
    if price is not None and told:
        hour = _for_an_hour(told, written, cache)
        cached = {"cache_read": read_, "cache_write": written - hour, "cache_write_1h": hour}
        cost = round(price.of(fresh=fresh, output=output, **cached), 8)
    return Usage(input_tokens=fresh + read_ + written, output_tokens=output, cached_tokens=read_, cost=cost)


def _for_an_hour(told: Mapping[str, Any], written: int, cache: str) -> int:
    """Of the tokens that were *written* to the cache: as Bedrock tells, else as it was asked for."""
    details = [each for each in told.get("cacheDetails") or () if isinstance(each, Mapping)]
    if not details:
        return written if cache == "1h" else 0
    return min(written, sum(int(each.get("inputTokens") or 0) for each in details if each.get("ttl") == "1h"))
