"""What others have changed in a calendar: asked for from where the last answer ended (Calendar API: Synchronize resources
efficiently)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from frontdesk import NeedsAttention, Plugin, Refused, RetryLater

from ..calendars import Event
from .access import Access
from .errors import Answered
from .events import FIELDS, event_of, is_gone, rfc3339
from .known import Known

COLLECTION = "google_sync"
"""By calendar: `token` (of the next list), `page` (within one that is not read to its end), `full` and `since` (the name of
the list of all, while it is read, and from when), `checking` (it is read; what is missing in it is being looked for)."""
PER_PAGE = 500
WORK_SECONDS = 3.0
"""After so long a run ends, and goes on at once: the hook has 10 s, and one more call may take as long as it may."""
AFTER_ATTENTION = timedelta(hours=1)
ALSO_PAST = timedelta(days=1)
"""The list of all begins so long ago."""

Apply = Callable[[Event], Awaitable[None]]
Read = Callable[[str, str], Awaitable[Event | None]]


class Sync:
    """Of one tenant's calendars. *apply* is told each event of ours that has changed, perhaps twice; *read* looks at one."""

    def __init__(self, plugin: Plugin, access: Access, known: Known, apply: Apply, read: Read) -> None:
        self._plugin = plugin
        self._access = access
        self._known = known
        self._apply = apply
        self._read = read

    async def run(self, calendar: str, every: timedelta) -> datetime:
        """Take in what has changed; when to look again."""
        now = self._plugin.clock.now
        try:
            whole = await self._look(calendar)
        except RetryLater as err:
            self._plugin.log.info("google_sync_later", reason=err.reason)
            return now() + max(every, timedelta(seconds=err.after))
        except (NeedsAttention, Refused) as err:
            self._plugin.log.warning("google_sync_failed", reason=str(err))
            return now() + max(every, AFTER_ATTENTION)
        return now() + every if whole else now()

    async def _look(self, calendar: str) -> bool:
        """Whether all that there is has been taken in."""
        ends = self._plugin.clock.monotonic() + WORK_SECONDS
        state = await self._plugin.store.get(COLLECTION, calendar) or self._begin()
        while not state.get("checking"):
            state, last = await self._page(calendar, state)
            await self._plugin.store.put(COLLECTION, calendar, state)
            if last:
                return True
            if self._plugin.clock.monotonic() > ends:
                return False
        return await self._check(calendar, state, ends)

    def _begin(self) -> dict[str, Any]:
        """A list of all."""
        return {"full": secrets.token_hex(8), "since": rfc3339(self._plugin.clock.now() - ALSO_PAST)}

    async def _page(self, calendar: str, state: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Take in one page: what to keep, and whether there is nothing more to do."""
        full = str(state.get("full", ""))
        try:
            told = await self._list(calendar, state)
        except Answered as err:
            if err.status == 410:  # the token is too old
                return self._begin(), False
            if err.status == 404:
                what = f"{self._access.called(calendar)} is not there any more, or is not shared with this account"
                await self._access.tell(what)
                raise NeedsAttention(what, code=err.reason) from err
            raise Refused(f"Google answered {err}") from err
        for each in told.get("items", []):
            await self._take(calendar, each, full)
        if page := told.get("nextPageToken"):
            return {**state, "page": page}, False
        token = told.get("nextSyncToken", "")
        return ({"token": token, "full": full, "checking": True}, False) if full else ({"token": token}, True)

    async def _list(self, calendar: str, state: Mapping[str, Any]) -> Mapping[str, Any]:
        given: dict[str, Any] = {"calendarId": calendar, "maxResults": PER_PAGE, "showDeleted": True}
        if state.get("full"):
            # Google's own sample of a first list bounds it so; with a token it is not allowed.
            given["timeMin"] = state["since"]
        else:
            given["syncToken"] = state["token"]
        if state.get("page"):
            given["pageToken"] = state["page"]
        fields = f"nextPageToken,nextSyncToken,items({FIELDS})"
        told: Mapping[str, Any] = await self._access.call(lambda api: api.events().list(**given, fields=fields))
        return told

    async def _take(self, calendar: str, told: Mapping[str, Any], full: str) -> None:
        if is_gone(told):
            event = await self._known.as_gone(calendar, str(told.get("id", "")))
        else:
            try:
                event = event_of(calendar, told, self._plugin.tenant.zone)
            except ValueError as err:
                self._plugin.log.warning("google_event_not_understood", reason=str(err))
                return
        if event is None or not event.appointment:
            return
        if full:
            await self._known.seen(event, full)
        await self._hand_on(event)

    async def _check(self, calendar: str, state: Mapping[str, Any], ends: float) -> bool:
        """What was deleted while nobody looked stands in no list any more."""
        full = str(state["full"])
        for gone in await self._known.missing(calendar, full):
            event = await self._read(calendar, gone.id) or gone
            await self._hand_on(event)
            await self._known.seen(gone, full)
            if self._plugin.clock.monotonic() > ends:
                return False
        await self._plugin.store.put(COLLECTION, calendar, {"token": state["token"]})
        return True

    async def _hand_on(self, event: Event) -> None:
        """RetryLater ends the run: the page is read again. What is refused would be refused again."""
        try:
            await self._apply(event)
        except (Refused, NeedsAttention) as err:
            self._plugin.log.warning("google_change_not_applied", event_id=event.id, reason=str(err))
