"""The tenant's calendars at Google."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from frontdesk import Card, Finding, NeedsAttention, Refused, RetryLater, Task

from ..calendars import Busy, Changed, Event
from .access import Access
from .channels import Channels
from .consent import Consent
from .errors import Answered, Unclear
from .events import FIELDS, OURS, event_of, is_gone, resource_of, rfc3339
from .known import Known
from .rounds import Rounds
from .sync import Sync

if TYPE_CHECKING:
    from .. import GcalScheduler

AT_ONCE = 50
"""Calendars of one freeBusy query (facts: calendarExpansionMax)."""
SPAN = timedelta(days=56)
"""Of one freeBusy query: Google is said to take two to three months (not confirmed)."""
PAGES = 8
PER_PAGE = 250


class GoogleCalendars:
    """A `Keeper` (calendars.py) of calendars at Google."""

    def __init__(self, plugin: GcalScheduler) -> None:
        settings, base = (
            plugin.settings.google,
            f"{plugin.services.public_url}/plugins/{plugin.name}/{plugin.tenant.id}",
        )
        self._plugin = plugin
        self.access = Access(plugin, settings)
        self._known = Known(plugin)
        reachable = settings.push and base.startswith("https://")
        self.channels = Channels(plugin, self.access, f"{base}/google/changed" if reachable else "")
        self.consent = Consent(plugin, settings, self.access, f"{base}/google/back")
        self._connect = f"{base}/google/connect"

        async def apply(event: Event) -> None:
            await plugin.outside.apply(event)

        sync = Sync(plugin, self.access, self._known, apply, self.read)
        self.rounds = Rounds(plugin, self.access, sync, self.channels, self._known)

    # Calendars.

    async def busy(self, calendars: Sequence[str], begin: datetime, end: datetime) -> Mapping[str, Busy | None]:
        found: dict[str, Busy | None] = {each: () for each in calendars}
        names = list(found)
        while begin < end:
            until = min(begin + SPAN, end)
            for place in range(0, len(names), AT_ONCE):
                told = await self._free_busy(names[place : place + AT_ONCE], begin, until)
                for name, spans in told.items():
                    before = found[name]
                    found[name] = None if spans is None or before is None else before + spans
            begin = until
        return found

    async def _free_busy(self, names: Sequence[str], begin: datetime, end: datetime) -> dict[str, Busy | None]:
        body = {"timeMin": rfc3339(begin), "timeMax": rfc3339(end), "items": [{"id": each} for each in names]}
        told = await self.access.call(lambda api: api.freebusy().query(body=body))
        return {each: self._spans(each, told) for each in names}

    def _spans(self, name: str, told: Any) -> Busy | None:
        """None: an error stands in the answer, or nothing that can be read. Neither is free."""
        try:
            found = told["calendars"][name]
            if errors := found.get("errors"):
                self._plugin.log.warning("google_calendar_unknown", reason=str(errors[0].get("reason", ""))[:60])
                return None
            return tuple((_moment(each["start"]), _moment(each["end"])) for each in found["busy"])
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as err:
            self._plugin.log.warning("google_calendar_unknown", reason=type(err).__name__)
            return None

    async def others(self, calendar: str, begin: datetime, end: datetime) -> Sequence[Event] | None:
        given = {"timeMin": rfc3339(begin), "timeMax": rfc3339(end), "singleEvents": True, "maxResults": PER_PAGE}
        found: list[Event] = []
        for _ in range(PAGES):
            try:
                told = await self._list(calendar, **given)
                if told["accessRole"] == "freeBusyReader":
                    return None  # whose they are is not told
                taking = [each for each in told.get("items", []) if _takes_time(each)]
                found += [event_of(calendar, each, self._plugin.tenant.zone) for each in taking]
            except Answered:
                return None
            except (KeyError, TypeError, AttributeError, ValueError) as err:
                self._plugin.log.warning("google_calendar_unknown", reason=type(err).__name__)
                return None
            if not (page := told.get("nextPageToken")):
                return [each for each in found if not each.appointment]
            given["pageToken"] = page
        return None

    async def _list(self, calendar: str, **given: Any) -> Any:
        """A page of its events."""
        fields = f"nextPageToken,accessRole,items({FIELDS})"
        return await self.access.call(lambda api: api.events().list(calendarId=calendar, fields=fields, **given))

    async def write(self, event: Event) -> Event:
        await self._known.remember(event)
        body = resource_of(event)
        try:
            told = await self.access.call(lambda api: api.events().insert(calendarId=event.calendar, body=body))
            return self._read(event.calendar, told)
        except Unclear:
            # Taken, and the answer lost? Its id says so.
            if (found := await self._read_back(event)) is not None:
                return found
            raise
        except Answered as err:
            if err.status != 409:
                raise await self._not_there(event.calendar, err) from err
            if (found := await self.read(event.calendar, event.id)) is None:
                raise RetryLater("Google has the event and does not show it yet", after=5) from err
            return found

    async def move(self, event: Event) -> Event:
        whole = resource_of(event)
        body = {key: whole[key] for key in ("summary", "description", "start", "end", "extendedProperties")}
        await self._known.remember(event)
        try:
            told = await self.access.call(
                lambda api: api.events().patch(calendarId=event.calendar, eventId=event.id, body=body),
                if_match=event.etag,
            )
            found = self._read(event.calendar, told)
        except Unclear:
            there = await self._read_back(event)
            if there is None or not _same(there, event):
                raise
            found = there
        except Answered as err:
            if err.status not in (404, 410, 412):
                raise await self._not_there(event.calendar, err) from err
            now = await self.read(event.calendar, event.id)
            if now is None or not _same(now, event):
                raise Changed(now) from err
            found = now  # it was us: the answer was lost
        if found.state == "cancelled":
            raise Changed(found)
        return found

    async def cancel(self, event: Event) -> None:
        try:
            await self.access.call(lambda api: api.events().delete(calendarId=event.calendar, eventId=event.id))
        except Answered as err:
            if err.status not in (404, 410):
                raise await self._not_there(event.calendar, err) from err

    async def read(self, calendar: str, id: str) -> Event | None:
        try:
            told = await self.access.call(lambda api: api.events().get(calendarId=calendar, eventId=id, fields=FIELDS))
        except Answered as err:
            if err.status in (404, 410):
                return None
            raise await self._not_there(calendar, err) from err
        return self._read(calendar, told)

    def _read(self, calendar: str, told: Any) -> Event:
        try:
            return event_of(calendar, told, self._plugin.tenant.zone)
        except ValueError as err:
            raise Unclear(f"no usable answer from Google ({err})", after=5) from err

    async def _read_back(self, event: Event) -> Event | None:
        """After an answer was lost. None: not there, or Google does not say."""
        try:
            return await self.read(event.calendar, event.id)
        except (RetryLater, NeedsAttention, Refused):
            return None

    async def _not_there(self, calendar: str, err: Answered) -> Exception:
        if err.status == 404:
            what = f"{self.access.called(calendar)} is not there, or is not shared with this account"
            await self.access.tell(what)
            return NeedsAttention(what, code=err.reason)
        return Refused(f"Google answered {err}", code=err.reason)

    # A contact's own.

    async def export_contact(self, appointments: Sequence[str]) -> Mapping[str, Any] | None:
        found = []
        for calendar in self.rounds.written:
            for each in appointments:
                told = await self._list(calendar, privateExtendedProperty=[f"{OURS}={each}"], showDeleted=True)
                found += [{"calendar": calendar, **event} for event in told.get("items", [])]
        return {"events": found} if found else None

    async def erase(self, event: Event) -> None:
        """A deleted event is in the calendar's bin for 30 days, with all that it says: that goes first."""
        body = {"summary": "", "description": ""}
        try:
            await self.access.call(
                lambda api: api.events().patch(calendarId=event.calendar, eventId=event.id, body=body)
            )
        except Answered as err:
            if err.status not in (404, 410):
                raise await self._not_there(event.calendar, err) from err
        await self.cancel(event)
        await self._known.forget(event.id)

    # Body.

    async def start(self) -> None:
        """Google is not asked: it may be away when this server starts."""
        if self._plugin.settings.google.account == "service_account":
            await self.access.read()
        await self.rounds.begin()

    async def stop(self) -> None:
        return None

    async def run_task(self, task: Task) -> datetime | None:
        return await self.rounds.run(task)

    async def look_at_all(self) -> None:
        """The account is another one: look at every calendar now."""
        await self.rounds.look_now()

    async def check_health(self) -> Mapping[str, Any]:
        return {"ok": not self.access.trouble, "detail": self.access.trouble}

    async def diagnose(self) -> tuple[Finding, ...]:
        return await self.rounds.diagnose()

    async def repair(self, fix: str) -> None:
        raise Refused(f"gcal_scheduler knows no {fix}")

    async def panel(self, language: str) -> Card | None:
        """How the account is, and with `account: oauth` the link by which an operator gives it."""
        settings, vi = self._plugin.settings.google, language.startswith("vi")
        text = self.access.trouble
        data: dict[str, Any] = {}
        if settings.account == "oauth":
            try:
                kept = await self.access.connected()
                data["link"] = f"{self._connect}?ticket={await self.consent.ticket()}"
                data["connected"] = kept is not None
            except (NeedsAttention, RetryLater) as err:
                text = str(err)
        state = ("cần xem lại" if vi else "needs a look") if text else ("đang hoạt động" if vi else "working")
        rows = tuple((each, state) for each in self.rounds.written)
        return Card(
            title="Google Calendar",
            text=text,
            rows=rows,
            template="gcal_scheduler/google.html" if data else "",
            data=data,
        )


def _takes_time(told: Mapping[str, Any]) -> bool:
    return not is_gone(told) and told.get("transparency") != "transparent"


def _same(one: Event, other: Event) -> bool:
    """Whether it has become what was asked for."""
    return (one.starts_at, one.ends_at, one.state) == (other.starts_at, other.ends_at, other.state)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
