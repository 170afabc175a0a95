"""What somebody else wrote, times and numbers on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.cli.output import duration, moment, one_line, phone, table, tame

NOW = datetime(2026, 11, 22, 7, 32, tzinfo=UTC)
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


@given(st.text())
def test_nothing_anybody_writes_reaches_the_terminal_as_a_control(text: str) -> None:
    assert not any(char in tame(text) for char in "\x1b\x07\x08\r\x9b\u202e\x7f")
    assert len(one_line(text)) <= 60
    assert "\n" not in one_line(text)


def test_vietnamese_and_emoji_stay_as_they_are() -> None:
    assert tame("Học phí bao nhiêu ạ? 👩‍🎓") == "Học phí bao nhiêu ạ? 👩‍🎓"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (7200, "2 h"),
        (86_400, "1 day"),
        (180_000, "2 days"),
    ],
)
def test_lengths_of_time_are_said_in_their_largest_unit(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_times_are_told_in_the_tenants_zone_and_how_long_ago() -> None:
    assert moment(NOW - timedelta(minutes=5), NOW, HANOI) == "14:27 (5 min ago)"
    assert moment(NOW - timedelta(hours=15), NOW, HANOI) == "21 Nov 23:32 (15 h ago)"
    assert moment(None, NOW, HANOI) == ""


def test_phone_numbers_have_the_spaces_of_their_country() -> None:
    assert phone("+84912345678") == "+84 912 345 678"
    assert phone("no number\x1b") == "no number�"


def test_columns_are_as_wide_as_what_is_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    table(("A", "B"), [("xx", "y"), ("z", "")])
    assert capsys.readouterr().out == "A   B\nxx  y\nz\n"
