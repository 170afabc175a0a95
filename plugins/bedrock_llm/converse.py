"""A ModelRequest as the parameters of boto3's `converse` (Bedrock: Converse API)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from frontdesk import Media, ModelMessage, ModelRequest, Prompt, ToolCall, ToolResult, ToolSpec, current

from .settings import TELLS_FAILURE, BedrockModel, BedrockSettings

GUARDED_FORMATS = {"image/png": "png", "image/jpeg": "jpeg"}
"""What a guardrail can look at (Bedrock: GuardrailConverseImageBlock)."""
FORMATS = {**GUARDED_FORMATS, "image/gif": "gif", "image/webp": "webp"}
PICTURE_BYTES = 3_750_000
"""Of one picture (Bedrock: ImageBlock)."""
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
Pictures = Mapping[str, bytes]
"""The key of a file → its content."""


def parameters(
    request: ModelRequest,
    prompt: Prompt,
    model: BedrockModel,
    settings: BedrockSettings,
    pictures: Pictures,
    max_tokens: int,
) -> dict[str, Any]:
    """Everything of one call. The prefix (tools, then rules, up to the cache point) is the same, byte for byte, in every
    conversation of the tenant."""
    asked: dict[str, Any] = {
        "modelId": model.id,
        "system": _system(prompt, model, settings),
        "messages": _messages(prompt.messages, model, settings, pictures),
        "inferenceConfig": {"maxTokens": max_tokens},
    }
    if settings.temperature is not None:
        asked["inferenceConfig"]["temperature"] = settings.temperature
    if request.tools:
        asked["toolConfig"] = {"tools": [_tool(spec) for spec in sorted(request.tools, key=lambda spec: spec.name)]}
    if settings.guardrail_id:
        asked["guardrailConfig"] = {
            "guardrailIdentifier": settings.guardrail_id,
            "guardrailVersion": settings.guardrail_version,
            "trace": "disabled",
        }
    return asked


def wanted_pictures(prompt: Prompt, settings: BedrockSettings) -> list[Media]:
    """The newest pictures that a model can be shown, the newest first. None that a guardrail could not look at."""
    formats = GUARDED_FORMATS if settings.guardrail_id else FORMATS
    media = [item for message in prompt.messages for item in message.media]
    return [item for item in media[::-1] if item.key and item.content_type in formats][: settings.pictures]


def is_picture(block: Mapping[str, Any]) -> bool:
    return "image" in block or "image" in block.get("guardContent", {})


def _system(prompt: Prompt, model: BedrockModel, settings: BedrockSettings) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [{"text": prompt.rules}]
    if model.has_cache and settings.cache != "off":
        # 5m is what a cache point means by itself; 1h is refused by some models.
        ttl = {"ttl": settings.cache} if settings.cache != "5m" else {}
        blocks.append({"cachePoint": {"type": "default", **ttl}})
    if prompt.about:
        blocks.append({"text": prompt.about})
    return blocks


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {
        "toolSpec": {"name": spec.name, "description": spec.description, "inputSchema": {"json": spec.schema}},
    }


def _messages(
    messages: Sequence[ModelMessage], model: BedrockModel, settings: BedrockSettings, pictures: Pictures
) -> list[dict[str, Any]]:
    """Alternating, beginning and ending with the user's, none of them blank."""
    told: list[dict[str, Any]] = []
    # What is older was looked at by the guardrail when it was new: looked at again it would be refused again, in every turn.
    new = current(messages)
    for place, message in enumerate(messages):
        guarded = bool(settings.guardrail_id) and place >= new
        content = _content(message, model, guarded, pictures)
        if not told and message.role != "user":
            told.append({"role": "user", "content": [{"text": "[The business wrote first.]"}]})
        if told and told[-1]["role"] == message.role and not message.tool_results:
            told[-1]["content"] += content
        else:
            told.append({"role": message.role, "content": content})
    return [message for message in told if message["content"]]


def _content(message: ModelMessage, model: BedrockModel, guarded: bool, pictures: Pictures) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = [_result(result, model) for result in message.tool_results]
    if guarded and message.tool_results:
        # A guardrail that is shown wrapped content looks at nothing else, and a tool's result cannot be wrapped itself.
        returned = "\n".join(result.content for result in message.tool_results).strip()
        content += [_guarded(returned)] if returned else []
    seen = [item for item in message.media if item.key in pictures] if model.shown_pictures else []
    shown = [_picture(item, pictures[item.key], guarded) for item in seen]
    text = message.text.strip()
    if message.media and not shown and message.role == "user":
        text = f"{text}\n[you cannot see this file]".strip()
    if text:
        content.append(_guarded(text) if guarded and message.role == "user" else {"text": text})
    elif not (content or shown or message.tool_calls):
        content.append({"text": "[an empty message]"})
    return content + shown + [_use(call) for call in message.tool_calls]


def _guarded(text: str) -> dict[str, Any]:
    return {"guardContent": {"text": {"text": text}}}


def _picture(media: Media, content: bytes, guarded: bool) -> dict[str, Any]:
    block = {"image": {"format": FORMATS[media.content_type], "source": {"bytes": content}}}
    return {"guardContent": block} if guarded else block


def _use(call: ToolCall) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": _id(call.id), "name": call.name, "input": call.arguments}}


def _result(result: ToolResult, model: BedrockModel) -> dict[str, Any]:
    tells = model.family.startswith(TELLS_FAILURE)
    failed = result.error and not tells
    text = f"It failed: {result.content}" if failed else result.content
    told: dict[str, Any] = {"toolUseId": _id(result.id), "content": [{"text": text if text.strip() else "(nothing)"}]}
    if result.error and tells:
        told["status"] = "error"
    return {"toolResult": told}


def _id(id: str) -> str:
    """Another model of the chain may have numbered its calls in its own way."""
    return id if _ID.fullmatch(id) else hashlib.sha256(id.encode()).hexdigest()[:32]
