"""The work that comes again: each day a task that begins it; for each calendar a probe, and looks at what has changed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from frontdesk import Finding, NeedsAttention, PluginError, Task

from .access import NOT_CONNECTED, Access
from .channels import Channels
from .errors import Answered
from .known import Known
from .names import short
from .settings import PAGE
from .sync import Sync

if TYPE_CHECKING:
    from .. import GcalScheduler

DAY = "google_day"
PROBE = "google_probe"
SYNC = "google_sync"
SPREAD = 3600
"""Seconds after midnight (UTC) over which tenants begin their days: a service account is one user of Google's quota."""
AHEAD = timedelta(days=3)
"""So long before a permission ends operators are told."""
MAY_WRITE = frozenset({"writer", "owner"})


class Rounds:
    """Of one tenant. A task that failed for good, or was lost, is one day's: the next day's is another one."""

    def __init__(self, plugin: GcalScheduler, access: Access, sync: Sync, channels: Channels, known: Known) -> None:
        self._plugin = plugin
        self._access = access
        self._sync = sync
        self._channels = channels
        self._known = known
        staff = plugin.settings.staff
        self.written = tuple(dict.fromkeys(each.calendar for each in staff if each.calendar))
        also = dict.fromkeys(name for each in staff for name in each.also_busy)
        self.only_read = tuple(each for each in also if each not in self.written)

    async def begin(self) -> None:
        """The tenant has started: today's work, if it has not begun."""
        now = self._plugin.clock.now()
        await self._plugin.tasks.schedule(DAY, now.astimezone(UTC).date().isoformat(), now)

    async def look_now(self) -> None:
        """At every calendar, beside the usual looks."""
        now = self._plugin.clock.now()
        for name, key in ((PROBE, "now"), (SYNC, "now")):
            for each in self.written:
                await self._plugin.tasks.schedule(
                    name, f"{key}/{now.isoformat()}/{short(each)}", now, {"calendar": each}
                )

    async def run(self, task: Task) -> datetime | None:
        match task.name:
            case "google_day":
                await self._day()
            case "google_probe":
                await self._probe(task.data["calendar"])
            case "google_sync":
                return await self._look(task)
        return None

    async def _day(self) -> None:
        now = self._plugin.clock.now()
        tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
        spread = zlib.crc32(self._plugin.tenant.id.encode()) % SPREAD
        next_begins = datetime.combine(tomorrow, time(), UTC) + timedelta(seconds=spread)
        # First: whatever goes wrong with the rest goes wrong for a day.
        await self._plugin.tasks.schedule(DAY, tomorrow.isoformat(), next_begins)
        today = now.astimezone(UTC).date().isoformat()
        for each in self.written:
            data = {"calendar": each, "until": next_begins.isoformat()}
            await self._plugin.tasks.schedule(PROBE, f"{today}/{short(each)}", now, {"calendar": each})
            await self._plugin.tasks.schedule(SYNC, f"{today}/{short(each)}", now, data)
        await self._known.drop_old()
        await self._look_ahead()

    async def _look_ahead(self) -> None:
        """A permission that is about to end is told before it does: applications in *Testing* have one of 7 days."""
        kept = await self._access.connected()
        if kept is None or not kept["until"]:
            return
        until = datetime.fromisoformat(kept["until"])
        if until - self._plugin.clock.now() < AHEAD:
            day = until.astimezone(self._plugin.tenant.zone).date().isoformat()
            await self._access.tell(
                f"the permission to use the Google account ends on {day}; connect again by the link on the settings page, "
                f"and set the application to *In production* at Google so that it does not end again ({PAGE})"
            )

    async def _look(self, task: Task) -> datetime | None:
        again = await self._sync.run(task.data["calendar"], self._plugin.settings.google.look_every)
        now = self._plugin.clock.now()
        until = datetime.fromisoformat(task.data["until"]) if "until" in task.data else now
        # One that is in the middle goes on; a day's looks end with the day.
        return again if again <= max(now, until) else None

    async def _probe(self, calendar: str) -> None:
        """Notices what is wrong before a booking fails."""
        if what := await self._wrong_with(calendar):
            await self._access.tell(what)
        for each in await self._unknown():
            self._plugin.log.warning("google_calendar_unknown", reason=f"{self._access.called(each)} cannot be read")
        await self._channels.ensure(calendar)

    async def _wrong_with(self, calendar: str) -> str:
        """What keeps us from writing to it; empty: nothing. Raises RetryLater, NeedsAttention (told already)."""
        try:
            told: Mapping[str, Any] = await self._access.call(
                lambda api: api.events().list(calendarId=calendar, maxResults=1, fields="accessRole")
            )
        except Answered as err:
            return (
                f"{self._access.called(calendar)} is not there, or is not shared with this account (HTTP {err.status})"
            )
        if told.get("accessRole") not in MAY_WRITE:
            name = self._access.called(calendar)
            return f"{name} may be read and not written; share it with “Make changes to events” ({PAGE})"
        return ""

    async def _unknown(self) -> list[str]:
        """Calendars of `also_busy` of which nobody tells when they are taken."""
        now = self._plugin.clock.now()
        told = (
            await self._plugin.calendars.busy(self.only_read, now, now + timedelta(hours=1)) if self.only_read else {}
        )
        return [each for each, spans in told.items() if spans is None]

    async def diagnose(self) -> tuple[Finding, ...]:
        """What `frontdesk doctor` shows."""
        settings = self._plugin.settings.google
        try:
            if settings.account == "oauth" and await self._access.connected() is None:
                return (Finding(level="problem", what=NOT_CONNECTED, cure=PAGE),)
            found = [await self._finding(each) for each in self.written]
            found += [
                Finding(
                    level="problem",
                    what=f"nobody tells when {self._access.called(each)} ({each}) is taken: nothing is offered for them",
                    cure="share it with this account (see only free/busy is enough), or take it out of also_busy",
                )
                for each in await self._unknown()
            ]
        except (NeedsAttention, PluginError) as err:
            return (Finding(level="problem", what=str(err), cure=PAGE),)
        return (*found, self._push())

    async def _finding(self, calendar: str) -> Finding:
        if what := await self._wrong_with(calendar):
            return Finding(level="problem", what=what, cure=PAGE)
        return Finding(level="ok", what=f"visits can be written to {self._access.called(calendar)} ({calendar})")

    def _push(self) -> Finding:
        if self._channels.trouble:
            return Finding(level="warning", what=self._channels.trouble, cure=PAGE)
        if self._channels.address:
            return Finding(level="ok", what="Google tells of changes at once")
        every = self._plugin.settings.google.look_every
        return Finding(level="ok", what=f"changes in Google are looked for every {every.total_seconds() / 60:g} min")
