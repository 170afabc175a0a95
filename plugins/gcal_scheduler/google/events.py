"""Events between Calendar's form and ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..calendars import Event

OURS = "frontdesk"
"""The private property with the appointment's id: only this application reads it."""
RESOURCE = "frontdesk_resource"
FIELDS = (
    "id,status,etag,start,end,summary,description,transparency,attendees(self,responseStatus),"
    "extendedProperties/private"
)
"""What is asked for: no guests, no organiser."""


def resource_of(event: Event) -> dict[str, Any]:
    """As Calendar takes it."""
    private = {OURS: event.appointment, RESOURCE: event.resource}
    return {
        "id": event.id,
        "status": "confirmed",
        "summary": event.title,
        "description": event.description,
        "start": time_of(event.starts_at, event.zone),
        "end": time_of(event.ends_at, event.zone),
        "transparency": "opaque",
        "extendedProperties": {"private": {key: value for key, value in private.items() if value}},
    }


def time_of(moment: datetime, zone: str) -> dict[str, str]:
    return {"dateTime": moment.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds"), "timeZone": zone}


def event_of(calendar: str, told: Mapping[str, Any], zone: ZoneInfo) -> Event:
    """What Calendar told. A whole day is one of *zone*. Raises ValueError: it is no event."""
    try:
        begin, end = told["start"], told["end"]
        private = told.get("extendedProperties", {}).get("private", {})
        return Event(
            id=told["id"],
            calendar=calendar,
            starts_at=_moment(begin, zone),
            ends_at=_moment(end, zone),
            zone=begin.get("timeZone") or zone.key,
            title=told.get("summary", ""),
            description=told.get("description", ""),
            resource=private.get(RESOURCE, ""),
            appointment=private.get(OURS, ""),
            etag=told.get("etag", ""),
            state="cancelled" if is_gone(told) else "confirmed",
        )
    except (KeyError, TypeError, AttributeError) as err:
        raise ValueError(f"no event: {type(err).__name__}") from err


def is_gone(told: Mapping[str, Any]) -> bool:
    """Deleted, or declined by whose calendar it is."""
    declined = any(
        each.get("self") and each.get("responseStatus") == "declined" for each in told.get("attendees") or ()
    )
    return told.get("status") == "cancelled" or declined


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(value: Mapping[str, str], zone: ZoneInfo) -> datetime:
    if "dateTime" in value:
        found = datetime.fromisoformat(value["dateTime"])
        return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(value["timeZone"]))).astimezone(UTC)
    return datetime.fromisoformat(value["date"]).replace(tzinfo=zone).astimezone(UTC)
