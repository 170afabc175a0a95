"""Whether a series of samples grows steadily: a leak does, however slowly; noise, a peak and a step do not."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

Samples = Sequence[tuple[float, float]]
"""(seconds, value) in the order of time."""

WARM_UP = 1 / 3
"""The part of the time that is not judged: imports, caches and pools fill."""
MOST_POINTS = 200
"""Every pair is looked at: of more samples so many are taken, evenly."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a series may grow by in the judged time: so much, and so much of its median."""

    amount: float
    part: float = 0.0


@dataclass(frozen=True, slots=True)
class Growth:
    """How a series grew after the warm-up: as in the half of that time in which it grew less, for a leak grows in both."""

    median: float
    per_hour: float
    total: float
    """At that pace over all of the judged time."""
    too_much: bool


def growth(samples: Samples, allowed: Allowed) -> Growth:
    """Judge a series. Raises ValueError for fewer than ten samples after the warm-up."""
    began, ended = samples[0][0], samples[-1][0]
    warm = [sample for sample in samples if sample[0] >= began + (ended - began) * WARM_UP]
    if len(warm) < 10:
        raise ValueError(f"{len(warm)} samples after the warm-up tell nothing; 10 are needed")
    judged = warm[:: -(-len(warm) // MOST_POINTS)]
    middle = len(judged) // 2
    slope = min(_slope(judged[:middle]), _slope(judged[middle:]))
    median = statistics.median(value for _, value in judged)
    total = slope * (judged[-1][0] - judged[0][0])
    return Growth(median, slope * 3600, total, total > allowed.amount + allowed.part * median)


def _slope(samples: Samples) -> float:
    """By Theil and Sen: the median of the slopes of all pairs, which neither a peak nor a step moves much."""
    return statistics.median((v2 - v1) / (t2 - t1) for (t1, v1), (t2, v2) in combinations(samples, 2))
