"""Measures webhooks from outside: an ASGI application around the one that answers them."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from ..clock import Clock
from ..web.asgi import Receive, Scope, Send
from ..web.webhooks import PREFIX, Webhooks
from .metrics import Metrics

_OUTCOMES = {204: "stored", 403: "forbidden", 503: "unavailable"}
_OTHER = "refused"
_CUT_OFF = "cut_off"


class MeasuredWebhooks:
    """*webhooks*, measured. *channels*: the names that may become labels; what else a path claims is `unknown`."""

    def __init__(self, webhooks: Webhooks, channels: Container[str], metrics: Metrics, clock: Clock) -> None:
        self._webhooks = webhooks
        self._channels = channels
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = self._clock.monotonic()
        parts = scope["path"][len(PREFIX) :].split("/", 3)
        channel = parts[0] if parts[0] in self._channels else "unknown"
        kind = "status" if len(parts) > 2 else "message"
        outcome = _CUT_OFF

        async def sending(event: dict[str, Any]) -> None:
            nonlocal outcome
            await send(event)
            if event["type"] == "http.response.start":
                outcome = _OUTCOMES.get(event["status"], _OTHER)
                self._seconds(channel)(self._clock.monotonic() - began)

        try:
            await self._webhooks(scope, receive, sending)
        finally:
            self._metrics.webhooks.add("", channel, kind, outcome)

    def _seconds(self, channel: str) -> Callable[[float], None]:
        return self._metrics.webhook_seconds.of(channel)
