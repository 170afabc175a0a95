"""What happened at a tenant, day by day, as it is stored: figures, and which conversations are behind them.

Both are made from messages, turns and records (services/figures.py), hold nothing that anybody wrote, and can be made anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class DayFigures:
    """One day of the tenant's zone. `id` is its date, `2026-11-28`."""

    id: str
    version: int = 1
    zone: str
    """IANA; in another one the day has other messages."""
    begins: datetime
    folded_at: datetime
    """What was so then is in it."""
    counts: dict[str, int] = field(default_factory=dict)
    """Figure → how often. Of a figure that it does not name: none."""
    answers: dict[str, dict[str, int]] = field(default_factory=dict)
    """Local hour → bucket of seconds (services/figures.py) → answers that took so long."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Why people were called → how often."""
    cost: int = 0
    """Millionths of a US dollar, for models."""


@dataclass(frozen=True, kw_only=True)
class FigureCase:
    """A conversation behind a figure of a day. `id` is `date/figure/conversation`."""

    id: str
    version: int = 1
    figure: str
    conversation: str
    at: datetime
    """When it happened there last, on that day."""
    count: int = 1
