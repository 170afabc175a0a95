"""Models behind any OpenAI-compatible server (Ollama, vLLM, llama.cpp, OpenAI's own), through the `openai` package."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    Usage,
    compose,
    estimated_tokens,
    hookimpl,
)

from .chat import NoUse, Remedy, parameters, read
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
NOT_REACHED = frozenset({"ConnectError", "ConnectTimeout"})
"""What the package's HTTP library raises when no request has gone out."""
TOO_LONG = re.compile(
    r"context_length_exceeded|maximum context length|exceed_context_size|exceeds the available context"
)
"""What servers answer to more than a model takes (OpenAI, vLLM, llama.cpp)."""
INSTALL = "the package openai is not installed: pip install 'frontdesk[openai]'"


class Unanswered(Exception):
    """One call gave no answer; says why. `attention`: a person must act. `billed`: it may have been paid for."""

    def __init__(self, reason: str, *, attention: bool = False, remedy: Remedy = "none", billed: bool = False) -> None:
        super().__init__(reason)
        self.attention = attention
        self.remedy = remedy
        self.billed = billed


@dataclass
class Chain:
    """One request on its way along the models: what went wrong, and what answers of no use have cost."""

    request: ModelRequest
    ends_at: float
    """On the clock's `monotonic()`."""
    notes: list[str] = field(default_factory=list)
    spent: list[Usage] = field(default_factory=list)


class OpenaiLlm(Plugin):
    """Thinks with models behind an OpenAI-compatible server, one after the other until one answers."""

    settings: OpenaiSettings

    def __init__(self, name: str, settings: OpenaiSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self._trouble = ""
        self._key: str | None = None

    @hookimpl
    async def start(self) -> None:
        """Import the package, read the key, and see that what has to have a price has one."""
        if self.spending.limited and self.settings.price is None:
            raise NeedsAttention(
                "spending.per_day cannot be kept with models whose price is not known; write `price: {input: …, output: …}` "
                "(US dollars for a million tokens), 0 for a server of your own"
            )
        self._key = await self._read_key()
        await self._client(self._key)

    @hookimpl
    async def think(self, request: ModelRequest) -> ModelReply:
        chain = Chain(request, self.clock.monotonic() + request.seconds - MARGIN)
        trouble = ""
        for place, model in enumerate(self.settings.models):
            try:
                reply = await self._of(model, place, chain)
            except Unanswered as err:
                chain.notes.append(f"{model}: {err}")
                trouble = trouble or (chain.notes[-1] if err.attention else "")
            else:
                # Only the first model can show that what troubled it is mended.
                self._trouble = trouble or (self._trouble if place else "")
                usage = Usage.together([*chain.spent, reply.usage])
                return replace(reply, usage=usage, notes=(*chain.notes, *reply.notes))
        self._trouble = trouble or self._trouble
        if trouble:
            raise NeedsAttention("; ".join(chain.notes))
        raise RetryLater("; ".join(chain.notes), after=10)

    @hookimpl
    async def preview(self, request: ModelRequest) -> Mapping[str, Any]:
        """What the first model would be sent."""
        prompt = compose(request, message_tokens=self.settings.message_tokens)
        return parameters(request, prompt, self.settings.models[0], self.settings, self.settings.max_tokens)

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        """The last trouble that a person must mend, also while another model answers."""
        return {"ok": not self._trouble, "detail": self._trouble}

    async def _of(self, model: str, place: int, chain: Chain) -> ModelReply:
        last = place == len(self.settings.models) - 1
        left = chain.ends_at - self.clock.monotonic()
        ends_at = chain.ends_at if last else chain.ends_at - left * (1 - SHARE)
        message_tokens, max_tokens, reason = self.settings.message_tokens, self.settings.max_tokens, ""
        for tried in range(1, TRIES + 1):
            seconds = ends_at - self.clock.monotonic()
            if seconds < LEAST_SECONDS:
                raise Unanswered(reason or "no time was left for it")
            prompt = compose(chain.request, message_tokens=message_tokens)
            asked = parameters(chain.request, prompt, model, self.settings, max_tokens)
            try:
                return await self._once(asked, max_tokens, seconds, chain, first=place == 0 and not last)
            except Unanswered as err:
                if tried == TRIES or err.remedy == "none":
                    raise
                reason = str(err)
                max_tokens = max_tokens * 2 if err.remedy == "longer" else max_tokens
                message_tokens = message_tokens // 2 if err.remedy == "shorter" else message_tokens
                await self.clock.sleep(PAUSE if err.remedy == "again" else 0)
        raise AssertionError("unreachable")

    async def _once(
        self, asked: dict[str, Any], max_tokens: int, seconds: float, chain: Chain, *, first: bool
    ) -> ModelReply:
        """One call, paid for whichever way it ends."""
        price, most = self.settings.price, 0.0
        if price is not None:
            words = [asked["messages"], asked.get("tools", ())]
            most = price.of(fresh=estimated_tokens(repr(words)), output=max_tokens)
        try:
            reserved = await self.spending.reserve(most, first=first)
        except RetryLater as err:
            raise Unanswered(err.reason) from err
        cost = most  # it is not known better if the turn is cancelled
        try:
            reply = read(await self._call(asked, seconds), price)
            cost = most if reply.usage.cost is None else reply.usage.cost
        except Unanswered as err:
            cost = most if err.billed else 0.0
            raise
        except NoUse as err:
            cost = most if err.usage.cost is None else err.usage.cost
            chain.spent.append(err.usage)
            raise Unanswered(str(err), remedy=err.remedy) from err
        finally:
            reserved.settle(cost)
        return reply

    async def _call(self, asked: dict[str, Any], seconds: float) -> Any:
        """Raises Unanswered, in words that quote nothing of the conversation: a server's own may."""
        try:
            async with asyncio.timeout(seconds):
                return await self._asked(asked)
        except TimeoutError as err:
            raise Unanswered("it did not answer in time", billed=True) from err
        except NeedsAttention as err:
            raise Unanswered(str(err), attention=True) from err

    async def _asked(self, asked: dict[str, Any]) -> Any:
        import openai  # in memory since `start`

        if self._key is None:
            self._key = await self._read_key()
        where = self.settings.base_url or "the server"
        try:
            try:
                return await (await self._client(self._key)).chat.completions.create(**asked)
            except (openai.AuthenticationError, openai.PermissionDeniedError):
                fresh = await self._read_key()  # it may have been rotated
                if fresh == self._key:
                    raise
                self._key = fresh
                return await (await self._client(fresh)).chat.completions.create(**asked)
        except openai.APIStatusError as err:
            raise _status(err, where) from err
        except openai.APIConnectionError as err:
            if type(err.__cause__).__name__ in NOT_REACHED:
                raise Unanswered(f"{where} cannot be reached", remedy="again") from err
            raise Unanswered(f"the connection to {where} broke before the answer", billed=True) from err
        except (openai.OpenAIError, ValueError) as err:  # a body that is no JSON is let through as it is
            reason = f"the server's answer cannot be read ({type(err).__name__})"
            raise Unanswered(reason, remedy="again", billed=True) from err

    async def _read_key(self) -> str:
        """Raises NeedsAttention if it is not there."""
        return await asyncio.to_thread(_revealed, self.settings.api_key)

    async def _client(self, key: str) -> Any:
        """The process's client for this server and key."""

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
        return secret.reveal(fresh=True) if secret is not None else ""
    except SecretUnavailable as err:
        raise NeedsAttention(str(err)) from err


def _status(err: Any, where: str) -> Unanswered:
    status = err.status_code
    if status in (401, 403):
        return Unanswered(f"{where} refused the key (HTTP {status}): look at api_key", attention=True)
    if status == 404:
        return Unanswered(f"{where} has no such model, or is no such server (HTTP 404): look at both", attention=True)
    if status in PASSES or status >= 500:
        return Unanswered(f"{where} answered HTTP {status}", remedy="again")
    if TOO_LONG.search(str(err)):
        return Unanswered("the conversation is too long for the model", remedy="shorter")
    return Unanswered(
        f"{where} refused the request (HTTP {status}): does the model take tools, and is its context long enough?",
        attention=True,
    )
