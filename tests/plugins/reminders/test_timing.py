"""When a reminder goes: at a good hour of the place, before it is too late, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.plugins.reminders.timing import LEAST, Quiet, later, plan

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NIGHT = Quiet(time(21), time(8), HANOI)
DAY, TWO_HOURS = timedelta(hours=24), timedelta(hours=2)
MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
ZONES = ["Asia/Ho_Chi_Minh", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]


def hanoi(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HANOI)


@pytest.mark.parametrize(
    ("starts", "before", "booked", "goes", "reason"),
    [
        ("2026-12-02 14:00", DAY, "2026-11-28 10:00", "2026-12-01 14:00", ""),
        ("2026-12-02 14:00", TWO_HOURS, "2026-11-28 10:00", "2026-12-02 12:00", ""),
        ("2026-12-02 08:30", TWO_HOURS, "2026-11-28 10:00", "2026-12-01 20:59", ""),  # 06:30 is too early for anybody
        ("2026-12-02 22:30", DAY, "2026-11-28 10:00", "2026-12-01 20:59", ""),
        ("2026-12-02 22:30", DAY, "2026-12-01 21:30", "2026-12-02 08:00", ""),  # it was night when it was booked
        ("2026-12-02 08:30", TWO_HOURS, "2026-12-01 22:00", "", "quiet hours"),
        ("2026-12-02 14:00", DAY, "2026-12-02 09:00", "", "booked later"),
        ("2026-12-02 14:00", TWO_HOURS, "2026-12-02 12:00", "", "booked later"),
    ],
)
def test_it_goes_at_a_good_hour(starts: str, before: timedelta, booked: str, goes: str, reason: str) -> None:
    planned = plan(hanoi(starts), before, hanoi(booked), NIGHT)
    if goes:
        assert (planned.at, planned.reason) == (hanoi(goes).astimezone(UTC), "")
    else:
        assert reason in planned.reason


@given(
    starts=MOMENTS,
    ahead=st.timedeltas(timedelta(minutes=1), timedelta(days=60)),
    before=st.timedeltas(timedelta(minutes=20), timedelta(days=7)),
    begins=st.times(),
    ends=st.times(),
    zone=st.sampled_from(ZONES),
)
def test_it_never_goes_in_the_quiet_hours_nor_too_late_nor_before_the_booking(
    starts: datetime, ahead: timedelta, before: timedelta, begins: time, ends: time, zone: str
) -> None:
    quiet = Quiet(begins.replace(second=0, microsecond=0), ends.replace(second=0, microsecond=0), ZoneInfo(zone))
    booked = starts - ahead
    planned = plan(starts, before, booked, quiet)
    if planned.reason:
        return
    assert booked < planned.at < planned.until <= max(starts - LEAST, starts - before)
    assert quiet.around(planned.at) is None


@given(
    at=MOMENTS,
    zone=st.sampled_from(ZONES),
)
def test_after_the_quiet_hours_it_is_not_quiet(at: datetime, zone: str) -> None:
    quiet = Quiet(time(21), time(8), ZoneInfo(zone))
    assert at <= later(at, quiet) <= at + timedelta(hours=13)
    assert quiet.around(later(at, quiet)) is None


def test_over_the_change_of_clocks_the_hours_are_those_of_the_wall() -> None:
    quiet = Quiet(time(21), time(8), ZoneInfo("Europe/London"))
    spring = datetime(2026, 3, 29, 6, 59, tzinfo=UTC)  # 07:59 British Summer Time
    assert quiet.around(spring) is not None and quiet.around(spring + timedelta(minutes=1)) is None
    assert quiet.around(datetime(2026, 3, 28, 7, 59, tzinfo=UTC)) is not None  # 07:59 Greenwich Mean Time
    assert quiet.around(datetime(2026, 3, 28, 8, 0, tzinfo=UTC)) is None


def test_without_quiet_hours_it_goes_when_it_is_due() -> None:
    never = Quiet(time(0), time(0), HANOI)
    assert plan(hanoi("2026-12-02 08:30"), TWO_HOURS, hanoi("2026-11-28 10:00"), never).at == hanoi("2026-12-02 06:30")
