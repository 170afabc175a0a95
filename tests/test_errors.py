"""What a plugin raises says what it means, or is refused where it is made."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk import RetryLater


@pytest.mark.parametrize("after", [math.inf, -math.inf, math.nan, -1, -1e-9, 1e12])
def test_a_retry_after_no_time_at_all_is_refused_in_words(after):
    with pytest.raises(ValueError, match=r"RetryLater: after=.*; write seconds from 0 to"):
        RetryLater("busy", after=after)


@given(st.floats() | st.integers())
def test_a_retry_that_is_accepted_has_a_moment(after):
    try:
        error = RetryLater("bận", after=after)
    except ValueError:
        return
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert now <= now + timedelta(seconds=error.after) < now + timedelta(days=367)
