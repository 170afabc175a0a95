"""How much the bot answers before people look: against loops, abuse and conversations without an end."""

from __future__ import annotations

from pydantic import Field

from .settings import Settings


class Limits(Settings):
    """What the bot answers at the most; past it a person is called, and the contact is told that one will come back."""

    answers_in_two_minutes: int = Field(default=20, ge=3, le=1_000)
    """To one contact, in two minutes: whoever writes faster is most likely a program."""
    answers_in_an_hour: int = Field(default=60, ge=3, le=10_000)
    """To one contact, in an hour."""
    answers_in_a_day: int = Field(default=300, ge=3, le=100_000)
    """To one contact, in 24 hours."""
    same_words: int = Field(default=4, ge=2, le=100)
    """The same message so often in a row, each time after an answer, is an automatic reply, and not answered any more."""
    tenant_answers_per_day: int | None = Field(default=None, ge=1, le=10_000_000)
    """To all contacts on one day of the tenant's time zone. Without it: no limit but `spending.per_day`."""
