"""How long a tenant's documents are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from .fields import Duration, duration_text
from .problems import wrong
from .settings import Settings

REPEATED_FOR = timedelta(days=30)
"""A message that is gone would be answered again if its webhook came again. Providers repeat one within minutes, and what
was missed is asked for within days."""


def _at_least(least: timedelta, why: str = "") -> AfterValidator:
    def check(value: timedelta) -> timedelta:
        if value < least:
            raise wrong(f"found {duration_text(value)}", f"write at least {duration_text(least)}{why}")
        return value

    return AfterValidator(check)


ForADay = Annotated[Duration, _at_least(timedelta(days=1))]
ForAMonth = Annotated[
    Duration, _at_least(REPEATED_FOR, ": a provider may send a message again, and one that is gone is answered again")
]


class Retention(Settings):
    """How long what is over is kept, e.g. `365 d`. What waits, or is being worked on, stays whatever its age."""

    messages: ForAMonth | None = None
    """Messages that are answered, or sent, or given up, and summaries of them; at least `30 d`. Without it: for good."""
    turns: ForADay | None = None
    """How the bot came to its answers. Without it: for good."""
    notes: ForADay | None = None
    """Notes to operators. Without it: for good."""
    appointments: ForADay | None = None
    """Appointments that have passed. Without it: for good."""
    audit: ForADay | None = None
    """Who changed what through the screens and the API. Without it: for good."""
    tasks: ForADay = timedelta(days=30)
    """Tasks that are done, have failed, or were cancelled."""
