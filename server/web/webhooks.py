"""Webhooks, below Quart: this is the path whose cost and latency the provider sees (bench/README.md).

ROUTES are all that is answered, and 204 only when what came is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

import structlog

from frontdesk.config import ServerConfig

from .. import blame, dispatch
from ..channel import WebhookRequest
from ..clock import Clock
from ..crashpoints import reached
from ..errors import PluginError, WebhookRefused
from ..inbox import Inbox
from ..outbox.status import StatusDesk
from ..plugin import Channel
from ..registry import PluginType
from ..runtime import Runtime, Runtimes
from ..step import Running, running
from ..store import StoreError, StoreFull
from .asgi import Receive, Scope, Send

log = structlog.get_logger(__name__)

PREFIX = "/webhooks/"
_EMPTY = [(b"content-length", b"0")]


class HungUp(Exception):
    """The client went away before its request was whole."""


class Webhooks:
    """An ASGI application for the paths under PREFIX."""

    def __init__(
        self,
        runtimes: Runtimes,
        channels: Mapping[str, PluginType],
        addresses: Mapping[tuple[str, str], str],
        inbox: Inbox,
        status: StatusDesk,
        config: ServerConfig,
        clock: Clock,
        takes: Callable[[str], Awaitable[bool]],
        refused: Callable[[str], None],
    ) -> None:
        """*takes*: whether anything is stored for a suspended tenant; not for one that is purged. Raises StoreError.

        *refused* is told whose message could not be stored: it has to be asked for.
        """
        self._runtimes = runtimes
        self._channels = channels
        self._addresses = addresses
        self._have_addresses = {(channel, tenant) for (channel, _), tenant in addresses.items()}
        self._inbox = inbox
        self._status = status
        self._public_url = config.public_url
        self._max_body = config.max_body_bytes
        self._store_wait = config.times.store_wait
        self._clock = clock
        self._takes = takes
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = scope["path"][len(PREFIX) :].split("/")
        try:
            status = await self._handle(scope, receive, parts)
        except HungUp:
            log.warning("webhook_cut_off", **_where(parts), reason="the client went away before its request was whole")
            return
        except WebhookRefused as err:
            log.warning("webhook_refused", **_where(parts), status=err.status, reason=err.reason)
            status = err.status
        await send({"type": "http.response.start", "status": status, "headers": [] if status == 204 else _EMPTY})
        await send({"type": "http.response.body", "body": b""})

    async def _handle(self, scope: Scope, receive: Receive, parts: list[str]) -> int:
        if scope["method"] != "POST":
            raise WebhookRefused(405, f"{scope['method'][:20]}; a webhook is a POST")
        channel = self._channels.get(parts[0])
        if channel is None:
            raise WebhookRefused(404, "no tenant has this channel")
        take = _TAKERS.get(_shape(parts))
        if take is None:
            raise WebhookRefused(404, f"no such path; there are {', '.join(path for path, _ in ROUTES)}")
        request = await self._request(scope, receive, parts)
        if len(parts) == 1:
            parts.append(self._tenant_of(channel, request))
        elif len(parts) == 2 and (channel.name, parts[1]) in self._have_addresses:
            if self._tenant_of(channel, request) not in ("", parts[1]):
                raise WebhookRefused(403, f"that sender is another tenant's; enter {PREFIX}{parts[0]} for both")
        if not self._runtimes.knows(parts[1]):
            raise WebhookRefused(404, "no such tenant" if parts[1] else "it is addressed to no tenant")
        return await take(self, channel.name, parts[1], request)

    def _tenant_of(self, channel: PluginType, request: WebhookRequest) -> str:
        assert issubclass(channel.cls, Channel)
        try:
            with running(Running("", channel.name, "address_of")):
                address = channel.cls.address_of(request)
        except Exception as err:  # the plugin's code, on what anybody may have sent
            raise WebhookRefused(503, f"plugin {channel.name}: address_of: {blame.in_words(err)}") from err
        return self._addresses.get((channel.name, address), "") if address is not None else ""

    async def _inbound(self, channel: str, tenant: str, request: WebhookRequest) -> int:
        async with self._runtimes.use(tenant, suspended=True) as runtime:
            for inbound in await self._ask(runtime, "parse_webhook", channel, request):
                reached("inbox.received")
                if not await self._when_stored(tenant, partial(self._inbox.accept, runtime.tenant, channel, inbound)):
                    self._refused(tenant)
                    return 503
        return 204

    async def _status_callback(self, channel: str, tenant: str, request: WebhookRequest) -> int:
        async with self._runtimes.use(tenant, suspended=True) as runtime:
            updates = await self._ask(runtime, "parse_status", channel, request)
        reached("status.received")
        return 204 if await self._when_stored(tenant, lambda: self._status.take(tenant, updates)) else 503

    async def _ask(self, runtime: Runtime, hook: str, channel: str, request: WebhookRequest) -> Any:
        try:
            return await runtime.ask(hook, channel, request=request)
        except WebhookRefused:
            raise
        except (dispatch.HookFailed, PluginError) as err:
            # The provider is asked to try again: what its message says we could not read.
            raise WebhookRefused(404 if _not_listed(runtime, channel) else 503, blame.in_words(err)) from err

    async def _when_stored(self, tenant: str, write: Callable[[], Awaitable[Any]]) -> bool:
        """Wait for a store that is away, as long as the provider waits for us; False: it did not come back.

        Raises WebhookRefused if the tenant was purged meanwhile.
        """
        until = self._clock.monotonic() + self._store_wait
        left, pause = self._store_wait, 0.05
        while True:
            try:
                # A store that hangs would keep us for longer than the provider waits. Given up half-way is as a crash
                # half-way: the provider sends again.
                async with asyncio.timeout(left):
                    # Asked last of all, and each time: what is stored after a purge would be stored for good.
                    if tenant not in self._runtimes.declared and not await self._takes(tenant):
                        raise WebhookRefused(404, "no such tenant any more: it was purged")
                    await write()
                return True
            except StoreFull as err:
                log.critical("store_full", reason=str(err))
                return False
            except (StoreError, TimeoutError) as err:
                left = until - self._clock.monotonic()
                log.warning("store_away", reason=str(err) or "no answer in time", seconds_left=round(left, 1))
                if left <= 0:
                    return False
                await self._clock.sleep(min(pause, left))
                left, pause = until - self._clock.monotonic(), min(pause * 2, 1.0)

    async def _request(self, scope: Scope, receive: Receive, parts: list[str]) -> WebhookRequest:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            raise WebhookRefused(400, "a content-length that is no number")
        if len(length) > 15 or int(length) > self._max_body:
            raise WebhookRefused(413, f"larger than server.max_body_bytes ({self._max_body})")
        query = scope["query_string"].decode("latin-1")
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        return WebhookRequest(
            method="POST",
            url=f"{self._public_url}{raw_path}{'?' + query if query else ''}",
            headers=headers,
            body=await self._body(receive),
            message=unquote(parts[3]) if len(parts) > 3 else "",
            peer=(scope.get("client") or ("",))[0],
        )

    async def _body(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(15):
                return await self._chunks(receive)
        except TimeoutError as err:
            raise WebhookRefused(408, "the request did not come whole within 15 s") from err

    async def _chunks(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            event = await receive()
            if event["type"] != "http.request":
                raise HungUp
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > self._max_body:
                raise WebhookRefused(413, f"larger than server.max_body_bytes ({self._max_body})")
            chunks.append(chunk)
            if not event.get("more_body", False):
                return b"".join(chunks)


ROUTES = (
    (f"{PREFIX}CHANNEL/TENANT", Webhooks._inbound),
    (f"{PREFIX}CHANNEL", Webhooks._inbound),
    (f"{PREFIX}CHANNEL/TENANT/status/MESSAGE", Webhooks._status_callback),
)
"""Each path, and who takes what is posted there. Without TENANT it is found by the address that the request names. What
stands behind TENANT is a word of the path; other capitals stand for anything."""


def _shape(parts: list[str]) -> tuple[int, str]:
    """What tells the routes apart: how long a path is, and the word behind the tenant."""
    return len(parts), parts[2] if len(parts) > 2 else ""


_TAKERS = {_shape(path.removeprefix(PREFIX).split("/")): take for path, take in ROUTES}


def _where(parts: list[str]) -> dict[str, str]:
    """Channel and tenant for the log, as far as the path (or what the form claims) names them."""
    return {"channel": parts[0][:64], "tenant": parts[1][:64] if len(parts) > 1 else ""}


def _not_listed(runtime: Runtime, channel: str) -> bool:
    return channel not in runtime.plugins and channel not in runtime.troubles
