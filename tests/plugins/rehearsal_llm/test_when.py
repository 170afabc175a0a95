from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.plugins.rehearsal_llm import when

MONDAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-11-23"), ("hôm nay", "2026-11-23"), ("chiều nay", "2026-11-23"), ("tonight", "2026-11-23"),
        ("tomorrow", "2026-11-24"), ("ngày mai", "2026-11-24"), ("sáng mai", "2026-11-24"), ("mai nhé", "2026-11-24"),
        ("day after tomorrow", "2026-11-25"), ("ngày kia", "2026-11-25"), ("ngày mốt", "2026-11-25"),
        ("in 3 days", "2026-11-26"), ("Friday", "2026-11-27"), ("thứ sáu", "2026-11-27"), ("thu sau", "2026-11-27"),
        ("thứ 6", "2026-11-27"), ("t6", "2026-11-27"), ("học thử thứ sáu", "2026-11-27"), ("Monday", "2026-11-23"),
        ("thứ hai", "2026-11-23"), ("next Friday", "2026-12-04"), ("thứ sáu tuần sau", "2026-12-04"),
        ("chủ nhật", "2026-11-29"), ("cn", "2026-11-29"), ("next week", "2026-11-30"), ("tuần sau", "2026-11-30"),
        ("25/12", "2026-12-25"), ("25/12/2026", "2026-12-25"), ("12/25", "2026-12-25"), ("3/1", "2027-01-03"),
        ("25 tháng 12", "2026-12-25"), ("ngày 25 tháng 12", "2026-12-25"), ("25 December", "2026-12-25"),
        ("Dec 25th", "2026-12-25"), ("the 25th", "2026-11-25"), ("ngày 20", "2026-12-20"), ("2026-12-01", "2026-12-01"),
        ("Friday 27/11", "2026-11-27"),
    ],
)  # fmt: skip
def test_a_day_is_read_relative_to_today(text: str, day: str) -> None:
    assert [found.isoformat() for found in when.days(text, MONDAY)] == [day]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "em tên Mai", "học phí 3.200.000đ", "31/02", "24/7/2020", "2-3 buổi", "môn toán", "sát trường"],
)
def test_what_names_no_day_to_come_gives_none(text: str) -> None:
    assert when.days(text, MONDAY) == []


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("10:30", {630, 1350}), ("10h30", {630, 1350}), ("10 giờ 30", {630, 1350}), ("10 giờ rưỡi", {630, 1350}),
        ("15:00", {900}), ("3pm", {900}), ("3 p.m.", {900}), ("3 giờ chiều", {900}), ("chiều mai lúc 3 giờ", {900}),
        ("3 rưỡi chiều", {930}), ("half past three", {210, 930}), ("quarter to 4", {225, 945}), ("12am", {0}),
        ("9h sáng", {540}), ("7 giờ tối", {1140}), ("at 3", {180, 900}), ("lúc 9", {540, 1260}), ("10.30am", {630}),
    ],
)  # fmt: skip
def test_a_time_of_day_means_what_it_can_mean(text: str, minutes: set[int]) -> None:
    assert [set(clock.minutes) for clock in when.clocks(text)] == [minutes]


@pytest.mark.parametrize(
    "text", ["tôi muốn hỏi", "toi muon hoi", "giá 3.200.000đ", "25/12", "at 3 people", "99:99", "đổi sang thứ sáu"]
)
def test_what_names_no_time_gives_none(text: str) -> None:
    assert when.clocks(text) == [] and when.part_of_day(text) is None


@pytest.mark.parametrize(
    "text", ["next Tuesday after 5", "15h đi ạ", "Friday at 3pm please", "sáng mai", "thứ hai lúc 9h"]
)
def test_a_time_and_nothing_else_is_known(text: str) -> None:
    assert when.alone(text, MONDAY) and when.named(text, MONDAY)


@pytest.mark.parametrize(
    "text", ["Sunday?", "mai em bận rồi", "see you tomorrow at 3", "thứ bảy có lớp không", "please", "10"]
)
def test_what_says_more_than_a_time_is_not_taken_for_one(text: str) -> None:
    assert not when.alone(text, MONDAY)


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.integers(0, 300))
def test_every_day_ahead_is_read_back_from_how_it_is_written(today: date, ahead: int) -> None:
    day = today + timedelta(days=ahead)
    for text in (f"{day:%d/%m/%Y}", f"{day:%d/%m}", f"{day.day} tháng {day.month}", f"{day:%d %B}", day.isoformat()):
        assert when.days(text, today) == [day], text


@given(st.text(), st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_no_text_gives_a_day_in_the_past_or_an_impossible_time(text: str, today: date) -> None:
    assert all(day >= today for day in when.days(text, today))
    assert all(0 <= minute < 24 * 60 for clock in when.clocks(text) for minute in clock.minutes)
