"""Whether it pays: one page, one glance; every number opens the conversations behind it, every chart its table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from quart import Response, abort, request

from frontdesk.services.insights import RANGES, Insights
from frontdesk.services.office import Office

from .gate import Pages
from .language import _, dates, mark, span

FIGURES: Mapping[str, str] = {
    "conversations": mark("Conversations"),
    "new": mark("New contacts"),
    "answered": mark("Answers of the bot"),
    "slow": mark("Answers after more than a minute"),
    "handoff": mark("A person was called"),
    "untrue": mark("The truth check stepped in"),
    "parked": mark("The bot could not answer"),
    "undelivered": mark("Did not arrive"),
    "lead": mark("Leads"),
    "booked": mark("Booked"),
    "reminded": mark("Reminded"),
    "showed": mark("Came"),
    "no_show": mark("Did not come"),
    "cancelled": mark("Cancelled"),
}
"""Figure → its name; each has the conversations behind it."""
REASONS: Mapping[str, str] = {
    "asked": mark("The bot called a person, as it was told to"),
    "untrue": mark("It wanted to say what nothing bears out"),
    "no_model": mark("No model gave an answer"),
}


def add(pages: Pages, office: Office) -> None:
    """The page, and the conversations behind a figure."""
    desk = office.insights

    def days() -> int:
        asked = request.args.get("days", "")
        return int(asked) if asked in map(str, RANGES) else 30

    @pages.tenant_page("/insights", role="viewer")
    async def insights_page() -> Response:
        seen = await desk.of(pages.here().business.id, days())
        values: dict[str, Any] = {"seen": seen, "days": days(), "ranges": RANGES, "names": FIGURES, "reasons": REASONS}
        return await pages.render("insights/page.html", charts=charts(seen, pages.here().zone), lasted=lasted, **values)

    @pages.tenant_page("/insights/<figure>", role="viewer")
    async def insights_cases(figure: str) -> Response:
        if figure not in FIGURES:
            abort(404)
        after = request.args.get("after", "")
        cases, more = await desk.cases(pages.here().business.id, figure, days(), after)
        name = FIGURES[figure]
        values: dict[str, Any] = {"cases": cases, "more": more, "after": after, "figure": figure, "name": name}
        return await pages.render("insights/cases.html", days=days(), ranges=RANGES, **values)


def charts(seen: Insights, zone: ZoneInfo) -> dict[str, dict[str, Any]]:
    """What insights.js draws, and the tables beside it: `labels`, and of each series `name`, `values` and `colour`."""
    labels = [format_date(day.begins.astimezone(zone).date(), "d MMM", locale=dates()) for day in seen.days]
    hours = [f"{hour}:00" for hour in range(24)]

    def counts(figure: str) -> list[int]:
        return [day.counts.get(figure, 0) for day in seen.days]

    def seconds(which: str) -> list[float | None]:
        found = [getattr(seen.by_hour[hour], which) for hour in range(24)]
        return [None if value is None else round(value, 1) for value in found]

    cost = [round(day.cost / 1_000_000, 4) for day in seen.days]
    return {
        "traffic": {
            "labels": labels,
            "series": [
                {"name": _("Conversations"), "values": counts("conversations"), "colour": "accent"},
                {"name": _("New contacts"), "values": counts("new"), "colour": "cool"},
            ],
        },
        "answers": {
            "labels": hours,
            "series": [
                {"name": _("Half are faster (seconds)"), "values": seconds("median"), "colour": "accent"},
                {"name": _("9 of 10 are faster (seconds)"), "values": seconds("p90"), "colour": "cool"},
            ],
        },
        "people": {
            "labels": labels,
            "series": [
                {"name": _("A person was called"), "values": counts("handoff"), "colour": "warn"},
                {"name": _("The bot could not answer"), "values": counts("parked"), "colour": "alarm"},
                {"name": _("The truth check stepped in"), "values": counts("untrue"), "colour": "cool"},
            ],
            "stacked": True,
        },
        "cost": {
            "labels": labels,
            "series": [
                {"name": _("Cost (USD)"), "values": cost, "colour": "accent"},
                *(
                    [
                        {
                            "name": _("Ceiling (USD)"),
                            "values": [seen.ceiling] * len(cost),
                            "colour": "alarm",
                            "line": True,
                        }
                    ]
                    if seen.ceiling is not None
                    else []
                ),
            ],
        },
    }


def lasted(seconds: float | None) -> str:
    """So many seconds, in words; a dash for none."""
    if seconds is None:
        return "–"
    return span(timedelta(seconds=round(seconds))) if seconds >= 1 else _("under a second")
