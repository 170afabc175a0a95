"""The models one after the other, each asked again where that may help, until one has answered or the time is over."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from frontdesk import (
    ModelReply,
    ModelRequest,
    NeedsAttention,
    Prompt,
    Refused,
    RetryLater,
    Usage,
    compose,
    estimated_tokens,
)

from .answers import Reading, read
from .converse import Pictures, is_picture, parameters
from .errors import Meaning, meaning
from .settings import BedrockModel, BedrockSettings

LEAST_SECONDS = 1.5
"""With less time left no call is begun."""
SHARE = 0.6
"""Of the time that is left, what a model may take while others wait behind it."""
ROUNDS = 3
"""The most calls of one model in one request, whatever goes wrong."""
PICTURE_TOKENS = 1_600
"""What a picture comes to at the most, roughly (Anthropic: Vision)."""

Call = Callable[[dict[str, Any], float, Callable[[], None]], Awaitable[dict[str, Any]]]
"""`converse` with these parameters, over by this moment of the clock's `monotonic()`. It calls the third as soon as it may
reach Bedrock."""


class Unanswered(Exception):
    """One model gave no answer; says why."""

    def __init__(self, reason: str, *, attention: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.attention = attention


@dataclass
class Chain:
    """One request on its way along the models."""

    settings: BedrockSettings
    request: ModelRequest
    pictures: Pictures
    call: Call
    plugin: Any
    """Whose clock and spending are used."""
    ends_at: float
    """On the clock's `monotonic()`."""
    notes: list[str] = field(default_factory=list)
    spent: list[Usage] = field(default_factory=list)
    """Of calls whose answers were of no use."""
    trouble: str = ""
    """What a person must mend, though another model may have answered."""

    async def answer(self) -> ModelReply:
        """The first model's answer that can be used.

        Raises NeedsAttention if none answered and a person can do something about one of them, else RetryLater; Refused if
        the guardrail lets no question be put.
        """
        reasons = []
        for place, model in enumerate(self.settings.models):
            try:
                return await self._of(model, place)
            except Unanswered as err:
                reasons.append(f"{model.id}: {err.reason}")
                self.notes.append(reasons[-1])
                if err.attention:
                    self.trouble = self.trouble or reasons[-1]
        if self.trouble:
            raise NeedsAttention("; ".join(reasons))
        raise RetryLater("; ".join(reasons), after=10)

    async def _of(self, model: BedrockModel, place: int) -> ModelReply:
        last = place == len(self.settings.models) - 1
        left = self.ends_at - self.plugin.clock.monotonic()
        ends_at = self.ends_at if last else self.ends_at - left * (1 - SHARE)
        max_tokens, message_tokens, again, reason = self.settings.max_tokens, self.settings.message_tokens, 0, ""
        for _ in range(ROUNDS):
            if ends_at - self.plugin.clock.monotonic() < LEAST_SECONDS:
                raise Unanswered(reason or "no time was left for it")
            prompt = compose(self.request, message_tokens=message_tokens)
            try:
                reading = await self._once(model, prompt, max_tokens, ends_at, first=place == 0 and not last)
            except (BotoCoreError, ClientError, TimeoutError) as err:
                found = meaning(err)
                reason = found.sentence
                if found.attention or again >= found.again:
                    raise Unanswered(reason, attention=found.attention) from err
                again += 1
                message_tokens = message_tokens // 2 if found.shorter else message_tokens
                await self._pause(found, again)
                continue
            if reading.intervened and self.request.question:
                raise Refused("the guardrail intervened, and its words answer contacts only")
            if not reading.trouble:
                return self._reply(reading, model)
            self.spent.append(reading.usage)
            reason = reading.trouble
            if reading.remedy == "none" or again:
                break
            again += 1
            max_tokens = max_tokens * 2 if reading.remedy == "longer" else max_tokens
            message_tokens = message_tokens // 2 if reading.remedy == "shorter" else message_tokens
        raise Unanswered(reason)

    async def _once(
        self, model: BedrockModel, prompt: Prompt, max_tokens: int, ends_at: float, *, first: bool
    ) -> Reading:
        """One call, paid for whichever way it ends. Raises Unanswered if it was not made, or what the call raises."""
        asked = parameters(self.request, prompt, model, self.settings, self.pictures, max_tokens)
        most, cost = _most(asked, model, max_tokens, self.settings.cache), 0.0

        def begun() -> None:
            nonlocal cost
            cost = most  # it is not known better when the turn is cancelled

        try:
            reserved = await self.plugin.spending.reserve(most, first=first)
        except RetryLater as err:
            raise Unanswered(err.reason) from err
        try:
            reading = read(await self.call(asked, ends_at, begun), model, self.settings.cache)
            cost = most if reading.usage.cost is None else reading.usage.cost
            return reading
        except (RetryLater, NeedsAttention) as err:
            cost = 0.0  # it was not called, or not let in
            raise Unanswered(str(err), attention=isinstance(err, NeedsAttention)) from err
        except (BotoCoreError, ClientError, TimeoutError) as err:
            cost = most if meaning(err).billed else 0.0
            raise
        finally:
            reserved.settle(cost)

    async def _pause(self, found: Meaning, again: int) -> None:
        left = self.ends_at - self.plugin.clock.monotonic() - LEAST_SECONDS
        pause = min(found.pause * 2 ** (again - 1) * (0.5 + random.random() / 2), left)  # noqa: S311  spreads retries
        if pause > 0:
            await self.plugin.clock.sleep(pause)

    def _reply(self, reading: Reading, model: BedrockModel) -> ModelReply:
        if reading.note:
            self.notes.append(f"{model.id}: {reading.note}")
        return ModelReply(
            text=reading.text,
            tool_calls=reading.calls,
            model=model.id,
            usage=Usage.together([*self.spent, reading.usage]),
            notes=tuple(self.notes),
        )


def _most(asked: dict[str, Any], model: BedrockModel, max_tokens: int, cache: str) -> float:
    """What a call can cost at the most, in US dollars; 0 if its price is not known."""
    price, tokens = model.costs, _tokens(asked)
    if price is None:
        return 0.0
    kept = {"cache_write_1h" if cache == "1h" else "cache_write": tokens}
    return max(price.of(fresh=tokens, output=max_tokens), price.of(fresh=0, output=max_tokens, **kept))


def _tokens(asked: dict[str, Any]) -> int:
    """The most that the input can come to, roughly."""
    blocks = [block for message in asked["messages"] for block in message["content"]]
    pictures = sum(map(is_picture, blocks))
    words = [block for block in blocks if not is_picture(block)]
    return estimated_tokens(repr((words, asked["system"], asked.get("toolConfig")))) + pictures * PICTURE_TOKENS
