"""A request as the parameters of `chat.completions.create`, and its response as an answer.

Source: OpenAI, API reference, Chat completions; Ollama, vLLM and llama.cpp serve the same.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from frontdesk import ModelMessage, ModelReply, ModelRequest, Price, Prompt, ToolCall, ToolSpec, Usage, whole_sentences

from .settings import OpenaiSettings

_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
"""What models that reason out loud put before their answer, where the server does not take it out."""


Remedy = Literal["none", "again", "longer", "shorter"]
"""What may help with the same model: nothing, asking again, more tokens for the answer, fewer messages."""
_ENDED = ("stop", "tool_calls", "function_call")
_BROKEN = ("error", "abort", "None")
"""What servers say that ended in the middle of an answer (OpenRouter, vLLM, none at all); its words are a part."""


class NoUse(Exception):
    """The answer cannot be used; says why, and what it has cost."""

    def __init__(self, reason: str, usage: Usage, remedy: Remedy = "again") -> None:
        super().__init__(reason)
        self.usage = usage
        self.remedy = remedy


def parameters(
    request: ModelRequest, prompt: Prompt, model: str, settings: OpenaiSettings, max_tokens: int
) -> dict[str, Any]:
    """Everything of one call. The rules come first and are the same for every conversation: servers keep such a prefix."""
    system = "\n\n".join(part for part in (prompt.rules, prompt.about) if part)
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": system}, *_messages(prompt.messages)],
        # OpenAI's newer models refuse the old name; servers of one's own know no other.
        "max_tokens" if settings.base_url else "max_completion_tokens": max_tokens,
    }
    if settings.temperature is not None:
        asked["temperature"] = settings.temperature
    if request.tools:
        asked["tools"] = [_tool(spec) for spec in sorted(request.tools, key=lambda spec: spec.name)]
    return asked


def read(response: Any, price: Price | None) -> ModelReply:
    """The answer, for every reason to end that there is and those that there will be.

    Raises NoUse, whatever the server has sent.
    """
    usage = _usage(getattr(response, "usage", None), price)
    choices = getattr(response, "choices", None) or ()
    first = next(iter(choices), None)
    message = getattr(first, "message", None)
    if first is None or message is None:
        raise NoUse("a response without an answer in it", usage)
    asks = getattr(message, "tool_calls", None) or ()
    text = _THOUGHT.sub("", str(message.content or "")).strip()
    reason = str(first.finish_reason)
    notes: tuple[str, ...] = ()
    if reason == "content_filter":
        raise NoUse("the server's filter kept the answer back", usage, "none")
    if reason == "length":
        text = whole_sentences(text)
        notes = ("the answer was longer than max_tokens, and was cut",)
        if asks or not text:
            # A tool's arguments may be half of what they were to be.
            raise NoUse("the answer was longer than max_tokens", usage, "longer")
    elif reason not in _ENDED:
        notes = (f"ended for a reason that is new: {reason}"[:200],)
        if asks or reason in _BROKEN:
            raise NoUse(notes[0], usage)
    calls = tuple(_call(each, usage) for each in asks)
    if not (calls or text):
        raise NoUse(f"an answer without anything in it ({reason})", usage)
    return ModelReply(text=text, tool_calls=calls, model=str(response.model or ""), usage=usage, notes=notes)


def _messages(messages: tuple[ModelMessage, ...]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    if messages and messages[0].role != "user":
        told.append({"role": "user", "content": "[The business wrote first.]"})
    for message in messages:
        told += [_result(result.id, result.content, error=result.error) for result in message.tool_results]
        text = message.text.strip()
        if message.media and message.role == "user":
            text = f"{text}\n[you cannot see this file]".strip()
        if message.tool_calls:
            told.append(
                {"role": "assistant", "content": text or None, "tool_calls": [_use(c) for c in message.tool_calls]}
            )
        elif text and told and told[-1]["role"] == message.role and "tool_calls" not in told[-1]:
            told[-1]["content"] += f"\n{text}"
        elif text or not message.tool_results:
            told.append({"role": message.role, "content": text or "[an empty message]"})
    return told


def _result(id: str, content: str, *, error: bool) -> dict[str, Any]:
    text = f"It failed: {content}" if error else content
    return {"role": "tool", "tool_call_id": id, "content": text or "(nothing)"}


def _use(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(spec: ToolSpec) -> dict[str, Any]:
    function = {"name": spec.name, "description": spec.description, "parameters": spec.schema}
    return {"type": "function", "function": function}


def _call(call: Any, usage: Usage) -> ToolCall:
    function = getattr(call, "function", None)
    try:
        arguments = json.loads(function.arguments or "{}") if function is not None else None
    except (TypeError, ValueError):
        arguments = None
    if not isinstance(arguments, dict) or function is None or not (call.id and function.name):
        raise NoUse("a call of a tool that cannot be read", usage)
    return ToolCall(id=call.id, name=function.name, arguments=arguments)


def _usage(told: Any, price: Price | None) -> Usage:
    if told is None:
        return Usage()
    details = getattr(told, "prompt_tokens_details", None)
    cached = int(getattr(details, "cached_tokens", None) or 0)
    read_, output = int(told.prompt_tokens or 0), int(told.completion_tokens or 0)
    cost = round(price.of(fresh=read_ - cached, output=output, cache_read=cached), 8) if price is not None else None
    return Usage(input_tokens=read_, output_tokens=output, cached_tokens=cached, cost=cost)
