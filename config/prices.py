"""What models cost: the list prices in prices.yaml, by the model's id."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

import yaml
from pydantic import Field

from .settings import Settings

MILLION = 1_000_000
_PROFILE = re.compile(r"^(?:arn:[^/]*/)?(?:(?:us-gov|us|eu|apac|au|jp|ca|global)\.)?")
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
    """What it keeps in its prompt cache; without it as `input`."""

    def of(self, *, fresh: int, output: int, cache_read: int = 0, cache_write: int = 0) -> float:
        """US dollars for so many tokens; `fresh`: read, and neither from the cache nor written to it."""
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input if self.cache_write is None else self.cache_write
        return (fresh * self.input + output * self.output + cache_read * read + cache_write * write) / MILLION


def base_model(model: str) -> str:
    """The model without inference profile, date and version: `anthropic.claude-sonnet-4-5`."""
    return _VERSION.sub("", _PROFILE.sub("", model))


def price_of(model: str) -> Price | None:
    """The list price of a model by its id or inference profile's id; None: it is not in the table."""
    return _table().get(base_model(model))


@lru_cache
def _table() -> dict[str, Price]:
    listed = yaml.safe_load(files(__package__).joinpath("prices.yaml").read_text("utf-8"))
    keys = ("input", "output", "cache_read", "cache_write")
    return {model: Price(**dict(zip(keys, prices, strict=True))) for model, prices in listed.items()}
