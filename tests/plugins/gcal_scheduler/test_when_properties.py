"""What holds for every text, zone and moment, also where clocks are set forward and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from frontdesk.plugins.gcal_scheduler.when import Heard, Span, hear

ZONES = [
    "Asia/Ho_Chi_Minh", "UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Africa/Cairo", "Asia/Beirut",
    "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "Africa/Casablanca",
]  # fmt: skip
"""Gaps at midnight (Cairo, Beirut, Santiago), of half an hour (Lord Howe), at both ends of the date line."""
CHANGES = [
    datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 9, 6, 4, tzinfo=UTC), datetime(2026, 4, 23, 22, tzinfo=UTC),
    datetime(2026, 10, 29, 21, tzinfo=UTC), datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
]  # fmt: skip
SAID = [
    text
    for group in yaml.load(Path(__file__).with_name("when_heard.yaml").read_text("utf-8"), Loader=yaml.CBaseLoader)
    for text in group["heard"]
]
EN = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
VI = ["thứ hai", "thứ ba", "thứ tư", "thứ năm", "thứ sáu", "thứ bảy", "chủ nhật"]

REFUSALS = [
    "not {}", "không phải {}", "trừ {}", "I can't do {}", "{} em bận", "{} không được", "{} doesn't work", "em không đi {}",
    "{} em không qua", "em không rảnh {}", "I won't be free on {}",
]  # fmt: skip

zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.one_of(
    st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.tuples(st.sampled_from(CHANGES), st.integers(-3000, 3000)).map(
        lambda pair: pair[0] + timedelta(minutes=pair[1])
    ),
)
texts = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.one_of(
            st.sampled_from(SAID), st.sampled_from(["hoặc", "or", ",", "không", "not", "and", ".", "từ", "đến", "3"])
        ),
        max_size=4,
    ).map(" ".join),
)


def instants(found: Heard) -> list[tuple[datetime, datetime]]:
    return [(span.begin.astimezone(UTC), span.end.astimezone(UTC)) for span in found.spans]


def is_skipped(local: datetime) -> bool:
    there = local.astimezone(UTC).astimezone(local.tzinfo)
    return there.replace(tzinfo=None) != local.replace(tzinfo=None)


@settings(max_examples=120, deadline=None)
@given(texts, moments, zones, st.sampled_from(["vi", "en", "fr"]), st.integers(0, 6))
def test_what_is_heard_is_in_order_and_to_come(
    text: str, now: datetime, zone: ZoneInfo, language: str, week_starts: int
):
    found = hear(text, now, zone=zone, language=language, week_starts=week_starts)
    spans = instants(found)
    assert bool(spans) != bool(found.problem)
    assert all(span.begin.tzinfo is zone and span.end.tzinfo is zone for span in found.spans)
    assert all(now <= begin < end for begin, end in spans)
    assert all(one[1] <= after[0] for one, after in zip(spans, spans[1:], strict=False)), "in order, none over another"
    assert not found.exact or [end - begin for begin, end in spans] == [timedelta(minutes=1)]
    assert not found.detail or found.problem
    assert hear(text, now, zone=zone, language=language, week_starts=week_starts) == found


@settings(max_examples=80, deadline=None)
@given(
    moments,
    zones,
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["tomorrow at {}", "mai lúc {}", "{} ngày mai"]),
)
def test_a_named_time_is_that_of_the_wall_clock(now: datetime, zone: ZoneInfo, hour: int, minute: int, said: str):
    said_hour = f"{hour:02}:{minute:02}"
    assume(hour == 0 or hour > 12)
    found = hear(said.format(said_hour), now, zone=zone, language="en")
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    meant = datetime.combine(tomorrow, time(hour, minute), zone)
    if is_skipped(meant):
        assert (found.problem, found.detail) == ("impossible", f"{tomorrow}T{said_hour}")
    else:
        assert found.exact and instants(found)[0][0] == meant.astimezone(UTC)


@settings(max_examples=50, deadline=None)
@given(moments, zones)
def test_a_day_is_as_long_as_it_is_there(now: datetime, zone: ZoneInfo):
    (begin, end), *more = instants(hear("ngày mai", now, zone=zone, language="vi"))
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    assert not more and begin.astimezone(zone).date() == tomorrow
    assert (begin - timedelta(seconds=1)).astimezone(zone).date() < tomorrow
    assert (
        end.astimezone(zone).date()
        > tomorrow
        > (end - timedelta(seconds=1)).astimezone(zone).date() - timedelta(days=1)
    )


@settings(max_examples=50, deadline=None)
@given(moments, zones, st.integers(1, 23))
def test_hours_from_now_are_hours_that_pass(now: datetime, zone: ZoneInfo, hours: int):
    for said in (f"in {hours} hours", f"{hours} tiếng nữa"):
        (span,) = instants(hear(said, now, zone=zone, language="en"))
        assert span == (now + timedelta(hours=hours), now + timedelta(hours=hours + 1))


def test_an_hour_that_comes_twice_is_the_first_and_then_the_second():
    zone = ZoneInfo("Europe/Berlin")
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert instants(hear("today 2:30 am", first - timedelta(hours=1), zone=zone, language="en"))[0][0] == first
    assert instants(hear("today 2:30 am", first + timedelta(minutes=1), zone=zone, language="en"))[0][0] == second
    assert hear("today 2:30 am", second + timedelta(minutes=1), zone=zone, language="en").problem == "past"


def test_hours_around_a_gap_are_what_is_left_of_them():
    zone, before = ZoneInfo("Europe/Berlin"), datetime(2026, 3, 28, 12, tzinfo=UTC)
    found = hear("tomorrow from 1am to 5am", before, zone=zone, language="en")
    assert found.spans == (
        Span(begin=datetime(2026, 3, 29, 1, tzinfo=zone), end=datetime(2026, 3, 29, 5, tzinfo=zone)),
    )
    assert instants(found)[0][1] - instants(found)[0][0] == timedelta(hours=3)
    inside = hear("tomorrow from 2:10am to 2:50am", before, zone=zone, language="en")
    assert (inside.problem, inside.detail) == ("impossible", "2026-03-29T02:10")


@settings(max_examples=50, deadline=None)
@given(moments, zones, st.integers(0, 6))
def test_a_weekday_is_the_same_in_both_languages(now: datetime, zone: ZoneInfo, weekday: int):
    numbered = [f"thứ {weekday + 2}", f"t{weekday + 2}"] if weekday < 6 else ["cn"]
    names = [EN[weekday], EN[weekday].lower(), VI[weekday], *numbered]
    for frame in ("{}", "{} tuần sau", "next {}", "chiều {}"):
        found = {hear(frame.format(name), now, zone=zone, language="vi").spans for name in names}
        assert len(found) == 1
        assert all(span.begin.weekday() == weekday for span in found.pop())


@settings(max_examples=60, deadline=None)
@given(moments, zones, st.integers(1, 400))
def test_a_date_is_that_date_however_it_is_written(now: datetime, zone: ZoneInfo, ahead: int):
    day = now.astimezone(zone).date() + timedelta(days=ahead)
    written = [
        f"{day}",
        f"{day:%d/%m/%Y}",
        f"{day.day}-{day.month}-{day.year}",
        f"ngày {day.day} tháng {day.month} năm {day.year}",
        f"{day:%B} {day.day}, {day.year}",
        f"{day.day} {day:%b} {day.year}",
    ]
    for text in written:
        assert [span.begin.date() for span in hear(text, now, zone=zone, language="en").spans] == [day], text


@settings(max_examples=60, deadline=None)
@given(moments, zones, st.integers(0, 6), st.sampled_from(REFUSALS))
def test_what_was_refused_is_never_meant(now: datetime, zone: ZoneInfo, weekday: int, frame: str):
    for name in (EN[weekday], VI[weekday]):
        refused = hear(frame.format(name), now, zone=zone, language="vi")
        assert (refused.problem, refused.detail) == ("unclear", "not")
        rest = hear(f"next week, but {frame.format(name)}", now, zone=zone, language="vi")
        assert rest.spans and all(day.weekday() != weekday for span in rest.spans for day in days_of(span))


def days_of(span: Span) -> list[date]:
    last = (span.end.astimezone(UTC) - timedelta(seconds=1)).astimezone(span.end.tzinfo).date()
    return [span.begin.date() + timedelta(days=n) for n in range((last - span.begin.date()).days + 1)]


@pytest.mark.parametrize(
    "text", ["mai " * 400, "2h " * 400, "1-" * 800, "thứ 2, " * 300, "not Monday, " * 200, "\u0301" * 2000]
)
def test_no_text_is_too_much(text: str):
    hear(text, CHANGES[0], zone=ZoneInfo("UTC"), language="vi")
