"""A visit for the contact's own calendar: a file (RFC 5545) and a link that Google Calendar understands."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from frontdesk import Appointment

CONTENT_TYPE = "text/calendar"


def calendar_file(there: Appointment, business: str, place: str, now: datetime) -> bytes:
    """The visit as an .ics file. Of one that was moved, the file replaces the one before (same UID, higher SEQUENCE)."""
    from icalendar import Calendar, Event  # only whoever has booked needs it

    event = Event()
    event.add("uid", f"{there.id}@frontdesk")
    event.add("sequence", there.moves)
    event.add("dtstamp", now)
    event.add("dtstart", there.starts_at)
    event.add("dtend", there.ends_at)
    event.add("summary", f"{there.service} – {business}")
    event.add("status", "CANCELLED" if there.state == "cancelled" else "CONFIRMED")
    if place:
        event.add("location", place)
    calendar = Calendar()
    calendar.add("prodid", "-//Frontdesk//gcal_scheduler//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def calendar_link(there: Appointment, business: str, place: str) -> str:
    """A page on which the visit is one touch away from being in a Google Calendar; nothing is told to Google before."""
    span = "/".join(f"{at:%Y%m%dT%H%M%SZ}" for at in (there.starts_at, there.ends_at))
    about = {"action": "TEMPLATE", "text": f"{there.service} – {business}", "dates": span}
    return (
        f"https://calendar.google.com/calendar/render?{urlencode({**about, **({'location': place} if place else {})})}"
    )
