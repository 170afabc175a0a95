"""When somebody will be there, also across the nights on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from frontdesk.config import OpeningHours
from frontdesk.opening_hours import next_opening, opening_in_words

LONDON, HANOI, APIA = ZoneInfo("Europe/London"), ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Pacific/Apia")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OFFICE = OpeningHours.model_validate({"monday": ["08:30-12:00", "13:30-18:00"], "saturday": "09:00-24:00"})

# Spring and autumn in both halves of the world, half an hour on Lord Howe, and the day that Samoa left out.
CHANGES = [
    ("Europe/London", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/London", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 4, 5, 3, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Asia/Ho_Chi_Minh", datetime(2026, 6, 1, tzinfo=UTC)),
]


def at(zone: ZoneInfo, *when: int) -> datetime:
    return datetime(*when, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ((2026, 11, 23, 7, 0), (2026, 11, 23, 8, 30)),  # Monday, before
        ((2026, 11, 23, 8, 30), (2026, 11, 23, 8, 30)),  # open
        ((2026, 11, 23, 12, 0), (2026, 11, 23, 13, 30)),  # the lunch break
        ((2026, 11, 23, 18, 0), (2026, 11, 28, 9, 0)),  # until Saturday
        ((2026, 11, 28, 23, 59), (2026, 11, 28, 23, 59)),  # 24:00 is the end of the day
        ((2026, 11, 29, 0, 0), (2026, 11, 30, 8, 30)),
    ],
)
def test_the_next_opening_is_now_or_the_next_span(now: tuple[int, ...], opens: tuple[int, ...]) -> None:
    for zone in (LONDON, HANOI):
        assert next_opening(OFFICE, zone, at(zone, *now)) == at(zone, *opens)


def test_a_week_may_pass_and_without_hours_nothing_is_known() -> None:
    mondays = OpeningHours.model_validate({"monday": "08:30-09:00"})
    assert next_opening(mondays, LONDON, at(LONDON, 2026, 11, 23, 9, 0)) == at(LONDON, 2026, 11, 30, 8, 30)
    assert next_opening(OpeningHours(), LONDON, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_on_the_night_of_a_change_the_hours_are_those_of_the_clock_on_the_wall() -> None:
    sundays = OpeningHours.model_validate({"sunday": "10:00-11:00"})
    assert next_opening(sundays, LONDON, at(LONDON, 2026, 3, 28, 12)) == datetime(2026, 3, 29, 9, tzinfo=UTC)
    assert next_opening(sundays, LONDON, at(LONDON, 2026, 10, 24, 12)) == datetime(2026, 10, 25, 10, tzinfo=UTC)
    # 30 December 2011, a Friday, did not happen in Samoa.
    fridays = OpeningHours.model_validate({"friday": "09:00-17:00"})
    assert next_opening(fridays, APIA, at(APIA, 2011, 12, 29, 12)) == at(APIA, 2012, 1, 6, 9)


spans = st.tuples(st.integers(0, 95), st.integers(1, 96)).filter(lambda span: span[0] < span[1])
weeks = st.fixed_dictionaries({}, optional={day: st.lists(spans, min_size=1, max_size=1) for day in DAYS})


def _hours(week: dict[str, list[tuple[int, int]]]) -> OpeningHours:
    clock = "{0:02}:{1:02}".format
    return OpeningHours.model_validate(
        {
            day: [f"{clock(*divmod(a * 15, 60))}-{clock(*divmod(b * 15, 60))}" for a, b in written]
            for day, written in week.items()
        }
    )


@settings(max_examples=150, deadline=None)
@given(weeks, st.sampled_from(CHANGES), st.integers(-4 * 24 * 60, 2 * 24 * 60))
@example({"thursday": [(0, 96)]}, ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)), -1)
@example({"sunday": [(0, 6)]}, ("Europe/London", datetime(2026, 3, 29, 1, tzinfo=UTC)), -15)
def test_nobody_is_sent_away_from_an_open_door_nor_to_a_closed_one(week, change, minutes) -> None:
    """Beside a plain look at the wall clock, every quarter of an hour, of a time that it shows once."""
    zone, now = ZoneInfo(change[0]), change[1] + timedelta(minutes=minutes)
    hours = _hours(week)
    opens = next_opening(hours, zone, now)
    if opens is None:
        assert not week
        return
    assert now <= opens <= now + timedelta(days=15)

    def shown_once(moment: datetime) -> bool:
        wall = moment.astimezone(zone).replace(tzinfo=None)
        return len({wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}) == 1

    def is_open(moment: datetime) -> bool:
        local = moment.astimezone(zone)
        return any(span.opens <= local.hour * 60 + local.minute < span.closes for span in hours.on(local.weekday()))

    clear_of_the_change = abs(opens - change[1]) > timedelta(hours=25)
    assert is_open(opens) or not clear_of_the_change
    moment = now
    while moment < opens:
        after_change = timedelta() <= moment - change[1] < timedelta(hours=25)
        assert not is_open(moment) or not shown_once(moment) or after_change
        moment += timedelta(minutes=15)


@pytest.mark.parametrize(
    ("opens", "vietnamese", "english"),
    [
        ((2026, 11, 23, 13, 30), "vào 13:30 hôm nay", "today at 13:30"),
        ((2026, 11, 24, 8, 0), "vào 08:00 ngày mai", "tomorrow at 08:00"),
        ((2026, 11, 29, 9, 5), "vào 09:05 Chủ nhật", "on Sunday at 09:05"),
        ((2026, 11, 30, 8, 0), "vào 08:00 thứ Hai ngày 30/11", "on Monday 30 November at 08:00"),
    ],
)
def test_an_opening_is_said_as_people_say_it(opens: tuple[int, ...], vietnamese: str, english: str) -> None:
    now = at(HANOI, 2026, 11, 23, 12)
    assert opening_in_words(at(HANOI, *opens), HANOI, now, "vi") == vietnamese
    assert opening_in_words(at(HANOI, *opens), HANOI, now, "en-GB") == english


def test_today_is_the_tenants_and_another_language_gets_figures() -> None:
    now = datetime(2026, 11, 22, 18, tzinfo=UTC)  # 01:00 on Monday in Hanoi
    opens = at(HANOI, 2026, 11, 23, 8)
    assert opening_in_words(opens, HANOI, now, "vi") == "vào 08:00 hôm nay"
    assert opening_in_words(opens, HANOI, now, "fr") == "2026-11-23 08:00"
