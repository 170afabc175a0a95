"""Opening hours: a day's spans of time on the tenant's own clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from .problems import shown, wrong
from .settings import Settings

_TIME = r"([01][0-9]|2[0-4]):([0-5][0-9])"
_SPAN = re.compile(rf"{_TIME}-{_TIME}")


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """From opening to closing, in minutes since midnight; closing at 24:00 is 1,440. `str()` is as it was written."""

    opens: int
    closes: int

    def __str__(self) -> str:
        return f"{_clock(self.opens)}-{_clock(self.closes)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _span(value: Any) -> Span:
    if isinstance(value, Span):
        return value
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise wrong(f"found {shown(value)}", 'write opening and closing time, e.g. "08:00-17:30"')
    opens, closes = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if closes > 24 * 60:
        raise wrong(f"{value} closes after 24:00", "the last moment of a day is 24:00")
    if opens >= closes:
        raise wrong(
            f"{value} closes before it opens", "for a night write 18:00-24:00 here and 00:00-02:00 the next day"
        )
    return Span(opens, closes)


def one_or_more(value: Any) -> Any:
    """A single value where a list may stand."""
    return value if isinstance(value, list | tuple) else [value]


def _apart(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    for before, after in pairwise(spans):
        if after.opens < before.closes:
            raise wrong(
                f"{after} begins before {before} has ended", "write the spans of a day in order, without overlap"
            )
    return spans


DaySpan = Annotated[
    Span,
    BeforeValidator(_span),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_SPAN.pattern}$", "examples": ["08:00-17:30"]}),
]
Day = Annotated[
    tuple[DaySpan, ...],
    BeforeValidator(one_or_more, json_schema_input_type=DaySpan | tuple[DaySpan, ...]),
    AfterValidator(_apart),
]


class OpeningHours(Settings):
    """When people are there to answer, by the tenant's clock. A day that is left out is closed."""

    monday: Day = ()
    """Spans such as `["08:00-12:00", "13:30-17:30"]`, or one span; `[]` is closed."""
    tuesday: Day = ()
    """As monday."""
    wednesday: Day = ()
    """As monday."""
    thursday: Day = ()
    """As monday."""
    friday: Day = ()
    """As monday."""
    saturday: Day = ()
    """As monday."""
    sunday: Day = ()
    """As monday."""

    def on(self, weekday: int) -> tuple[Span, ...]:
        """The spans of *weekday*, counted as `date.weekday()` does: 0 is Monday."""
        days = (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday)
        return days[weekday]
