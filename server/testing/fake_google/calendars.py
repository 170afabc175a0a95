"""The calendars: events with etags, changes in order, sync tokens, and who may do what with them."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ...clock import Clock
from .errors import Wrong

ID = re.compile(r"[a-v0-9]{5,1024}")
RIGHTS = {"freeBusyReader": 0, "reader": 1, "writer": 2, "owner": 3}
NOT_WITH_SYNC_TOKEN = (
    "iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax", "updatedMin",
)  # fmt: skip
PER_PAGE = 250


@dataclass
class Calendar:
    """One calendar."""

    id: str
    rights: dict[str, str]
    """E-mail → accessRole."""
    zone: str = "Asia/Ho_Chi_Minh"
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    """Event → number of its last change."""
    epoch: int = 0
    """Sync tokens of an earlier one are not good any more."""


class Calendars:
    """All there are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self.all: dict[str, Calendar] = {}

    def of(self, id: str, email: str, needed: str) -> Calendar:
        """Raises Wrong: not there, or not shared so far with *email*."""
        found = self.all.get(email if id == "primary" else id)
        role = found.rights.get(email) if found is not None else None
        if found is None or role is None:
            raise Wrong(404, "notFound", "Not Found")
        if RIGHTS[role] < RIGHTS[needed]:
            raise Wrong(403, "requiredAccessLevel", "You need to have writer access to this calendar.")
        return found

    # Events.

    def insert(self, calendar: Calendar, body: Mapping[str, Any], email: str) -> dict[str, Any]:
        id = str(body.get("id") or f"g{next(self._numbers):05d}")
        if not ID.fullmatch(id):
            raise Wrong(400, "invalid", "Invalid resource id value.")
        if id in calendar.events:
            raise Wrong(409, "duplicate", "The requested identifier already exists.")
        _check_times(body)
        now = self._stamp()
        event = {
            "kind": "calendar#event",
            "id": id,
            "status": "confirmed",
            "created": now,
            "creator": {"email": email},
            "organizer": {"email": calendar.id, "self": True},
            "iCalUID": f"{id}@google.com",
            "htmlLink": f"https://www.google.com/calendar/event?eid={id}",
            "sequence": 0,
            "eventType": "default",
            **body,
        }
        return self.put(calendar, event)

    def change(
        self, calendar: Calendar, id: str, body: Mapping[str, Any], if_match: str, *, whole: bool
    ) -> dict[str, Any]:
        """PUT (*whole*) or PATCH."""
        there = calendar.events.get(id)
        if there is None:
            raise Wrong(404, "notFound", "Not Found")
        _check_match(there, if_match)
        kept = {"kind", "id", "created", "creator", "organizer", "iCalUID", "htmlLink", "eventType", "sequence"}
        event = {key: each for key, each in there.items() if not whole or key in kept}
        for key, each in body.items():
            if each is None:
                event.pop(key, None)
            elif key == "extendedProperties" and not whole:
                event[key] = {
                    kind: {**event.get(key, {}).get(kind, {}), **each.get(kind, {})} for kind in ("private", "shared")
                }
            else:
                event[key] = each
        event.setdefault("status", "confirmed")
        _check_times(event)
        if (event.get("start"), event.get("end")) != (there.get("start"), there.get("end")):
            event["sequence"] = int(there.get("sequence", 0)) + 1
        return self.put(calendar, event)

    def delete(self, calendar: Calendar, id: str, if_match: str = "") -> None:
        there = calendar.events.get(id)
        if there is None:
            raise Wrong(404, "notFound", "Not Found")
        if there["status"] == "cancelled":
            raise Wrong(410, "deleted", "Resource has been deleted")
        _check_match(there, if_match)
        self.put(calendar, {**there, "status": "cancelled"})

    def put(self, calendar: Calendar, event: dict[str, Any]) -> dict[str, Any]:
        """Keep a new version of it."""
        number = next(self._numbers)
        made = {**event, "etag": f'"{3400000000 + number * 2}"', "updated": self._stamp()}
        calendar.events[event["id"]] = made
        calendar.changed[event["id"]] = number
        return made

    # Lists.

    def list(self, calendar: Calendar, given: Mapping[str, Any], email: str) -> dict[str, Any]:
        """A page of events.list: all of them, or what has changed since a sync token."""
        since, shape = 0, _shape(given)
        if token := given.get("syncToken"):
            if wrong := [each for each in NOT_WITH_SYNC_TOKEN if each in given]:
                raise Wrong(400, "invalid", f"syncToken cannot be used with {wrong[0]}", location=wrong[0])
            since = _since(token, calendar, shape)
        chosen = [
            event
            for id, event in sorted(calendar.events.items(), key=lambda each: calendar.changed[each[0]])
            if calendar.changed[id] > since and self._wanted(event, given, sync=bool(token))
        ]
        begin, size = int(given.get("pageToken") or 0), int(given.get("maxResults", PER_PAGE))
        only_busy = calendar.rights[email] == "freeBusyReader"
        page = {
            "kind": "calendar#events",
            "etag": '"p1"',
            "summary": calendar.id,
            "timeZone": calendar.zone,
            "updated": self._stamp(),
            "accessRole": calendar.rights[email],
            "items": [_told(event, only_busy, bool(token)) for event in chosen[begin : begin + size]],
        }
        if begin + size < len(chosen):
            page["nextPageToken"] = str(begin + size)
        else:
            last = max(calendar.changed.values(), default=0)
            page["nextSyncToken"] = f"{calendar.epoch}.{last}.{shape}"
        return page

    def _wanted(self, event: Mapping[str, Any], given: Mapping[str, Any], *, sync: bool) -> bool:
        if event["status"] == "cancelled" and not (sync or given.get("showDeleted")):
            return False
        for each in given.get("privateExtendedProperty", []):
            key, _, value = each.partition("=")
            if event.get("extendedProperties", {}).get("private", {}).get(key) != value:
                return False
        begins, ends = times_of(event)
        low, high = given.get("timeMin"), given.get("timeMax")
        return not (low and ends <= _moment(low)) and not (high and begins >= _moment(high))

    def busy(self, id: str, email: str, begin: datetime, end: datetime) -> dict[str, Any]:
        """One calendar of a freeBusy answer; what goes wrong stands in it."""
        try:
            calendar = self.of(id, email, "freeBusyReader")
        except Wrong:
            return {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
        return {"busy": [{"start": _z(low), "end": _z(high)} for low, high in _merged(calendar, begin, end)]}

    def _stamp(self) -> str:
        return _z(self._clock.now(), "milliseconds")


def times_of(event: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Begin and end, UTC."""
    return _end_of(event["start"]), _end_of(event["end"])


def _end_of(value: Mapping[str, str]) -> datetime:
    if "dateTime" in value:
        return _moment(value["dateTime"])
    return datetime.fromisoformat(value["date"]).replace(tzinfo=UTC) - timedelta(hours=7)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _z(moment: datetime, spec: str = "seconds") -> str:
    return moment.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def _check_times(event: Mapping[str, Any]) -> None:
    if "start" not in event or "end" not in event:
        raise Wrong(400, "required", "Missing end time.")
    begins, ends = times_of(event)
    if ends < begins:
        raise Wrong(400, "timeRangeEmpty", "The specified time range is empty.")


def _check_match(event: Mapping[str, Any], if_match: str) -> None:
    if if_match and if_match not in ("*", event["etag"]):
        raise Wrong(412, "conditionNotMet", "Precondition Failed", location="If-Match")


def _merged(calendar: Calendar, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    spans = sorted(
        times_of(event)
        for event in calendar.events.values()
        if event["status"] != "cancelled" and event.get("transparency") != "transparent" and not _declined(event)
    )
    last: tuple[datetime, datetime] | None = None
    for low, high in spans:
        low, high = max(low, begin), min(high, end)
        if low >= high:
            continue
        if last is not None and low <= last[1]:
            last = (last[0], max(last[1], high))
            continue
        if last is not None:
            yield last
        last = (low, high)
    if last is not None:
        yield last


def _declined(event: Mapping[str, Any]) -> bool:
    return any(each.get("self") and each.get("responseStatus") == "declined" for each in event.get("attendees", []))


def _told(event: dict[str, Any], only_busy: bool, sync: bool) -> dict[str, Any]:
    if sync and event["status"] == "cancelled":
        # Of a deleted one nothing but its id is certain to be told.
        return {key: event[key] for key in ("kind", "etag", "id", "status")}
    if only_busy:
        return {key: event[key] for key in ("kind", "etag", "id", "status", "start", "end") if key in event}
    return event


def _shape(given: Mapping[str, Any]) -> str:
    """What has to be equal from one incremental list to the next."""
    free = {"syncToken", "pageToken", "maxResults", "fields", "alt", "prettyPrint", "quotaUser", "showDeleted"}
    kept = sorted((key, str(each)) for key, each in given.items() if key not in free | set(NOT_WITH_SYNC_TOKEN))
    return hashlib.sha256(repr(kept).encode()).hexdigest()[:8]


def _since(token: str, calendar: Calendar, shape: str) -> int:
    epoch, _, rest = token.partition(".")
    number, _, kept = rest.partition(".")
    if epoch != str(calendar.epoch) or not number.isdigit():
        raise Wrong(410, "fullSyncRequired")
    if kept != shape:
        raise Wrong(400, "invalid", "The parameters are not those of the sync token.", location="syncToken")
    return int(number)
