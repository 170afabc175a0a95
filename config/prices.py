"""What models cost: the list prices in prices.yaml, by the model's id."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

import yaml
from pydantic import Field

from .settings import Settings

MILLION = 1_000_000
NOT_GLOBAL = 1.1
"""What a model costs by another than its global profile, where there is one."""
_GLOBAL = "global."
_PROFILE = re.compile(r"^(?:arn:[^/]*/)?((?:us-gov|us|eu|apac|au|jp|ca|global)\.)?")
"""In front of a model's id: the ARN, and the geography of an inference profile."""
_VERSION = re.compile(r"(?:-\d{8})?(?:-v\d+)?(?::\d+)?(?::\d+k)?$")
"""Behind it: the date and the version."""


class Price(Settings):
    """What a model costs, in US dollars for a million tokens."""

    input: float = Field(ge=0, le=10_000)
    """What it reads."""
    output: float = Field(ge=0, le=10_000)
    """What it writes."""
    cache_read: float | None = Field(default=None, ge=0, le=10_000)
    """What it reads from its prompt cache; without it as `input`."""
    cache_write: float | None = Field(default=None, ge=0, le=10_000)
    """What it keeps in its prompt cache for five minutes; without it as `input`."""
    cache_write_1h: float | None = Field(default=None, ge=0, le=10_000)
    """What it keeps there for an hour; without it as `cache_write`."""

    def of(
        self, *, fresh: int, output: int, cache_read: int = 0, cache_write: int = 0, cache_write_1h: int = 0
    ) -> float:
        """US dollars for so many tokens; `fresh`: read, and neither from the cache nor written to it."""
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input if self.cache_write is None else self.cache_write
        hour = write if self.cache_write_1h is None else self.cache_write_1h
        cached = cache_read * read + cache_write * write + cache_write_1h * hour
        return (fresh * self.input + output * self.output + cached) / MILLION


def base_model(model: str) -> str:
    """The model without inference profile, date and version: `anthropic.claude-sonnet-4-5`."""
    return _VERSION.sub("", _PROFILE.sub("", model))


def price_of(model: str) -> Price | None:
    """The list price of a model by its id or inference profile's id; None: it is not in the table."""
    base, profile = base_model(model), _PROFILE.match(model)
    if (anywhere := _table().get(_GLOBAL + base)) is None:
        return _table().get(base)
    if profile is not None and profile[1] == _GLOBAL:
        return anywhere
    listed = anywhere.model_dump(exclude_none=True)
    return Price(**{what: round(price * NOT_GLOBAL, 6) for what, price in listed.items()})


@lru_cache
def _table() -> dict[str, Price]:
    listed = yaml.safe_load(files(__package__).joinpath("prices.yaml").read_text("utf-8"))
    keys = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
    return {model: Price(**dict(zip(keys, prices, strict=False))) for model, prices in listed.items()}
