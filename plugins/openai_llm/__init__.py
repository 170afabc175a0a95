"""Models behind any OpenAI-compatible server (Ollama, vLLM, llama.cpp, OpenAI's own), through the `openai` package."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

from frontdesk import (
    ModelReply,
    ModelRequest,
    NeedsAttention,
    Plugin,
    RetryLater,
    Secret,
    SecretUnavailable,
    Services,
    compose,
    estimated_tokens,
    hookimpl,
)

from .chat import NoUse, parameters, read
from .settings import OpenaiSettings

MARGIN = 0.5
"""Seconds before the hook's deadline by which every call has ended."""
LEAST_SECONDS = 1.0
"""With less time left no call is begun."""
SHARE = 0.6
"""Of the time that is left, what a model may take while others wait behind it."""
TRIES = 2
PAUSE = 0.5
"""Seconds before the second try."""
PASSES = frozenset({408, 409, 425, 429})
"""HTTP status below 500 that the same request may not meet again."""
INSTALL = "the package openai is not installed: pip install 'frontdesk[openai]'"


class Unanswered(Exception):
    """One model gave no answer; says why. `attention`: a person must act."""

    def __init__(self, reason: str, *, attention: bool = False, again: bool = False) -> None:
        super().__init__(reason)
        self.attention = attention
        self.again = again


class OpenaiLlm(Plugin):
    """Thinks with models behind an OpenAI-compatible server, one after the other until one answers."""

    settings: OpenaiSettings

    def __init__(self, name: str, settings: OpenaiSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self._trouble = ""

    @hookimpl
    async def start(self) -> None:
        """Import the package, read the key, and see that what has to have a price has one."""
        if self.spending.limited and self.settings.price is None:
            raise NeedsAttention(
                "spending.per_day cannot be kept with models whose price is not known; write `price: {input: …, output: …}` "
                "(US dollars for a million tokens), 0 for a server of your own"
            )
        await self._client()

    @hookimpl
    async def think(self, request: ModelRequest) -> ModelReply:
        ends_at = self.clock.monotonic() + request.seconds - MARGIN
        reasons, trouble = [], ""
        for place, model in enumerate(self.settings.models):
            try:
                reply = await self._of(model, place, request, ends_at)
            except Unanswered as err:
                reasons.append(f"{model}: {err}")
                trouble = trouble or (reasons[-1] if err.attention else "")
            else:
                self._trouble = trouble
                return reply
        self._trouble = trouble
        if trouble:
            raise NeedsAttention("; ".join(reasons))
        raise RetryLater("; ".join(reasons), after=10)

    @hookimpl
    async def preview(self, request: ModelRequest) -> Mapping[str, Any]:
        """What the first model would be sent."""
        prompt = compose(request, message_tokens=self.settings.message_tokens)
        return parameters(request, prompt, self.settings.models[0], self.settings)

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        """The last trouble that a person must mend, also while another model answers."""
        return {"ok": not self._trouble, "detail": self._trouble}

    async def _of(self, model: str, place: int, request: ModelRequest, ends_at: float) -> ModelReply:
        last = place == len(self.settings.models) - 1
        left = ends_at - self.clock.monotonic()
        ends_at = ends_at if last else ends_at - left * (1 - SHARE)
        prompt = compose(request, message_tokens=self.settings.message_tokens)
        asked = parameters(request, prompt, model, self.settings)
        for tried in range(1, TRIES + 1):
            seconds = ends_at - self.clock.monotonic()
            if seconds < LEAST_SECONDS:
                raise Unanswered("no time was left for it")
            try:
                return await self._once(asked, seconds, first=place == 0 and not last)
            except Unanswered as err:
                if tried == TRIES or not err.again:
                    raise
                await self.clock.sleep(PAUSE)
        raise AssertionError("unreachable")

    async def _once(self, asked: dict[str, Any], seconds: float, *, first: bool) -> ModelReply:
        """One call, paid for whichever way it ends."""
        client, price = await self._client(), self.settings.price
        most = 0.0
        if price is not None:
            words = [asked["messages"], asked.get("tools", ())]
            most = price.of(fresh=estimated_tokens(repr(words)), output=self.settings.max_tokens)
        try:
            reserved = await self.spending.reserve(most, first=first)
        except RetryLater as err:
            raise Unanswered(err.reason) from err
        cost = most  # it is not known better if the turn is cancelled
        try:
            reply = read(await self._call(client, asked, seconds), price)
            cost = most if reply.usage.cost is None else reply.usage.cost
        except Unanswered as err:
            cost = most if isinstance(err.__cause__, TimeoutError) else 0.0
            raise
        except NoUse as err:
            raise Unanswered(str(err), again=True) from err
        finally:
            reserved.settle(cost)
        return reply

    async def _call(self, client: Any, asked: dict[str, Any], seconds: float) -> Any:
        """Raises Unanswered, in words that quote nothing of the conversation: a server's own may."""
        import openai

        try:
            async with asyncio.timeout(seconds):
                return await client.chat.completions.create(**asked)
        except TimeoutError as err:
            raise Unanswered("it did not answer in time") from err
        except openai.APIStatusError as err:
            raise _status(err.status_code, self.settings.base_url) from err
        except openai.APIConnectionError as err:
            raise Unanswered(f"{self.settings.base_url or 'the server'} cannot be reached", again=True) from err
        except (openai.OpenAIError, ValueError) as err:  # a body that is no JSON is let through as it is
            raise Unanswered(f"the server's answer cannot be read ({type(err).__name__})", again=True) from err

    async def _client(self) -> Any:
        """The process's client for this server and key."""
        key = await asyncio.to_thread(_revealed, self.settings.api_key)

        async def made() -> Any:
            return await asyncio.to_thread(_make, self.settings.base_url, key)

        return await self.shared(f"{self.settings.base_url} {hashlib.sha256(key.encode()).hexdigest()[:16]}", made)


def _make(base_url: str, key: str) -> Any:
    """Blocks: the package takes a second to import."""
    try:
        import openai
    except ImportError as err:
        raise NeedsAttention(INSTALL) from err
    # Servers of one's own ask for no key, and the package asks for one. Time-outs and second tries are ours.
    return openai.AsyncOpenAI(api_key=key or "none", base_url=base_url or None, timeout=None, max_retries=0)


def _revealed(secret: Secret | None) -> str:
    try:
        return secret.reveal() if secret is not None else ""
    except SecretUnavailable as err:
        raise NeedsAttention(str(err)) from err


def _status(status: int, base_url: str) -> Unanswered:
    where = base_url or "the server"
    if status in (401, 403):
        return Unanswered(f"{where} refused the key (HTTP {status}): look at api_key", attention=True)
    if status == 404:
        return Unanswered(f"{where} has no such model, or is no such server (HTTP 404): look at both", attention=True)
    if status in PASSES or status >= 500:
        return Unanswered(f"{where} answered HTTP {status}", again=True)
    return Unanswered(
        f"{where} refused the request (HTTP {status}): does the model take tools, and is its context long enough?",
        attention=True,
    )
