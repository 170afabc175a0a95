"""`self.days`: nobody takes a time twice, from whatever process, on both back ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.records import Taken
from frontdesk.services.days import PluginDays, days_of

from .conftest import OpenStore

ZONE = "Asia/Ho_Chi_Minh"
NINE = datetime(2030, 3, 5, 2, 0, tzinfo=UTC)
DAY = date(2030, 3, 5)


def taken(owner: str, minutes: int = 0, length: int = 30, **more: Any) -> Taken:
    begins = NINE + timedelta(minutes=minutes)
    given: dict[str, Any] = {"key": owner, "owner": owner, "state": "booked", "contact": owner}
    return Taken(**given | {"begins": begins, "ends": begins + timedelta(minutes=length)} | more)


async def keys(days: PluginDays, first: date = DAY, last: date = DAY) -> list[str]:
    return [each.key for each in await days.taken("lan", ZONE, first, last)]


async def test_overlapping_spans_of_any_length_exclude_each_other(open_store: OpenStore) -> None:
    days = PluginDays(await open_store(), "clinic", "diary")
    assert await days.take("lan", ZONE, taken("a", 0, 60))
    for minutes, length in ((0, 60), (30, 15), (-30, 45), (-30, 240), (59, 30)):
        assert not await days.take("lan", ZONE, taken("b", minutes, length))
    assert await days.take("minh", ZONE, taken("b", 0, 60))
    assert await days.take("lan", ZONE, taken("b", 60, 30)) and await days.take("lan", ZONE, taken("c", -30, 30))
    assert await keys(days) == ["c", "a", "b"] == await keys(days, DAY - timedelta(days=200), DAY + timedelta(days=100))
    assert await keys(days, DAY + timedelta(days=1), DAY + timedelta(days=300)) == []
    assert await days.take("lan", ZONE, taken("d", 10, 10), force=True)
    assert await days.free("lan", ZONE, "a", NINE, NINE + timedelta(hours=1))
    assert not await days.free("lan", ZONE, "a", NINE, NINE + timedelta(hours=1))


async def test_a_hold_becomes_what_it_was_held_for_and_a_void_one_is_nobodys(open_store: OpenStore) -> None:
    store = await open_store()
    days = PluginDays(store, "clinic", "diary")
    soon = store.now() + timedelta(minutes=10)
    assert await days.take("lan", ZONE, taken("hold", state="held", until=soon))
    assert not await days.take("lan", ZONE, taken("visit"))
    assert await days.take("lan", ZONE, taken("visit", state="writing"), instead_of=["hold"])
    assert await keys(days) == ["visit"]
    assert await days.take("lan", ZONE, taken("late", 60, state="held", until=store.now() - timedelta(seconds=1)))
    assert await keys(days) == ["visit"] and await days.take("lan", ZONE, taken("next", 60))


async def test_a_class_has_its_seats_and_what_is_no_part_of_it_has_none(open_store: OpenStore) -> None:
    days = PluginDays(await open_store(), "clinic", "diary")
    for number in range(3):
        assert await days.take("lan", ZONE, taken(f"s{number}", share="yoga", seats=3))
    assert not await days.take("lan", ZONE, taken("s3", share="yoga", seats=3))
    assert not await days.take("lan", ZONE, taken("x", share="other", seats=3))
    assert not await days.take("lan", ZONE, taken("x", 15, share="yoga", seats=3))
    assert await days.take("lan", ZONE, taken("s1", share="yoga", seats=3)), "it has its seat already"


async def test_over_midnight_both_days_are_taken_or_none(open_store: OpenStore) -> None:
    days = PluginDays(await open_store(), "clinic", "diary")
    late = taken("night", 14 * 60 + 30, 60)  # 23:30 to 0:30 in Hanoi
    after = DAY + timedelta(days=1)
    assert await days.take("lan", ZONE, taken("early", 15 * 60, 30))  # 0:00
    hold = taken("hold", 14 * 60 + 30, 30, state="held")
    assert await days.take("lan", ZONE, hold)
    assert not await days.take("lan", ZONE, late, instead_of=["hold"])
    assert await keys(days, DAY, after) == ["hold", "early"], "what it would have replaced is there again"
    assert await days.free("lan", ZONE, "early", NINE, NINE + timedelta(days=2))
    assert await days.take("lan", ZONE, late, instead_of=["hold"])
    assert await keys(days, DAY, DAY) == await keys(days, after, after) == await keys(days, DAY, after) == ["night"]
    assert await days.free("lan", ZONE, "night", late.begins, late.ends) and await keys(days, DAY, after) == []


async def test_fifty_who_want_ten_seats_over_two_views_of_the_store(open_store: OpenStore) -> None:
    views = [PluginDays(await open_store(), "clinic", "diary") for _ in range(2)]
    wanted = (views[n % 2].take("lan", ZONE, taken(f"c{n:02}", share="yoga", seats=10)) for n in range(50))
    took = await asyncio.gather(*wanted)
    assert sum(took) == 10 == len(await keys(views[0]))


@pytest.mark.parametrize("wrong", [{"length": 0}, {"length": 60 * 24 * 32}, {"owner": ""}, {"seats": 0}])
async def test_a_span_that_is_none_is_refused(open_store: OpenStore, wrong: dict[str, Any]) -> None:
    days = PluginDays(await open_store(), "clinic", "diary")
    with pytest.raises(ValueError, match=r"days\.take"):
        await days.take("lan", ZONE, taken(**{"owner": "a", **wrong}))


SPAN = st.builds(
    lambda number, begin, length, share: taken(f"o{number}", begin * 5, length * 5, share=share, seats=2 if share else 1),
    st.integers(0, 5), st.integers(0, 12), st.integers(1, 6), st.sampled_from(["", "yoga"]),
)  # fmt: skip


@given(st.lists(SPAN, max_size=12))
def test_whatever_is_asked_for_nobody_is_in_anothers_way(asked: list[Taken]) -> None:
    there: list[Taken] = []
    for each in asked:
        others = [other for other in there if other.key != each.key]
        if each.fits(others):
            there = [*others, each]
    for minute in range(100):
        at = NINE + timedelta(minutes=minute)
        here = [each for each in there if each.begins <= at < each.ends]
        assert len(here) < 2 or (len(here) == 2 and here[0].shares_with(here[1]))


def test_the_days_that_a_span_touches() -> None:
    midnight = datetime(2030, 3, 5, 17, 0, tzinfo=UTC)
    assert list(days_of(NINE, midnight, ZONE)) == [DAY]
    assert list(days_of(NINE, midnight + timedelta(milliseconds=1), ZONE)) == [DAY, DAY + timedelta(days=1)]
