"""What every configuration model is made of: `Settings`, the base; and the secrets that one refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from .problems import Key
from .secret import Secret


class Settings(BaseModel):
    """A plugin's settings for one tenant, and every other part of the configuration.

    Frozen; an unknown key is an error; defaults are validated. The docstring below a field says what it does: it is
    shown beside the field in forms, in the reference page and in errors. Units belong in the name or in the docstring.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )


def secrets_in(settings: Settings) -> Iterator[tuple[tuple[Key, ...], Secret]]:
    """Every secret that *settings* refer to, with its place: `("accounts", 0, "token")`."""
    for name in type(settings).model_fields:
        yield from _secrets(getattr(settings, name), (name,))


def _secrets(value: Any, path: tuple[Key, ...]) -> Iterator[tuple[tuple[Key, ...], Secret]]:
    match value:
        case Secret():
            yield path, value
        case Settings():
            for below, secret in secrets_in(value):
                yield (*path, *below), secret
        case Mapping():
            for key, item in value.items():
                yield from _secrets(item, (*path, key))
        case list() | tuple():
            for place, item in enumerate(value):
                yield from _secrets(item, (*path, place))
