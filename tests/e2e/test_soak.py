"""The soak's judgement of growth; and, among the slow tests, a short soak."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .growth import Allowed, growth
from .soak import soak

NOISE = random.Random(1)
HALF_AN_HOUR = range(0, 1800, 5)
ALLOWED = Allowed(10.0, 0.05)


def series(per_hour: float, start: float = 100.0) -> list[tuple[float, float]]:
    """Memory that grows by so much an hour, under noise, with a peak now and then, after a steep warm-up."""
    return [
        (
            second,
            start
            - 60 * max(0, 1 - second / 500)
            + per_hour * second / 3600
            + NOISE.gauss(0, 3)
            + 50 * (second % 400 == 0),
        )
        for second in HALF_AN_HOUR
    ]


def test_a_leak_is_seen_under_noise_and_peaks() -> None:
    found = growth(series(per_hour=60), ALLOWED)
    assert found.too_much
    assert found.per_hour == pytest.approx(60, rel=0.15)


@pytest.mark.parametrize("per_hour", [0, -60, 10])
def test_what_is_level_falls_or_hardly_grows_is_no_leak(per_hour: float) -> None:
    assert not growth(series(per_hour), ALLOWED).too_much


def test_one_step_is_no_steady_growth() -> None:
    for at in (650, 900, 1200, 1500, 1750):
        step = [(second, 100.0 + 30 * (second > at) + NOISE.gauss(0, 1)) for second in HALF_AN_HOUR]
        assert not growth(step, ALLOWED).too_much, at


def test_handles_that_are_left_open_one_by_one_are_seen() -> None:
    left = [(second, 40.0 + second // 150) for second in HALF_AN_HOUR]
    assert growth(left, Allowed(5.0)).too_much
    assert not growth([(second, 40.0) for second in HALF_AN_HOUR], Allowed(5.0)).too_much


def test_too_short_a_run_is_not_judged() -> None:
    with pytest.raises(ValueError, match="10 are needed"):
        growth([(second, 1.0) for second in range(10)], ALLOWED)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_server_under_steady_load_keeps_its_size_and_its_promises(tmp_path: Path) -> None:
    report = await soak(1.0, tmp_path, people=20, rate=2.0)
    print(report)
    assert not report.failed, report
    assert report.accepted > 100 and report.deeds and report.taken_over and report.pages and report.reloads
