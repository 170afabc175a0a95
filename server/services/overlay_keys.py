"""A tenant as it stands in the file, and what the key of a stored change means in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from frontdesk.config import Place, Problem, TenantConfig, default_words

from ..stored_settings import Overlay, OverlayChange

PLUGINS = "plugins"


class OverlayConflict(Exception):
    """Somebody else was quicker; nothing was written. `changes`: what they changed last, oldest first."""

    def __init__(self, changes: Sequence[OverlayChange]) -> None:
        super().__init__(", ".join(f"{each.key} by {each.by}" for each in changes) or "reverted by somebody else")
        self.changes = changes


def version_of(overlay: Overlay | None, scope: Iterable[str] = ("",)) -> str:
    """Another text whenever what stands before the file under one of the keys *scope* is another; "" is every key."""
    wanted = tuple(scope)
    seen = [
        [each.key, each.value, each.at.isoformat(), each.by]
        for each in (overlay.current if overlay else ())
        if any(not key or below(each.key, key) for key in wanted)
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16] if seen else "file"


def changed(
    current: Sequence[OverlayChange], sets: Sequence[OverlayChange], reverts: Iterable[str]
) -> list[OverlayChange]:
    """*current* with *sets* in place of what stood there and below, and without what is reverted; in the order of keys.

    The list of plugins says which there are and in which order: what is set of each one stays.
    """
    gone = tuple(reverts)
    kept = [
        each
        for each in current
        if not any(below(each.key, key) for key in gone)
        and not any(each.key == new.key or (below(each.key, new.key) and new.key != PLUGINS) for new in sets)
    ]
    return sorted([*kept, *sets], key=lambda each: each.key)


def as_written(tenant: TenantConfig) -> dict[str, Any]:
    """The tenant as in the file: what is not written there is left out."""
    raw: dict[str, Any] = tenant.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"id"})
    for place, fact in enumerate(raw.get("facts", ()), 1):
        if fact.get("id") == f"fact-{place}":
            del fact["id"]  # made from its place when the file was read
    if "words" in raw:
        built_in = default_words(tenant.language)
        raw["words"] = {key: text for key, text in raw["words"].items() if text != built_in.get(key)}
    return raw


def applied(
    raw: dict[str, Any], changes: Sequence[OverlayChange], place: Place
) -> tuple[dict[str, Any], list[Problem]]:
    """*raw*, changed, with *changes*; and those that find no place in it.

    A plugin that a stored list names without settings keeps those of the file; what is stored of one that it leaves out
    waits until it is back.
    """
    problems = []
    named: set[str] | None = None
    for change in sorted(changes, key=lambda each: each.key):
        *way, last = change.key.split(".")
        value = json.loads(change.value)
        if change.key == PLUGINS and isinstance(value, list):
            value = [_as_in_file(item, raw.get(PLUGINS)) for item in value]
            named = {name for item in value for name in ([item] if isinstance(item, str) else _keys(item))}
        elif way[:1] == [PLUGINS] and named is not None and [*way, last][1] not in named:
            continue
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


def _as_in_file(item: Any, written: Any) -> Any:
    for other in written if isinstance(written, list) and isinstance(item, str) else ():
        if isinstance(other, Mapping) and item in other:
            return dict(other)
    return item


def _keys(item: Any) -> list[str]:
    return [str(key) for key in item] if isinstance(item, Mapping) else []


def plugin_names(raw: Mapping[str, Any]) -> list[str]:
    """The plugins of a tenant as it stands in the file, in order."""
    written = raw.get(PLUGINS) or ()
    return [name for item in written for name in ([item] if isinstance(item, str) else _keys(item))]


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
