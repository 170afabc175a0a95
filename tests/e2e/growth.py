"""Whether a series of samples grows steadily: a leak does, however slowly; noise, a filling cache and a peak do not."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

WARM_UP = 1 / 3
"""The part of the time that is not judged: imports, caches and pools fill."""
MOST_POINTS = 200
"""Every pair is looked at: of more samples so many are taken, evenly."""
STEADY = 0.5
"""Of all pairs of samples, how many more must rise than fall (Kendall's tau) before growth is steady."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a series may grow by in the judged time: so much, and so much of its median."""

    amount: float
    part: float = 0.0


@dataclass(frozen=True, slots=True)
class Growth:
    """How a series grew after the warm-up."""

    median: float
    per_hour: float
    """The median of the slopes of all pairs (Theil and Sen)."""
    total: float
    """By that slope, over the judged time."""
    tau: float
    """1: every later sample is higher; 0: as many fall as rise."""
    too_much: bool


def growth(samples: Sequence[tuple[float, float]], allowed: Allowed) -> Growth:
    """Judge (seconds, value) pairs in the order of time. Raises ValueError for fewer than ten after the warm-up."""
    began, ended = samples[0][0], samples[-1][0]
    warm = [sample for sample in samples if sample[0] >= began + (ended - began) * WARM_UP]
    if len(warm) < 10:
        raise ValueError(f"{len(warm)} samples after the warm-up tell nothing; 10 are needed")
    judged = warm[:: -(-len(warm) // MOST_POINTS)]
    pairs = list(combinations(judged, 2))
    slope = statistics.median((v2 - v1) / (t2 - t1) for (t1, v1), (t2, v2) in pairs)
    tau = sum((v2 > v1) - (v2 < v1) for (_, v1), (_, v2) in pairs) / len(pairs)
    median = statistics.median(value for _, value in judged)
    total = slope * (judged[-1][0] - judged[0][0])
    too_much = total > allowed.amount + allowed.part * median and tau > STEADY
    return Growth(median, slope * 3600, total, tau, too_much)
