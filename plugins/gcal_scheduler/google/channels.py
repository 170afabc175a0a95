"""Push channels: Google tells at once that something in a calendar has changed, not what (Calendar API: Push notifications).

It is a hint and no more: a task looks every few minutes all the same. Notifications have no signature; the channel's id and
its token say that one comes from Google. Of the token only a hash is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from frontdesk import Plugin, PluginError

from .access import Access
from .errors import Answered
from .names import short

COLLECTION = "google_channels"
"""By the channel's id: `calendar`, `token` (SHA-256), `resource` (Google's), `until`."""
LASTS = timedelta(days=7)
"""What is asked for; Google may give less."""
RENEWED = timedelta(hours=36)
"""So long before its end a channel is followed by another one: there are two looks a day before that."""
BURST = 5
"""Seconds whose notifications are one look."""
PAGE = 200


class Channels:
    """Of one tenant. *address*: where Google posts to; empty: it cannot reach this server."""

    def __init__(self, plugin: Plugin, access: Access, address: str) -> None:
        self._plugin = plugin
        self._access = access
        self.address = address
        self.trouble = ""
        """Why Google does not tell; empty: it does, or was not asked."""

    async def ensure(self, calendar: str) -> None:
        """There is a channel, and it lasts a while; those before it are closed. What speaks against it is kept in `trouble`:
        the looks go on without."""
        if not self.address:
            return
        now, there = self._plugin.clock.now(), await self._of(calendar)
        lasting = [id for id, each in there if _until(each) - now > RENEWED and each["resource"]]
        try:
            kept = lasting[0] if lasting else await self._open(calendar)
            for id, each in there:
                if id != kept:
                    await self._close(id, each)
            self.trouble = ""
        except (PluginError, Answered) as err:
            self.trouble = f"Google does not tell of changes in {self._access.called(calendar)}: {err}"
            self._plugin.log.warning("google_channel_failed", reason=str(err))

    async def close(self) -> None:
        """All of them; for whoever does not want them any more."""
        for id, each in await self._plugin.store.list(COLLECTION, limit=PAGE):
            await self._close(id, each)

    async def heard(self, headers: Mapping[str, str]) -> bool:
        """A notification (names in small letters): have its calendar looked at. False: it is not from Google."""
        id, token = headers.get("x-goog-channel-id", ""), headers.get("x-goog-channel-token", "")
        there = await self._plugin.store.get(COLLECTION, id) if id else None
        expected = there["token"] if there is not None else ""
        if not hmac.compare_digest(_hash(token), expected) or there is None:
            return False
        if headers.get("x-goog-resource-state") != "sync":
            await self._look_soon(str(there["calendar"]))
        return True

    async def _look_soon(self, calendar: str) -> None:
        """At the end of this burst: whatever of it is told later is seen then."""
        burst = int(self._plugin.clock.now().timestamp()) // BURST + 1
        at = datetime.fromtimestamp(burst * BURST, UTC)
        await self._plugin.tasks.schedule("google_sync", f"push/{burst}/{short(calendar)}", at, {"calendar": calendar})

    async def _open(self, calendar: str) -> str:
        id, token, until = secrets.token_hex(16), secrets.token_urlsafe(32), self._plugin.clock.now() + LASTS
        kept = {"calendar": calendar, "token": _hash(token), "resource": "", "until": until.isoformat()}
        # Before Google knows of it: its first notification may be here before its answer.
        await self._plugin.store.put(COLLECTION, id, kept)
        body = {
            "id": id,
            "type": "web_hook",
            "address": self.address,
            "token": token,
            "expiration": str(int(until.timestamp() * 1000)),
        }
        told = await self._access.call(lambda api: api.events().watch(calendarId=calendar, body=body))
        ends = datetime.fromtimestamp(int(told["expiration"]) / 1000, UTC) if told.get("expiration") else until
        kept |= {"resource": str(told["resourceId"]), "until": ends.isoformat()}
        await self._plugin.store.put(COLLECTION, id, kept)
        return id

    async def _close(self, id: str, there: Mapping[str, Any]) -> None:
        if there["resource"] and _until(there) > self._plugin.clock.now():
            body = {"id": id, "resourceId": there["resource"]}
            try:
                await self._access.call(lambda api: api.channels().stop(body=body))
            except Answered as err:
                if err.status not in (404, 410):
                    raise
        await self._plugin.store.delete(COLLECTION, id)

    async def _of(self, calendar: str) -> list[tuple[str, dict[str, Any]]]:
        """The one that lasts longest first."""
        found = [
            each for each in await self._plugin.store.list(COLLECTION, limit=PAGE) if each[1]["calendar"] == calendar
        ]
        return sorted(found, key=lambda each: each[1]["until"], reverse=True)


def _until(there: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(there["until"])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
