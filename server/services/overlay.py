"""What operators change over the tenants file: kept in the store, versioned, with who and when; it wins until reverted.

A change is checked with the same models before it is written. One that no longer fits (an upgrade, another file) stops
nothing: its tenant runs on its last effective configuration, which is stored beside it, else on the file alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from frontdesk.config import ConfigError, Packed, Place, Problem, TenantConfig, secrets_in

from ..store import Between, Store
from ..store.collections import OVERLAY_MARKS, OVERLAYS
from ..stored_settings import Overlay, OverlayChange, OverlayMark
from ..tenants import Address, Declared, PluginSettings, judge_tenant, packed_settings
from .overlay_keys import OverlayConflict, applied, as_written, below, changed, found, version_of

log = structlog.get_logger(__name__)

ID = "overlay"
KEPT = 200
"""How many changes of a tenant are remembered."""
KEPT_CHARACTERS = 2_000_000
"""And so much of what was set: all of it is one document, which DocumentDB takes up to 16 MB of."""
OVERLAP = timedelta(seconds=60)
"""A mark is written before its change: who has seen the mark looks again for so long."""
PAGE = 200
TRIES = 5
"""How often what changes while it is worked out is worked out again."""


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
    """What one tenant can run on, packed."""

    tenant: Packed[TenantConfig]
    settings: Packed[PluginSettings]
    addresses: tuple[Address, ...]
    place: Place


@dataclass(frozen=True)
class Verdict:
    """What a tenant's stored changes make of its file, other tenants left aside."""

    overlay: Overlay
    effective: Effective | None
    """With every change; None if they do not fit."""
    raw: str
    """The same as JSON."""
    problems: tuple[Problem, ...]
    last: Effective | None
    """The last that fitted; None if it does no longer."""


@dataclass(frozen=True)
class Resolved:
    """What all tenants' stored changes make of the file."""

    in_force: Mapping[str, Effective]
    """In place of the file."""
    refused: Mapping[str, Sequence[Problem]]
    """Why that is not every change."""
    declared: Declared
    """The file with what is in force."""


class Overlays:
    """The stored changes of every tenant, as this process has read them last."""

    def __init__(self, store: Store, folder: Path | None) -> None:
        """*folder*: what relative secret files start from, where a tenant has no plugin that tells its own; None: they are
        not allowed."""
        self._store = store
        self._folder = folder
        self._known: dict[str, Overlay] = {}
        self._looked_at: datetime | None = None
        self._changed = False
        self._judged_for: Declared | None = None
        self._verdicts: dict[str, Verdict] = {}
        self._untold: set[str] = set()
        self._state = 0
        """Counts what was read and judged: what was resolved for another is not true any more."""
        self._resolved_for: tuple[Declared, int, Resolved] | None = None
        self._telling: dict[str, Callable[[], None]] = {}
        self._unsaved: dict[str, str] = {}
        self.banners: dict[str, str] = {}
        """Tenant to why its stored changes are not in force, and what is."""

    async def look(self) -> bool:
        """Read what has been changed since the last look; whether there is anything that was not adopted yet."""
        since = self._looked_at and self._looked_at - OVERLAP
        now, after = self._store.now(), None
        found: dict[str, Overlay | None] = {}
        while True:
            page = await self._store.shared.find(
                OVERLAY_MARKS, {"changed_at": Between(since, None)}, order_by="changed_at", after=after, limit=PAGE
            )
            for each in page:
                found[each.id] = await self._read(each.id)
            if len(page) < PAGE:
                break
            after = page[-1]
        # At once, when nothing can fail any more: half of it would not be seen as a change the next time.
        for id, there in found.items():
            if there == self._known.get(id):
                continue
            self._changed = True
            self._state += 1
            if there is None:
                del self._known[id]
            else:
                self._known[id] = there
        self._looked_at = now
        return self._changed

    def adopted(self) -> None:
        """What `over` gave last is in force."""
        self._changed = False

    async def prepare(self, declared: Declared) -> None:
        """Work out in a thread what `over` will give, plugins that must be loaded included; again while that has changed
        meanwhile, but not for ever."""
        for _ in range(TRIES):
            waiting, judged_for = self._waiting(declared), self._judged_for
            verdicts = await asyncio.to_thread(self._verdicts_of, declared, waiting) if waiting else {}
            if self._judged_for is not judged_for:
                continue
            self._keep(declared, verdicts)
            state = self._state
            resolved = await asyncio.to_thread(resolve, declared, dict(self._verdicts))
            self._resolved_for = declared, state, resolved
            if state == self._state and not self._waiting(declared):
                return

    def over(self, declared: Declared) -> Declared:
        """*declared* with every stored change that is known. What it shadows, and what does not fit, is for `tell`.

        It is quick after `prepare`; without, what was not judged yet is judged here.
        """
        resolved = self._resolved(declared)
        in_force, refused = resolved.in_force, resolved.refused
        old, self.banners = self.banners, {id: self._banner(id, refused[id], id in in_force) for id in refused}
        for id, verdict in self._verdicts.items():
            if id in self._untold or old.get(id) != self.banners.get(id):
                self._telling[id] = partial(_tell, verdict, id, id in in_force, refused.get(id, ()))
                if id not in refused and verdict.raw != verdict.overlay.effective:
                    self._unsaved[id] = verdict.raw
        self._untold.clear()
        return resolved.declared

    def keys(self, tenant: str) -> tuple[str, ...]:
        """Before which of the file's values something stored stands, as far as this process has read it."""
        known = self._known.get(tenant)
        return tuple(each.key for each in known.current) if known is not None else ()

    async def tell(self) -> None:
        """Log what is in force since this was called last, and what does not fit; each of it once."""
        while self._telling:
            id = next(iter(self._telling))
            self._telling.pop(id)()
            await asyncio.sleep(0)

    async def save(self) -> None:
        """Store what tenants run on now, where the file has changed it."""
        for id, effective in list(self._unsaved.items()):
            overlay, known = await self._read(id), self._known.get(id)
            if overlay is not None and known is not None and overlay.current == known.current:
                # Of other changes it would not be true.
                if overlay.effective != effective:
                    overlay = await self._store.for_tenant(id).update(OVERLAYS, overlay, effective=effective)
                if overlay is not None and self._known.get(id) is known:
                    self._known[id] = overlay
            if self._unsaved.get(id) == effective:
                del self._unsaved[id]

    async def set(self, declared: Declared, tenant: str, key: str, value: Any, by: str) -> None:
        """Have *value* stand before what the file says under *key* (dotted; `plugins.NAME.KEY` is a plugin's setting).

        Raises ConfigError, with nothing written, if the tenant's configuration would not be right.
        """
        await self.change(declared, tenant, by, sets={key: value})

    async def revert(self, declared: Declared, tenant: str, key: str, by: str) -> bool:
        """Have the file's value count again, of *key* and of what is below it; False if nothing stands before it.

        Raises ConfigError if that brings a problem that the tenant does not have already.
        """
        return await self.change(declared, tenant, by, reverts=(key,))

    async def version(self, tenant: str, scope: Sequence[str] = ("",)) -> str:
        """What `change` is given by who has seen what stands under the keys *scope* now."""
        return version_of(await self._read(tenant), scope)

    async def check(
        self, declared: Declared, tenant: str, sets: Mapping[str, Any], reverts: Collection[str] = ()
    ) -> list[Problem]:
        """What would speak against a change; nothing is written."""
        addresses = await self._addresses(declared)
        there = await self._read(tenant)
        _, current = _changes(there, sets, reverts, self._store.now(), "")
        return (await asyncio.to_thread(self._checked, declared, tenant, current, addresses))[1]

    async def shadows(self, declared: Declared, tenant: str) -> list[Shadow]:
        """What stands before the file's values, in the order of the keys."""
        overlay = await self._read(tenant)
        raw = as_written(declared.tenants[tenant])
        return [
            Shadow(each.key, found(raw, each.key), json.loads(each.value), each.at, each.by)
            for each in (overlay.current if overlay else ())
        ]

    async def history(self, tenant: str) -> Sequence[OverlayChange]:
        """The last changes, oldest first."""
        overlay = await self._read(tenant)
        return overlay.history if overlay else ()

    async def export(self, declared: Declared, tenant: str) -> dict[str, Any]:
        """The tenant as it would stand in the file with every stored change."""
        overlay = await self._read(tenant)
        place = self._place(declared, tenant)
        return applied(as_written(declared.tenants[tenant]), overlay.current if overlay else (), place)[0]

    async def change(
        self,
        declared: Declared,
        tenant: str,
        by: str,
        *,
        sets: Mapping[str, Any] = {},
        reverts: Collection[str] = (),
        seen: str | None = None,
        scope: Sequence[str] = ("",),
    ) -> bool:
        """Set and revert several keys, all of it or nothing; False if there is nothing to do.

        *seen*: the `version` of *scope* that was looked at. Raises OverlayConflict if it is another by now, ConfigError if
        the configuration would not be right; a revert alone is refused only for a problem that is new.
        """
        repository = self._store.for_tenant(tenant)
        while True:
            addresses = await self._addresses(declared)
            there = await self._read(tenant)
            if seen is not None and seen != version_of(there, scope):
                raise OverlayConflict(_of_scope(there, scope))
            made, current = _changes(there, sets, reverts, self._store.now(), by)
            if not made:
                return False
            old = there.current if there else []
            raw, problems = await asyncio.to_thread(self._checked, declared, tenant, current, addresses)
            if problems and not sets:
                _, had = await asyncio.to_thread(self._checked, declared, tenant, old, addresses)
                _refuse([problem for problem in problems if problem not in had])
                # What fitted last still does what it can for the tenant.
                raw = there.effective if there else raw
            else:
                _refuse(problems)
            history = _remembered([*(there.history if there else ()), *made])
            await mark(self._store, tenant)
            if there is None:
                new = Overlay(id=ID, current=current, history=history, effective=raw)
                if await repository.insert(OVERLAYS, new):
                    return True
            elif await repository.update(OVERLAYS, there, current=current, history=history, effective=raw):
                return True

    async def _addresses(self, declared: Declared) -> Mapping[Address, str]:
        """Whose they are with every tenant's changes."""
        await self.look()
        await self.prepare(declared)
        return self._resolved(declared).declared.addresses

    async def _read(self, tenant: str) -> Overlay | None:
        return await self._store.for_tenant(tenant).get(OVERLAYS, ID)

    def _checked(
        self, declared: Declared, id: str, changes: Sequence[OverlayChange], addresses: Mapping[Address, str]
    ) -> tuple[str, list[Problem]]:
        """The configuration as JSON, and everything that speaks against writing it."""
        effective, raw, problems = self._judged(declared, id, changes)
        if effective is not None:
            problems += _claimed(effective, id, addresses) + _foreign_secrets(effective, declared, id)
        return raw, problems

    def _waiting(self, declared: Declared) -> dict[str, Overlay]:
        """What must be judged before *declared* can be overlaid."""
        judged = self._verdicts if self._judged_for is declared else {}
        return {
            id: overlay
            for id, overlay in list(self._known.items())
            if overlay.current and id in declared and not _stands(judged.get(id), overlay)
        }

    def _keep(self, declared: Declared, verdicts: dict[str, Verdict]) -> None:
        if self._judged_for is not declared:
            self._judged_for, self._verdicts, self._untold = declared, {}, set()
            self._state += 1
        self._verdicts |= verdicts
        self._untold |= verdicts.keys()
        gone = [id for id in self._verdicts if id not in self._known or not self._known[id].current]
        for id in gone:
            del self._verdicts[id]
        self._state += bool(verdicts or gone)

    def _verdicts_of(self, declared: Declared, overlays: Mapping[str, Overlay]) -> dict[str, Verdict]:
        return {id: self._verdict(declared, id, overlay) for id, overlay in overlays.items()}

    def _verdict(self, declared: Declared, id: str, overlay: Overlay) -> Verdict:
        effective, raw, problems = self._judged(declared, id, overlay.current)
        last = effective
        if raw != overlay.effective or problems:
            last, _ = self._of_raw(declared, id, json.loads(overlay.effective))
        return Verdict(overlay, effective, raw, tuple(problems), last)

    def _resolved(self, declared: Declared) -> Resolved:
        waiting = self._waiting(declared)
        self._keep(declared, self._verdicts_of(declared, waiting))
        if self._resolved_for is not None:
            prepared, state, resolved = self._resolved_for
            if prepared is declared and state == self._state:
                return resolved
        return resolve(declared, self._verdicts)

    def _judged(
        self, declared: Declared, id: str, changes: Sequence[OverlayChange]
    ) -> tuple[Effective | None, str, list[Problem]]:
        raw, problems = applied(as_written(declared.tenants[id]), changes, self._place(declared, id))
        effective, more = self._of_raw(declared, id, raw)
        text = json.dumps(raw, ensure_ascii=False, sort_keys=True)
        return (None if problems else effective), text, problems + more

    def _of_raw(self, declared: Declared, id: str, raw: dict[str, Any]) -> tuple[Effective | None, list[Problem]]:
        claimed: dict[Address, str] = {}
        place = self._place(declared, id)
        tenant, checked, problems = judge_tenant(id, raw, place, declared.registry, claimed)
        if tenant is None or problems:
            return None, problems
        settings = tuple((kind.name, settings) for _, kind, settings in checked)
        return Effective(Packed({id: tenant}), packed_settings({id: settings}), tuple(claimed), place), []

    def _place(self, declared: Declared, tenant: str) -> Place:
        """Relative files start where they do in the file that the tenant is written in."""
        entries = declared.tenants[tenant].plugins
        return Place("stored changes", entries[0].place.folder if entries else self._folder, tenant)

    def _banner(self, tenant: str, problems: Sequence[Problem], last: bool) -> str:
        counts = "the last configuration that did is in force" if last else "the file alone is in force"
        return f"stored changes do not fit, {counts}: {problems[0]}"


def resolve(declared: Declared, verdicts: Mapping[str, Verdict]) -> Resolved:
    """What is in force of all of them together. It changes nothing, and takes a while: some 0.1 ms for each.

    The changes are taken in an order that every process shares: who has claimed an address first has it.
    """
    in_force: dict[str, Effective] = {}
    refused: dict[str, Sequence[Problem]] = {}
    addresses = {address: id for address, id in declared.addresses.items() if id not in verdicts}
    for id, verdict in sorted(verdicts.items(), key=lambda item: (_claimed_at(item[1].overlay), item[0])):
        chosen = verdict.effective
        problems = [*verdict.problems, *(_claimed(chosen, id, addresses) if chosen else ())]
        if problems:
            refused[id], chosen = problems, verdict.last
            if chosen is not None and _claimed(chosen, id, addresses):
                chosen = None
        if chosen is not None:
            in_force[id] = chosen
            addresses |= dict.fromkeys(chosen.addresses, id)
    for address, id in declared.addresses.items():
        if id not in in_force:
            addresses.setdefault(address, id)
    chosen_ones = in_force.values()
    overlaid = declared.overlaid(
        [each.tenant for each in chosen_ones], [each.settings for each in chosen_ones], addresses
    )
    return Resolved(in_force, refused, overlaid)


def _tell(verdict: Verdict, id: str, in_force: bool, refused: Sequence[Problem]) -> None:
    if in_force:
        log.info("overlay_shadows", tenant=id, keys=[each.key for each in verdict.overlay.current])
    if refused:
        problems = [str(problem) for problem in refused[:20]]
        force = "last configuration" if in_force else "file"
        log.error("overlay_does_not_fit", tenant=id, in_force=force, problems=problems)


async def mark(store: Store, tenant: str) -> None:
    """Have every process look at the tenant's changes again."""
    shared, now = store.shared, store.now()
    while not await shared.insert(OVERLAY_MARKS, OverlayMark(id=tenant, changed_at=now)):
        there = await shared.get(OVERLAY_MARKS, tenant)
        if there is None:
            continue
        if await shared.update(OVERLAY_MARKS, there, changed_at=now):
            return


def _changes(
    there: Overlay | None, sets: Mapping[str, Any], reverts: Collection[str], at: datetime, by: str
) -> tuple[list[OverlayChange], list[OverlayChange]]:
    """What is to be remembered, and what stands before the file then."""
    old = there.current if there else []
    gone = [key for key in reverts if any(below(each.key, key) for each in old)]
    set_ = [
        OverlayChange(key=key, value=json.dumps(value, ensure_ascii=False), at=at, by=by) for key, value in sets.items()
    ]
    reverted = [OverlayChange(key=key, value="null", at=at, by=by, reverted=True) for key in gone]
    return [*reverted, *set_], changed(old, set_, gone)


def _remembered(history: list[OverlayChange]) -> list[OverlayChange]:
    """The last of *history*, and the newest whatever its size."""
    kept, characters = 0, 0
    for each in reversed(history[-KEPT:]):
        characters += len(each.value)
        if kept and characters > KEPT_CHARACTERS:
            break
        kept += 1
    return history[-kept:]


def _of_scope(there: Overlay | None, scope: Sequence[str]) -> list[OverlayChange]:
    """The last changes under these keys, of whoever made the last one."""
    last = [each for each in (there.history if there else ()) if any(not key or below(each.key, key) for key in scope)]
    return [each for each in last if each.at == last[-1].at and each.by == last[-1].by]


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise ConfigError(problems)


def _stands(verdict: Verdict | None, overlay: Overlay) -> bool:
    """Whether *verdict* is still true of *overlay*."""
    if verdict is None or verdict.overlay.current != overlay.current:
        return False
    return verdict.overlay.effective == overlay.effective or overlay.effective == verdict.raw


def _claimed_at(overlay: Overlay) -> datetime:
    """When it has changed plugins, and with them addresses; who has not goes before everybody who has."""
    first = datetime.min.replace(tzinfo=UTC)
    return max((each.at for each in overlay.current if below(each.key, "plugins")), default=first)


def _claimed(effective: Effective, tenant: str, addresses: Mapping[Address, str]) -> list[Problem]:
    return [
        effective.place.at("plugins", channel).problem(
            f"{address} is claimed by tenant {addresses[channel, address]} too",
            "a number belongs to one tenant; change one",
        )
        for channel, address in effective.addresses
        if addresses.get((channel, address), tenant) != tenant
    ]


def _foreign_secrets(effective: Effective, declared: Declared, tenant: str) -> list[Problem]:
    """Who changes a tenant's settings may refer to its stored secrets, and to what its file refers to already: not to the
    server's variables, files and AWS."""
    allowed = {secret for _, settings in declared[tenant].plugins for _, secret in secrets_in(settings)}
    return [
        effective.place.at("plugins", name, *path).problem(
            f"{secret} is not this tenant's to name", "write `{stored: NAME}`"
        )
        for name, path, secret in _secrets(effective)
        if secret.kind != "stored" and secret not in allowed
    ]


def _secrets(effective: Effective) -> Iterator[tuple[str, tuple[str | int, ...], Any]]:
    for name, settings in next(iter(effective.settings.values())):
        for path, secret in secrets_in(settings):
            yield name, path, secret
