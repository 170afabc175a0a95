"""What the stand-in answers: a script's next line as a Converse response, with tokens counted and a cache that is read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .rules import Block, every_block

CHARACTERS = 4
"""Of a token, roughly; AWS counts by the model's own."""
IMAGE_TOKENS = 1600
TTL = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True)
class Call:
    """A tool the model asks for; its id is made up unless it is given."""

    name: str
    arguments: Any = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One response. `stop`: empty for what fits: `tool_use` with calls, `end_turn` without."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    stop: str = ""
    blocks: tuple[Mapping[str, Any], ...] = ()
    """Other content blocks, before the text: `reasoningContent`, say."""
    output_tokens: int | None = None
    seconds: float = 0.0
    """How long it thinks."""


Line = str | Answer | Callable[[dict[str, Any]], "str | Answer"]
"""A line of the script: words, a whole answer, or a function of the request."""


def content(answer: Answer, ids: Iterator[int]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [dict(block) for block in answer.blocks]
    if answer.text:
        blocks.append({"text": answer.text})
    for call in answer.calls:
        use = {"toolUseId": call.id or f"tooluse_{next(ids):022}", "name": call.name, "input": call.arguments}
        blocks.append({"toolUse": use})
    return blocks


def tokens(value: Any) -> int:
    """Of a block, a message, or a list of them."""
    if isinstance(value, Mapping) and ("image" in value or "image" in value.get("guardContent", {})):
        return IMAGE_TOKENS
    if isinstance(value, Mapping) and "content" in value:
        return sum(map(tokens, value["content"]))
    return math.ceil(len(json.dumps(value, ensure_ascii=False, default=repr)) / CHARACTERS)


class PromptCache:
    """Prefixes that were sent before, by model: byte for byte, in the order tools, system, messages.

    :param least: tokens of the shortest prefix that is kept (AWS: 1,024 to 4,096, by model).
    """

    def __init__(self, monotonic: Callable[[], float], least: int = 1024) -> None:
        self._monotonic = monotonic
        self._least = least
        self._until: dict[tuple[str, str], float] = {}

    def counted(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The input's part of `usage`, and in `totalTokens` the sum of it."""
        now, prefix, so_far = self._monotonic(), "", 0
        read = written = 0
        kept: dict[str, int] = {}
        for block in every_block(asked):
            if "cachePoint" not in block:
                prefix, so_far = prefix + _bytes(block), so_far + tokens(block)
                continue
            if so_far < self._least:
                continue  # silently, as AWS does
            key = (asked["modelId"], prefix)
            ttl = block["cachePoint"].get("ttl", "5m")
            if self._until.get(key, 0.0) > now:
                read, written, kept = so_far, 0, {}
            else:
                kept[ttl] = kept.get(ttl, 0) + so_far - read - written
                written = so_far - read
            self._until[key] = now + TTL[ttl]
        usage: dict[str, Any] = {"inputTokens": so_far - read - written, "totalTokens": so_far}
        if read or written:
            usage |= {"cacheReadInputTokens": read, "cacheWriteInputTokens": written}
        if kept:
            usage["cacheDetails"] = [{"ttl": ttl, "inputTokens": count} for ttl, count in kept.items()]
        return usage


def _bytes(block: Block) -> str:
    return json.dumps(block, ensure_ascii=False, default=repr)
