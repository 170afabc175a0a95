"""Time is aware UTC in whole milliseconds, on the machine's clock and on the one that tests move."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.clock import SystemClock, milliseconds, system_clock
from frontdesk.store.codec import time_of
from frontdesk.testing.clock import MovableClock

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime.fromisoformat("1971-01-01"), datetime.fromisoformat("2200-01-01"), timezones=ZONES))
def test_moments_are_cut_to_whole_milliseconds_in_utc(moment):
    kept = milliseconds(moment)
    assert kept.tzinfo is UTC
    assert kept.microsecond % 1000 == 0
    assert timedelta() <= moment - kept < timedelta(milliseconds=1)
    assert milliseconds(kept) == kept


def test_a_time_without_a_zone_is_a_bug():
    with pytest.raises(ValueError, match="a time without a zone"):
        milliseconds(datetime(2026, 1, 1))  # noqa: DTZ001  the point


async def test_the_machines_clock_goes_on():
    clock = SystemClock()
    before, moment = clock.monotonic(), clock.now()
    await clock.sleep(0.01)
    await clock.sleep(-1)
    assert clock.monotonic() >= before + 0.01
    assert clock.now() > moment == milliseconds(moment)


@given(st.integers(0, 7_258_118_400_000_000_000))
def test_what_the_machine_reads_is_cut_and_not_rounded(nanoseconds):
    with patch("frontdesk.clock.time.time_ns", lambda: nanoseconds):
        assert SystemClock().now() == time_of(nanoseconds // 1_000_000)


@pytest.mark.parametrize("ahead", [60, -60])
def test_a_clock_can_be_made_wrong_for_tests(ahead):
    right, wrong = system_clock({}), system_clock({"FRONTDESK_CLOCK_AHEAD": str(ahead)})
    assert abs(wrong.now() - right.now() - timedelta(seconds=ahead)) < timedelta(seconds=1)
    assert abs(wrong.monotonic() - right.monotonic()) < 1


@pytest.mark.parametrize("ahead", ["a minute", "nan", "inf", ""])
def test_a_wrong_clock_is_wrong_by_seconds(ahead):
    with pytest.raises(ValueError, match=f"FRONTDESK_CLOCK_AHEAD={ahead}: write the seconds"):
        system_clock({"FRONTDESK_CLOCK_AHEAD": ahead})


async def test_the_movable_clock_stands_still_and_wakes_sleepers_in_order():
    clock, woken = MovableClock(), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (3, 1, 2):
            group.create_task(sleeper(seconds))
        cancelled = group.create_task(sleeper(0.5))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        assert clock.next_sleeper() == 1
        start = clock.now()
        clock.advance(2.5)
        await asyncio.sleep(0)
        assert woken == [1, 2]
        assert clock.now() - start == timedelta(seconds=2.5)
        clock.advance(1)
    assert woken == [1, 2, 3]
    assert clock.next_sleeper() is None
