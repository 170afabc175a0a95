"""What Converse refuses beyond the shapes of its model: the order of a conversation, the limits of its parts.

Sources: Bedrock's user guide (Converse, tool use, prompt caching) and, where it is silent, the ValidationExceptions that
its users quote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from .shapes import Invalid

CACHE_POINTS = 4
IMAGES = 20
IMAGE_BYTES = 3_750_000
NEEDS_PROFILE = ("anthropic.claude-sonnet-4", "anthropic.claude-haiku-4", "anthropic.claude-opus-4")
"""Newer models: on demand only through an inference profile."""

Block = Mapping[str, Any]


def check(asked: Mapping[str, Any]) -> None:
    """Raises Invalid with the words of AWS, as far as they are known."""
    _check_model(asked["modelId"])
    messages = asked.get("messages") or []
    if not messages or messages[0]["role"] != "user":
        raise Invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with one."
        )
    _check_order(messages)
    for number, message in enumerate(messages):
        _check_content(message, number)
    _check_tools(asked)
    points = sum("cachePoint" in block for block in every_block(asked))
    if points > CACHE_POINTS:
        raise Invalid(f"A maximum of {CACHE_POINTS} blocks with cache_control may be provided. Found {points}.")
    if "guardrailConfig" in asked and not {"guardrailIdentifier", "guardrailVersion"} <= set(asked["guardrailConfig"]):
        raise Invalid("guardrailIdentifier and guardrailVersion are both needed")


def every_block(asked: Mapping[str, Any]) -> Iterator[Block]:
    """Everything in the order of the prefix: tools, system, messages."""
    yield from asked.get("toolConfig", {}).get("tools", ())
    yield from asked.get("system") or ()
    for message in asked.get("messages") or ():
        yield from message["content"]


def _check_model(model: str) -> None:
    if model.startswith(NEEDS_PROFILE):
        raise Invalid(
            f"Invocation of model ID {model} with on-demand throughput isn’t supported. Retry your request with the ID or "
            "ARN of an inference profile that contains this model."
        )


def _check_order(messages: list[Any]) -> None:
    for before, after in pairwise(messages):
        if before["role"] == after["role"]:
            raise Invalid("A conversation must alternate between user and assistant roles.")
    if messages[-1]["role"] != "user":
        raise Invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    asked_for: list[str] = []
    for number, message in enumerate(messages):
        answered = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        if sorted(answered) != sorted(asked_for):
            raise Invalid(
                f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately after, or the other "
                f"way round: {sorted(set(answered) ^ set(asked_for)) or 'one of them twice'}"
            )
        asked_for = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        if len(set(asked_for)) < len(asked_for):
            raise Invalid(f"messages.{number}: `tool_use` ids must be unique")


def _check_content(message: Any, number: int) -> None:
    content = message["content"]
    if not content:
        raise Invalid(f"The content field in the Message object at messages.{number} is empty.")
    for place, block in enumerate(content):
        text = block.get("text", block.get("guardContent", {}).get("text", {}).get("text"))
        if text is not None and not text.strip():
            raise Invalid(f"The text field in the ContentBlock object at messages.{number}.content.{place} is blank.")
        if ("image" in block or "toolResult" in block or "guardContent" in block) and message["role"] != "user":
            raise Invalid(f"messages.{number}.content.{place}: a user message alone may have it")
        if "toolUse" in block and (message["role"] != "assistant" or not isinstance(block["toolUse"]["input"], dict)):
            raise Invalid(f"messages.{number}.content.{place}: The format of the toolUse input is not a JSON object.")
    results = ["toolResult" in block for block in content]
    if sorted(results, reverse=True) != results:
        raise Invalid(f"messages.{number}: tool results come first in a message")
    images = [image for block in content if (image := block.get("image", block.get("guardContent", {}).get("image")))]
    if len(images) > IMAGES or any(len(image["source"].get("bytes", b"")) > IMAGE_BYTES for image in images):
        raise Invalid(f"messages.{number}: at most {IMAGES} images of {IMAGE_BYTES} bytes each")


def _check_tools(asked: Mapping[str, Any]) -> None:
    specs = [tool["toolSpec"] for tool in asked.get("toolConfig", {}).get("tools", ()) if "toolSpec" in tool]
    names = [spec["name"] for spec in specs]
    if len(set(names)) < len(names):
        raise Invalid("The tool names are not unique.")
    if any(spec["inputSchema"].get("json", {}).get("type") != "object" for spec in specs):
        raise Invalid("toolConfig: The value of inputSchema.json.type must be one of the following: object.")
    if not specs and any("toolUse" in block or "toolResult" in block for block in every_block(asked)):
        raise Invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
