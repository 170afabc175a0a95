"""What operators change over the tenants file: kept in the store, versioned, with who and when; it wins until reverted.

A change is checked with the same models before it is written. One that no longer fits (an upgrade, another file) stops
nothing: its tenant runs on its last effective configuration, which is stored beside it, else on the file alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from frontdesk.config import ConfigError, Packed, Place, Problem, Settings, TenantConfig, default_words, secrets_in

from ..model import Overlay, OverlayChange, OverlayMark
from ..store import Between, Store
from ..store.collections import OVERLAY_MARKS, OVERLAYS
from ..tenants import Address, Declared, judge_tenant

log = structlog.get_logger(__name__)

ID = "overlay"
KEPT = 200
"""How many changes of a tenant are remembered."""
OVERLAP = timedelta(seconds=60)
"""A mark is written before its change: who has seen the mark looks again for so long."""
PAGE = 200


@dataclass(frozen=True)
class Shadow:
    """One value of the file that a stored one stands before."""

    key: str
    declared: Any
    """None: the file says nothing."""
    value: Any
    at: datetime
    by: str


@dataclass(frozen=True)
class Effective:
    """What one tenant runs on."""

    tenant: TenantConfig
    settings: tuple[tuple[str, Settings], ...]
    addresses: tuple[Address, ...]


class Overlays:
    """The stored changes of every tenant, as this process has read them last."""

    def __init__(self, store: Store, folder: Path) -> None:
        """*folder*: what relative secret files start from."""
        self._store = store
        self._folder = folder
        self._known: dict[str, Overlay] = {}
        self._looked_at: datetime | None = None
        self._unsaved: dict[str, str] = {}
        self.banners: dict[str, str] = {}
        """Tenant to why its stored changes are not in force."""

    async def look(self) -> bool:
        """Read what has been changed since the last look; whether anything was."""
        changed = False
        since = self._looked_at and self._looked_at - OVERLAP
        now, after = self._store.now(), None
        while True:
            page = await self._store.shared.find(
                OVERLAY_MARKS, {"changed_at": Between(since, None)}, order_by="changed_at", after=after, limit=PAGE
            )
            for mark in page:
                there = await self._read(mark.id)
                if there is not None and there != self._known.get(mark.id):
                    self._known[mark.id] = there
                    changed = True
            if len(page) < PAGE:
                break
            after = page[-1]
        self._looked_at = now
        return changed

    def over(self, declared: Declared) -> Declared:
        """*declared* with every stored change that is known. What it shadows, and what does not fit, is logged."""
        self.banners = {}
        tenants: dict[str, TenantConfig] = {}
        settings: dict[str, tuple[tuple[str, Settings], ...]] = {}
        addresses = dict(declared.addresses)
        for id, overlay in self._known.items():
            if id not in declared or not overlay.current:
                continue
            effective, problems = self._effective(declared, id, overlay, addresses)
            if problems:
                self._banner(id, problems)
            if effective is None:
                continue
            log.info("overlay_shadows", tenant=id, keys=[each.key for each in overlay.current])
            addresses = {address: owner for address, owner in addresses.items() if owner != id}
            addresses |= dict.fromkeys(effective.addresses, id)
            tenants[id], settings[id] = effective.tenant, effective.settings
        return declared.overlaid(Packed(tenants), Packed(settings), addresses)

    async def save(self) -> None:
        """Store what tenants run on now, where the file has changed it."""
        for id, effective in list(self._unsaved.items()):
            overlay = await self._read(id)
            if overlay is not None and overlay.effective != effective:
                overlay = await self._store.for_tenant(id).update(OVERLAYS, overlay, effective=effective)
            if overlay is not None and overlay.current == self._known[id].current:
                self._known[id] = overlay
            self._unsaved.pop(id, None)

    async def set(self, declared: Declared, tenant: str, key: str, value: Any, by: str) -> None:
        """Have *value* stand before what the file says under *key* (dotted; `plugins.NAME.KEY` is a plugin's setting).

        Raises ConfigError, with nothing written, if the tenant's configuration would not be right.
        """
        await self._change(declared, tenant, key, json.dumps(value, ensure_ascii=False), by, reverted=False)

    async def revert(self, declared: Declared, tenant: str, key: str, by: str) -> bool:
        """Have the file's value count again; False if nothing stands before it.

        Raises ConfigError if what is left does not fit: then revert the rest, too.
        """
        overlay = await self._read(tenant)
        if overlay is None or all(each.key != key for each in overlay.current):
            return False
        await self._change(declared, tenant, key, "null", by, reverted=True)
        return True

    async def shadows(self, declared: Declared, tenant: str) -> list[Shadow]:
        """What stands before the file's values, in the order of the keys."""
        overlay = await self._read(tenant)
        raw = as_written(declared.tenants[tenant])
        return [
            Shadow(each.key, _found(raw, each.key), json.loads(each.value), each.at, each.by)
            for each in (overlay.current if overlay else ())
        ]

    async def history(self, tenant: str) -> Sequence[OverlayChange]:
        """The last changes, oldest first."""
        overlay = await self._read(tenant)
        return overlay.history if overlay else ()

    async def export(self, declared: Declared, tenant: str) -> dict[str, Any]:
        """The tenant as it would stand in the file with every stored change."""
        overlay = await self._read(tenant)
        place = self._place(tenant)
        return _applied(as_written(declared.tenants[tenant]), overlay.current if overlay else (), place)[0]

    async def _change(self, declared: Declared, tenant: str, key: str, value: str, by: str, *, reverted: bool) -> None:
        repository = self._store.for_tenant(tenant)
        while True:
            there = await self._read(tenant)
            now = self._store.now()
            change = OverlayChange(key=key, value=value, at=now, by=by, reverted=reverted)
            left = [each for each in (there.current if there else ()) if not _below(each.key, key)]
            current = left if reverted else sorted([*left, change], key=lambda each: each.key)
            effective, raw, problems = self._judged(declared, tenant, current, declared.addresses)
            problems += _foreign_secrets(effective, declared, tenant, self._place(tenant)) if effective else []
            if problems:
                raise ConfigError(problems)
            history = [*(there.history if there else ()), change][-KEPT:]
            await self._mark(tenant, now)
            if there is None:
                new = Overlay(id=ID, current=current, history=history, effective=raw)
                if await repository.insert(OVERLAYS, new):
                    return
            elif await repository.update(OVERLAYS, there, current=current, history=history, effective=raw):
                return

    async def _mark(self, tenant: str, now: datetime) -> None:
        shared = self._store.shared
        while not await shared.insert(OVERLAY_MARKS, OverlayMark(id=tenant, changed_at=now)):
            mark = await shared.get(OVERLAY_MARKS, tenant)
            if mark is None:
                continue
            if await shared.update(OVERLAY_MARKS, mark, changed_at=now):
                return

    async def _read(self, tenant: str) -> Overlay | None:
        return await self._store.for_tenant(tenant).get(OVERLAYS, ID)

    def _effective(
        self, declared: Declared, id: str, overlay: Overlay, addresses: Mapping[Address, str]
    ) -> tuple[Effective | None, list[Problem]]:
        """What the tenant runs on, and why that is not the file with every change; None: the file alone."""
        effective, raw, problems = self._judged(declared, id, overlay.current, addresses)
        if effective is not None and not problems:
            if raw != overlay.effective:
                self._unsaved[id] = raw
            return effective, []
        last, _ = self._of_raw(declared, id, json.loads(overlay.effective), addresses)
        return last, problems

    def _judged(
        self, declared: Declared, id: str, changes: Sequence[OverlayChange], addresses: Mapping[Address, str]
    ) -> tuple[Effective | None, str, list[Problem]]:
        raw, problems = _applied(as_written(declared.tenants[id]), changes, self._place(id))
        effective, more = self._of_raw(declared, id, raw, addresses)
        text = json.dumps(raw, ensure_ascii=False, sort_keys=True)
        return (None if problems else effective), text, problems or more

    def _of_raw(
        self, declared: Declared, id: str, raw: dict[str, Any], addresses: Mapping[Address, str]
    ) -> tuple[Effective | None, list[Problem]]:
        others = {address: owner for address, owner in addresses.items() if owner != id}
        tenant, checked, problems = judge_tenant(id, raw, self._place(id), declared.registry, others)
        if tenant is None or problems:
            return None, problems
        mine = tuple(address for address, owner in others.items() if owner == id)
        return Effective(tenant, tuple((kind.name, settings) for _, kind, settings in checked), mine), []

    def _place(self, tenant: str) -> Place:
        return Place("stored changes", self._folder, tenant)

    def _banner(self, tenant: str, problems: Sequence[Problem]) -> None:
        first = str(problems[0])
        self.banners[tenant] = f"stored changes do not fit, the last configuration that did is in force: {first}"
        log.error("overlay_does_not_fit", tenant=tenant, problems=[str(problem) for problem in problems[:20]])


def as_written(tenant: TenantConfig) -> dict[str, Any]:
    """The tenant as in the file: what is not written there is left out."""
    raw: dict[str, Any] = tenant.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"id"})
    if "words" in raw:
        built_in = default_words(tenant.language)
        raw["words"] = {key: text for key, text in raw["words"].items() if text != built_in.get(key)}
    return raw


def _applied(
    raw: dict[str, Any], changes: Sequence[OverlayChange], place: Place
) -> tuple[dict[str, Any], list[Problem]]:
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


def _found(raw: dict[str, Any], key: str) -> Any:
    here: Any = raw
    for step in key.split("."):
        here = _step(here, step, make=False)
    return here


def _below(key: str, other: str) -> bool:
    return key == other or key.startswith(f"{other}.")


def _foreign_secrets(effective: Effective, declared: Declared, tenant: str, place: Place) -> list[Problem]:
    """Who changes a tenant's settings may refer to its stored secrets, and to what its file refers to already: not to the
    server's variables, files and AWS."""
    allowed = {secret for _, settings in declared[tenant].plugins for _, secret in secrets_in(settings)}
    return [
        place.at("plugins", name, *path).problem(f"{secret} is not this tenant's to name", "write `{stored: NAME}`")
        for name, path, secret in _secrets(effective)
        if secret.kind != "stored" and secret not in allowed
    ]


def _secrets(effective: Effective) -> Iterator[tuple[str, tuple[str | int, ...], Any]]:
    for name, settings in effective.settings:
        for path, secret in secrets_in(settings):
            yield name, path, secret
