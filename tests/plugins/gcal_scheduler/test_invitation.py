"""The visit for the contact's own calendar: a file that calendars read, a link, and both after the words that say so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import icalendar

from frontdesk import Appointment, ModelReply, ToolCall
from frontdesk.plugins.gcal_scheduler.invitation import calendar_file, calendar_link

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
VISIT = Appointment(
    id="v1", contact="c", service="Buổi học thử", starts_at=AT, ends_at=AT.replace(hour=9), zone="Asia/Ho_Chi_Minh", moves=2,
    created_at=AT, changed_at=AT,
)  # fmt: skip
PLACE = "Tầng 3, số 88 phố Láng Hạ; Hà Nội"


def test_the_file_is_one_that_replaces_the_one_before() -> None:
    made = icalendar.Calendar.from_ical(calendar_file(VISIT, "Hoa Sen", PLACE, AT))
    (event,) = made.walk("VEVENT")
    assert (event["SUMMARY"], event["LOCATION"]) == ("Buổi học thử – Hoa Sen", PLACE)
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == ("v1@frontdesk", 2, "CONFIRMED")
    assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (AT, AT.replace(hour=9))
    assert all(len(line) <= 75 for line in calendar_file(VISIT, "Hoa Sen", PLACE * 5, AT).split(b"\r\n"))


def test_the_link_names_the_same() -> None:
    asked = parse_qs(urlsplit(calendar_link(VISIT, "Hoa Sen", PLACE)).query)
    assert asked == {
        "action": ["TEMPLATE"],
        "text": ["Buổi học thử – Hoa Sen"],
        "dates": ["20261124T080000Z/20261124T090000Z"],
        "location": [PLACE],
    }


async def test_whoever_has_booked_is_sent_it_after_the_answer_and_once(business: Any) -> None:
    async with business(calendar_file=True, place=PLACE) as school:
        lan = await school.booker()
        id = await lan.slot("24/11 lúc 15:00")
        contact, model = school.server.contact("Lan"), await school.server.plugin("model")
        model.script = [ModelReply(tool_calls=(ToolCall(id="1", name="book", arguments={"slot": id}),)), "Xong rồi ạ."]
        await contact.says("Dạ vâng", id="the-second")
        await contact.hears()
        assert await contact.hears() == "Xong rồi ạ."
        told = await contact.hears()
        assert told.startswith(
            "Lịch hẹn Buổi học thử, 15:00 thứ Ba 24/11. Thêm vào lịch của mình: https://calendar.google.com"
        )
        key = urlsplit(told.rpartition(": ")[2]).path.rpartition("/")[2]
        content_type, content = await school.plugin.media.get(key)
        assert content_type == "text/calendar" and "88 phố Láng Hạ".encode() in content
        await school.server.quiet()
        assert len(await contact.received()) == 3
