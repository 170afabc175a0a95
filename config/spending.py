"""What a tenant's models may cost."""

from __future__ import annotations

from pydantic import Field

from .settings import Settings


class Spending(Settings):
    """How much the models may cost on one day, in US dollars."""

    per_day: float | None = Field(
        default=None, gt=0, le=1_000_000, allow_inf_nan=False, json_schema_extra={"form": "money"}
    )
    """The most that a day of the tenant's time zone may cost, by the list prices or those written at the model. Without it:
    no ceiling."""
    first_models: float = Field(default=0.8, gt=0, le=1, allow_inf_nan=False)
    """The share of it that a plugin's first model may use; what is left is for the cheaper models behind it."""
