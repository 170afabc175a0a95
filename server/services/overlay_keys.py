"""A tenant as it stands in the file, and what the key of a stored change means in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from frontdesk.config import Place, Problem, TenantConfig, default_words

from ..stored_settings import OverlayChange


def as_written(tenant: TenantConfig) -> dict[str, Any]:
    """The tenant as in the file: what is not written there is left out."""
    raw: dict[str, Any] = tenant.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"id"})
    if "words" in raw:
        built_in = default_words(tenant.language)
        raw["words"] = {key: text for key, text in raw["words"].items() if text != built_in.get(key)}
    return raw


def applied(
    raw: dict[str, Any], changes: Sequence[OverlayChange], place: Place
) -> tuple[dict[str, Any], list[Problem]]:
    """*raw*, changed, with *changes*; and those that find no place in it."""
    problems = []
    for change in sorted(changes, key=lambda each: each.key):
        *way, last = change.key.split(".")
        value = json.loads(change.value)
        here: Any = raw if all((*way, last)) else None
        for step in way:
            here = _step(here, step, make=True)
        if isinstance(here, list):
            here, last = _settings_of(here, last, make=True) if isinstance(value, dict | None) else None, ""
        if not isinstance(here, dict):
            right = "name a key of the tenant, with dots, such as persona.name or plugins.simulator.open_to"
            problems.append(place.at(change.key).problem("there is no such place", right))
        elif last:
            here[last] = value
        else:
            here.clear()
            here.update(value or {})
    return raw, problems


def _step(here: Any, step: str, *, make: bool) -> Any:
    if isinstance(here, list):
        return _settings_of(here, step, make=make)
    if not isinstance(here, dict):
        return None
    return here.setdefault(step, {}) if make else here.get(step)


def _settings_of(plugins: list[Any], name: str, *, make: bool) -> dict[str, Any] | None:
    """The settings of a plugin in the list as it is written."""
    for place, item in enumerate(plugins):
        if item == name:
            if not make:
                return {}
            plugins[place] = {name: {}}
            item = plugins[place]
        if isinstance(item, dict) and name in item:
            item[name] = item[name] or {}
            settings: dict[str, Any] = item[name]
            return settings
    return None


def found(raw: dict[str, Any], key: str) -> Any:
    """What stands under *key*; None: nothing."""
    here: Any = raw
    for step in key.split("."):
        here = _step(here, step, make=False)
    return here


def below(key: str, other: str) -> bool:
    """Whether *key* is *other*, or a part of it."""
    return key == other or key.startswith(f"{other}.")
