"""Push channels: who watches a calendar is told that something in it has changed, not what (Calendar API: Push
notifications)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from ...clock import Clock
from ...tasks import Owner
from .errors import Wrong

LONGEST = timedelta(days=7)
SECONDS = 10.0


@dataclass
class Channel:
    """One that is open."""

    id: str
    calendar: str
    resource: str
    address: str
    token: str
    expires_ms: int
    told: int = 0


class Push:
    """All channels. *reach*: beginnings of addresses → where they are in this test, since Google takes https alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._owner = Owner("fake Google's push")
        self.reach: dict[str, str] = {}
        self.open: dict[str, Channel] = {}
        self.answers: list[int] = []
        """HTTP statuses of whom it told, in order; 0: nobody there."""

    def watch(self, calendar: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if body.get("type") not in ("web_hook", "webhook") or not body.get("id"):
            raise Wrong(400, "required", "id and type web_hook are needed")
        if not str(body.get("address", "")).startswith("https://"):
            raise Wrong(400, "pushWebhookUrlNotHttps", f"WebHook callback must be HTTPS: {body.get('address')}")
        if body["id"] in self.open:
            raise Wrong(400, "channelIdNotUnique", f"Channel id {body['id']} not unique")
        if len(body["id"]) > 64 or len(body.get("token", "")) > 256:
            raise Wrong(400, "invalid", "id of at most 64 characters, token of at most 256")
        now = self._clock.now()
        latest = int((now + LONGEST).timestamp() * 1000)
        expires = min(latest, int(body.get("expiration", latest)))
        channel = Channel(body["id"], calendar, f"r-{calendar}", body["address"], body.get("token", ""), expires)
        self.open[channel.id] = channel
        self._tell(channel, "sync")
        return {
            "kind": "api#channel",
            "id": channel.id,
            "resourceId": channel.resource,
            "resourceUri": f"https://www.googleapis.com/calendar/v3/calendars/{calendar}/events?alt=json",
            "token": channel.token,
            "expiration": str(expires),
        }

    def stop(self, body: Mapping[str, Any]) -> None:
        channel = self.open.get(body.get("id", ""))
        if channel is None or channel.resource != body.get("resourceId"):
            raise Wrong(404, "notFound", f"Channel '{body.get('id')}' not found for project")
        del self.open[channel.id]

    def changed(self, calendar: str) -> None:
        """Tell everybody who watches it."""
        now_ms = self._clock.now().timestamp() * 1000
        for channel in self.open.values():
            if channel.calendar == calendar and channel.expires_ms > now_ms:
                self._tell(channel, "exists")

    async def told(self) -> None:
        """Everything that was to be told has been."""
        await self._owner.drain(SECONDS)

    def _tell(self, channel: Channel, state: str) -> None:
        channel.told += 1
        headers = {
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Channel-Token": channel.token,
            "X-Goog-Resource-ID": channel.resource,
            "X-Goog-Resource-State": state,
            "X-Goog-Message-Number": str(channel.told),
        }
        address = channel.address
        for begin, real in self.reach.items():
            address = real + address.removeprefix(begin) if address.startswith(begin) else address
        if address != channel.address:  # else nobody of this test is there
            self._owner.start(self._post(address, headers), channel.id)

    async def _post(self, address: str, headers: dict[str, str]) -> None:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
                session.post(address, headers=headers) as answer,
            ):
                self.answers.append(answer.status)
        except aiohttp.ClientError:
            self.answers.append(0)
