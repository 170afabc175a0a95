"""Models at Amazon Bedrock, through boto3's Converse."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

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
    hookimpl,
)

from .chain import LEAST_SECONDS, Chain
from .client import Access, make, read_seconds
from .converse import PICTURE_BYTES, Pictures, parameters, wanted_pictures
from .errors import CREDENTIALS
from .settings import BedrockSettings

MARGIN = 0.5
"""Seconds before the hook's deadline by which every call has ended."""
MAKING_SECONDS = 6.0
"""How long a secret may take to be read, or a client to be made, if there is as much time."""


class BedrockLlm(Plugin):
    """Thinks with models at Amazon Bedrock: a chain of them, with prompt cache, guardrail and pictures."""

    settings: BedrockSettings
    blocking_calls = 16

    def __init__(self, name: str, settings: BedrockSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self._access: Access | None = None
        self._trouble = ""

    @hookimpl
    async def start(self) -> None:
        """Read the secret, make a client, and see that what has to have a price has one."""
        unpriced = [model.id for model in self.settings.models if model.costs is None]
        if self.spending.limited and unpriced:
            raise NeedsAttention(
                f"spending.per_day cannot be kept with models whose price is not known ({', '.join(unpriced)}); write "
                "`price: {input: …, output: …}` (US dollars for a million tokens) at each"
            )
        self._access = await self._read_access(math.inf)
        await self._client(self._access, read_seconds(30), math.inf)

    @hookimpl
    async def think(self, request: ModelRequest) -> ModelReply:
        ends_at = self.clock.monotonic() + request.seconds - MARGIN
        pictures = await self._pictures(request)
        chain = Chain(self.settings, request, pictures, self._converse, self, ends_at)
        try:
            reply = await chain.answer()
        finally:
            self._trouble = chain.trouble or self._trouble
        if reply.model == self.settings.models[0].id:
            self._trouble = ""
        return reply

    @hookimpl
    async def preview(self, request: ModelRequest) -> Mapping[str, Any]:
        """What the first model would be sent, pictures by their size."""
        prompt = compose(request, message_tokens=self.settings.message_tokens)
        pictures = await self._pictures(request)
        sizes: Any = {key: f"<{len(content)} bytes>" for key, content in pictures.items()}
        return parameters(request, prompt, self.settings.models[0], self.settings, sizes, self.settings.max_tokens)

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        """The last trouble that a person must mend, until the first model answers: it has none, and no other is asked."""
        return {"ok": not self._trouble, "detail": self._trouble}

    async def _pictures(self, request: ModelRequest) -> Pictures:
        if not any(model.shown_pictures for model in self.settings.models):
            return {}
        prompt = compose(request, message_tokens=self.settings.message_tokens)
        found = {}
        for media in wanted_pictures(prompt, self.settings):
            file = await self.media.get(media.key)
            if file is not None and len(file[1]) <= PICTURE_BYTES:
                found[media.key] = file[1]
        return found

    async def _converse(self, asked: dict[str, Any], ends_at: float, begun: Callable[[], None]) -> dict[str, Any]:
        """One call, over by *ends_at*; *begun* is called as soon as it may reach Bedrock.

        Raises what boto3 raises, TimeoutError, RetryLater if it could not be begun, NeedsAttention if its key is gone.
        """
        access = self._access or await self._read_access(ends_at)
        try:
            return await self._call(access, asked, ends_at, begun)
        except ClientError as err:
            if err.response.get("Error", {}).get("Code") not in CREDENTIALS or not access.key_id:
                raise
            fresh = await self._read_access(ends_at)  # the key may have been rotated
            if fresh == access:
                raise
            self._access = fresh
            return await self._call(fresh, asked, ends_at, begun)

    async def _call(
        self, access: Access, asked: dict[str, Any], ends_at: float, begun: Callable[[], None]
    ) -> dict[str, Any]:
        client = await self._client(access, read_seconds(self._left(ends_at)), ends_at)
        seconds = self._left(ends_at)
        begun()
        response: dict[str, Any] = await self.call_blocking(partial(client.converse, **asked), timeout=seconds)
        return response

    async def _client(self, access: Access, seconds: float, ends_at: float) -> Any:
        """The process's client for this access and time-out. Raises RetryLater if it cannot be had in time."""
        within = min(MAKING_SECONDS, self._left(ends_at))

        async def made() -> Any:
            return await self.call_blocking(make, access, seconds, timeout=within)

        secret = hashlib.sha256(access.secret.encode()).hexdigest()[:16]
        who = replace(access, secret="")
        try:
            async with asyncio.timeout(within):  # another instance may be making it
                return await self.shared(f"{who} {secret} {seconds:g}", made)
        except TimeoutError as err:
            raise RetryLater(f"boto3's client could not be made within {within:.1f} s") from err

    async def _read_access(self, ends_at: float) -> Access:
        secret = self.settings.secret_access_key
        access = Access(self.settings.region, self.settings.endpoint, self.settings.access_key_id)
        if secret is None:
            return access
        within = min(MAKING_SECONDS, self._left(ends_at))
        try:
            value = await self.call_blocking(_revealed, secret, timeout=within)
        except TimeoutError as err:
            raise RetryLater(f"the secret could not be read within {within:.1f} s") from err
        return replace(access, secret=value)

    def _left(self, ends_at: float) -> float:
        """Seconds. Raises RetryLater if they are too few to begin anything."""
        left = ends_at - self.clock.monotonic()
        if left < LEAST_SECONDS:
            raise RetryLater("no time was left for it")
        return left


def _revealed(secret: Secret) -> str:
    try:
        # At the start, and after AWS said no: what is remembered may be what was rejected.
        return secret.reveal(fresh=True)
    except SecretUnavailable as err:
        raise NeedsAttention(str(err)) from err
