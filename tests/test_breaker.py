"""The circuit breaker, on a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.breaker import Breaker
from frontdesk.testing.clock import MovableClock


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def opened(clock: MovableClock) -> Breaker:
    breaker = Breaker(clock, threshold=3, seconds=30)
    for _ in range(3):
        assert breaker.admits()
        breaker.failed()
    return breaker


def test_it_opens_after_so_many_failures_in_a_row(clock):
    breaker = Breaker(clock, threshold=3)
    breaker.failed()
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    breaker.failed()
    assert breaker.admits()
    breaker.failed()
    assert breaker.state == "open"
    assert not breaker.admits()


def test_after_its_time_one_call_tries_and_the_others_wait_for_what_comes_of_it(opened, clock):
    clock.advance(29.9)
    assert not opened.admits()
    clock.advance(0.1)
    assert [opened.admits() for _ in range(10)] == [True] + [False] * 9
    opened.succeeded()
    assert opened.state == "closed"
    assert opened.admits()


def test_a_try_that_fails_opens_it_for_as_long_again(opened, clock):
    clock.advance(30)
    assert opened.admits()
    opened.failed()
    clock.advance(29.9)
    assert not opened.admits()
    clock.advance(0.1)
    assert opened.admits()


def test_a_try_that_was_cancelled_leaves_room_for_the_next(opened, clock):
    clock.advance(30)
    assert opened.admits()
    opened.abandoned()
    assert opened.admits()


@given(st.lists(st.sampled_from(["fail", "succeed", "abandon", "wait"]), max_size=60))
def test_whatever_happened_a_success_closes_it_and_time_lets_a_call_try(events):
    clock = MovableClock()
    breaker = Breaker(clock, threshold=3, seconds=30)
    in_a_row = 0
    for event in events:
        if event == "wait":
            clock.advance(10)
        elif breaker.admits():
            {"fail": breaker.failed, "succeed": breaker.succeeded, "abandon": breaker.abandoned}[event]()
            in_a_row = {"fail": in_a_row + 1, "succeed": 0, "abandon": in_a_row}[event]
            assert (breaker.state == "closed") == (in_a_row < 3 or False)
    clock.advance(30)
    assert breaker.admits()
