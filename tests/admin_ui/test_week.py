"""Where an appointment stands in a week, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from frontdesk.admin_ui.week import LANES, bounds, monday, week
from frontdesk.records import Appointment

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 10, 1, tzinfo=UTC)


def at(text: str, minutes: int = 60, id: str = "a") -> Appointment:
    """One that starts at this moment, in UTC."""
    starts = datetime.fromisoformat(text).replace(tzinfo=UTC)
    times: dict[str, Any] = {"starts_at": starts, "ends_at": starts + timedelta(minutes=minutes)}
    return Appointment(id=id, contact="c", zone="Europe/London", created_at=NOW, changed_at=NOW, **times)


def test_a_week_in_which_the_clocks_go_back_has_all_its_hours() -> None:
    first = monday(date(2026, 10, 25))
    begin, end = bounds(first, LONDON)
    assert (first, end - begin) == (date(2026, 10, 19), timedelta(days=7, hours=1))
    once, again = at("2026-10-25T00:30", 30, "once"), at("2026-10-25T01:30", 30, "again")
    over = at("2026-10-25T00:45", 60, "over")
    last = at("2026-10-25T23:30", 30, "last")
    shown = week(first, LONDON, [once, again, over, last])
    sunday = shown.days[6]
    assert sunday.clocks == timedelta(hours=-1)
    places = {block.appointment.id: block for block in sunday.blocks}
    # Both are at 01:30 by the clock on the wall; they stand beside each other and say which of the two it is.
    assert (places["once"].first, places["again"].first) == (6, 6)
    assert places["once"].lane != places["again"].lane and places["once"].twice and places["again"].twice
    assert (places["once"].starts_at.tzname(), places["again"].starts_at.tzname()) == ("BST", "GMT")
    assert (places["over"].first, places["over"].length) == (7, 4)
    assert (places["last"].first, places["last"].length) == (94, 2) and not places["last"].twice
    assert (shown.from_hour, shown.to_hour) == (1, 24)


def test_a_week_in_which_the_clocks_go_forward_has_one_hour_less() -> None:
    first = monday(date(2026, 3, 29))
    begin, end = bounds(first, LONDON)
    assert end - begin == timedelta(days=6, hours=23)
    shown = week(first, LONDON, [at("2026-03-29T00:30", 60), at("2026-03-28T09:00", 60, "before")])
    sunday = shown.days[6]
    assert sunday.clocks == timedelta(hours=1)
    (block,) = sunday.blocks  # 00:30 to 02:30 by the clock, though it is one hour
    assert (block.first, block.length) == (2, 8)
    (saturday,) = shown.days[5].blocks
    assert (saturday.first, saturday.length) == (36, 4)


def test_what_goes_over_midnight_stands_on_both_days_and_nothing_of_it_beside_the_week() -> None:
    first = date(2026, 6, 1)
    shown = week(
        first, LONDON, [at("2026-06-02T22:30", 90), at("2026-05-31T21:00", 60, "sunday"), at("2026-06-08T08:00")]
    )
    assert [len(day.blocks) for day in shown.days] == [0, 1, 1, 0, 0, 0, 0]
    (late,) = shown.days[1].blocks
    assert (late.first, late.length) == (94, 2)
    (early,) = shown.days[2].blocks
    assert (early.first, early.length) == (0, 4)
    assert not shown.days[6].blocks


@pytest.mark.parametrize("count", [2, 3, 9])
def test_what_overlaps_stands_side_by_side_as_far_as_there_is_room(count: int) -> None:
    shown = week(date(2026, 6, 1), LONDON, [at("2026-06-02T09:00", 60, str(each)) for each in range(count)])
    blocks = shown.days[1].blocks
    assert shown.days[1].all == count
    assert {block.lanes for block in blocks} == {min(count, LANES)}
    assert len({block.lane for block in blocks}) == len(blocks) == min(count, LANES)
    assert sum(block.others for block in blocks) == (count - LANES + 1 if count > LANES else 0)
