"""Whether it pays: sums of the last days."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from .routes import Routes, call


class Range(BaseModel):
    """Of which days."""

    days: Literal["7", "30", "90"] = "30"


class Day(BaseModel):
    """One day in the tenant's zone."""

    day: str
    counts: dict[str, int]
    cost: float


class Shown(BaseModel):
    """What happened at a tenant over the last days."""

    totals: dict[str, int] = Field(description="By figure, e.g. `leads`, `booked`, `showed`.")
    answers: int
    median_seconds: float | None = Field(description="Half of the answers were quicker; null: there were none.")
    p90_seconds: float | None
    handoff_reasons: dict[str, int]
    cost: float = Field(description="Of models, in US dollars.")
    missing: int = Field(description="Days that are not counted yet: ask again in a moment.")
    days: list[Day]


def add(routes: Routes) -> None:
    desk = routes.office.insights

    @routes.get("/insights", tags="insights", role="viewer", query=Range, gives=Shown)
    async def get_insights(query_args: Range) -> Shown:
        """Sums of the last 7, 30 or 90 days, in the tenant's zone, the newest day last."""
        seen = await desk.of(call().tenant, int(query_args.days))
        return Shown(
            totals=dict(seen.totals),
            answers=seen.answers.count,
            median_seconds=seen.answers.median,
            p90_seconds=seen.answers.p90,
            handoff_reasons=dict(seen.reasons),
            cost=seen.cost,
            missing=seen.missing,
            days=[Day(day=each.id, counts=dict(each.counts), cost=each.cost / 1_000_000) for each in seen.days],
        )
