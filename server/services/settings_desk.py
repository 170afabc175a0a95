"""What operators change of a tenant's own settings and of its plugins', through forms: shown, checked, saved, reverted.

Everything goes through the overlay, which checks a change with the models that check the file, and refuses who saves over
what they have not seen. A secret that is typed in is stored encrypted and never told again.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frontdesk.config import ConfigError, Problem, TenantConfig, default_words
from frontdesk.config.problems import NO_CHILDREN, Mark
from frontdesk.config.yaml_positions import parse

from ..auth import Principal
from ..registry import PluginRefused, PluginType
from ..stored_settings import OverlayChange
from .overlay_keys import OverlayConflict, as_written, below, found, plugin_names
from .secrets import KeysMissing
from .settings_form import Field, fields_of, leaves
from .settings_values import Posted, posted, texts

if TYPE_CHECKING:
    from ..app import Server

OWN = tuple(name for name in TenantConfig.model_fields if name not in ("id", "plugins"))
"""The tenant's own settings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretState:
    """What may be told of a secret."""

    reference: str = ""
    """Where it is, `env: NAME`; empty: nothing is written."""
    stored: bool = False
    set_at: datetime | None = None
    set_by: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One setting of a tenant, as a form shows it. Values are as in JSON."""

    field: Field
    value: Any
    """In force, or soon: with what is stored over the file."""
    text: str
    """The same as an input shows it; of a secret nothing."""
    declared: Any = None
    declared_text: str = ""
    is_declared: bool = False
    """Whether the file says anything of it."""
    place: str = ""
    """File and line where it does."""
    change: OverlayChange | None = None
    """What stands before the file."""
    secret: SecretState | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The settings of a plugin (or, with an empty name, the tenant's own)."""

    plugin: str
    entries: tuple[Entry, ...]
    seen: str
    """The version that is shown: given back when it is saved."""
    listed: bool = True
    """Whether the plugin works for the tenant; it does once this is saved."""

    @property
    def changed(self) -> bool:
        return any(entry.change is not None for entry in self.entries)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flaw:
    """What is wrong with one setting of a form."""

    key: str
    """Below the form's root: `facts[2].answer`; empty: with all of it."""
    found: str
    right: str = ""


class FormRefused(Exception):
    """It was not saved. `flaws` says why."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__("; ".join(f"{each.key}: {each.found}" for each in flaws))
        self.flaws = tuple(flaws)


class SettingsDesk:
    """Forms for the settings of the tenants of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._overlays = server.overlays

    def plugin(self, name: str) -> PluginType | None:
        """An installed plugin; None if there is none of this name, or it cannot be loaded."""
        if name not in self._server.registry.names():
            return None
        try:
            return self._server.registry.load(name)
        except PluginRefused:
            return None

    async def form(self, tenant: str, plugin: str = "", only: Iterable[str] = OWN) -> Form:
        """The form of a plugin, or of the tenant's own settings whose first names are in *only*. Raises KeyError."""
        written = as_written(self._server.written.tenants[tenant])
        raw = await self._overlays.export(self._server.written, tenant)
        changes = {each.key: each for each in await self._current(tenant)}
        stored = {name: (at, by) for name, at, by in await self._server.secrets.names(tenant)}
        marks = await asyncio.to_thread(self._marks, tenant, plugin)
        root = f"plugins.{plugin}" if plugin else ""
        entries = []
        for field in self._fields(plugin, only):
            key = f"{root}.{field.key}" if root else field.key
            change = next((each for other, each in changes.items() if below(key, other) or below(other, key)), None)
            entries.append(self._entry(tenant, field, key, written, raw, change, stored, marks))
        seen = await self._overlays.version(tenant, self._scope(plugin, only))
        return Form(plugin=plugin, entries=tuple(entries), seen=seen, listed=not plugin or plugin in plugin_names(raw))

    async def check(self, tenant: str, plugin: str, form: Posted, only: Iterable[str] = OWN) -> list[Flaw]:
        """What would be wrong with what a form holds; nothing is saved."""
        sets, reverts, _ = self.edits(await self.form(tenant, plugin, only), form, await self._listed(tenant))
        problems = await self._overlays.check(self._server.written, tenant, sets, reverts)
        return flaws_of(problems, plugin)

    async def save(
        self, tenant: str, plugin: str, form: Posted, seen: str, who: Principal, only: Iterable[str] = OWN
    ) -> list[str]:
        """Save what a form holds; the keys that were changed.

        Raises FormRefused with what is wrong, and OverlayConflict if somebody else has saved since *seen*.
        """
        shown = await self.form(tenant, plugin, only)
        if shown.seen != seen:
            raise OverlayConflict(await self._last(tenant, self._scope(plugin, only)))
        sets, reverts, secrets = self.edits(shown, form, await self._listed(tenant))
        if not (sets or reverts or secrets):
            return []
        if flaws := flaws_of(await self._overlays.check(self._server.written, tenant, sets, reverts), plugin):
            raise FormRefused(flaws)
        await self._keep(tenant, plugin, secrets, who)
        await self._change(tenant, plugin, who, sets, reverts, seen, self._scope(plugin, only))
        keys = list(dict.fromkeys([*sets, *reverts, *(f"plugins.{plugin}.{key}" for key, _, _ in secrets)]))
        await self._server.office.audit.wrote(tenant, who, "setting.changed", plugin, keys=keys)
        return keys

    async def revert(self, tenant: str, key: str, who: Principal) -> bool:
        """Have the file's value of *key* (from the tenant's root) count again. False if nothing stood before it.

        Raises FormRefused if what is left would not be right.
        """
        try:
            done = await self._overlays.revert(self._server.written, tenant, key, who.name)
        except ConfigError as err:
            raise FormRefused(flaws_of(err.problems, "")) from err
        if done:
            await self._server.take_changes()
            await self._server.office.audit.wrote(tenant, who, "setting.reverted", key)
        return done

    async def arrange(self, tenant: str, names: Sequence[str], seen: str, who: Principal) -> bool:
        """Have these plugins work for the tenant, in this order. False if they do already; raises as `save` does."""
        written = plugin_names(as_written(self._server.written.tenants[tenant]))
        if list(names) == await self._listed(tenant):
            return False
        sets = {"plugins": list(names)}
        await self._change(tenant, "", who, sets, (), seen, ("plugins",))
        left_out = [name for name in written if name not in names]
        await self._server.office.audit.wrote(tenant, who, "plugins.arranged", order=list(names), left_out=left_out)
        return True

    async def arrangement(self, tenant: str) -> str:
        """What `arrange` is given as *seen*."""
        return await self._overlays.version(tenant, ("plugins",))

    async def _change(
        self,
        tenant: str,
        plugin: str,
        who: Principal,
        sets: Mapping[str, Any],
        reverts: Sequence[str],
        seen: str,
        scope: Sequence[str],
    ) -> None:
        if not sets and not reverts:
            return
        try:
            await self._overlays.change(
                self._server.written, tenant, who.name, sets=sets, reverts=reverts, seen=seen, scope=scope
            )
        except ConfigError as err:
            raise FormRefused(flaws_of(err.problems, plugin)) from err
        await self._server.take_changes()

    async def _keep(self, tenant: str, plugin: str, secrets: Sequence[tuple[str, str, str]], who: Principal) -> None:
        for key, name, value in secrets:
            try:
                await self._server.secrets.set(tenant, name, value, who.name)
            except (KeysMissing, ValueError) as err:
                raise FormRefused([Flaw(key=key, found=str(err))]) from err

    async def _current(self, tenant: str) -> list[OverlayChange]:
        """What stands before the file; it may be older than what the history remembers."""
        return [
            OverlayChange(key=each.key, value=json.dumps(each.value, ensure_ascii=False), at=each.at, by=each.by)
            for each in await self._overlays.shadows(self._server.written, tenant)
        ]

    async def _last(self, tenant: str, scope: Sequence[str]) -> list[OverlayChange]:
        told = [each for each in await self._overlays.history(tenant) if any(below(each.key, key) for key in scope)]
        return [each for each in told if each.at == told[-1].at]

    async def _listed(self, tenant: str) -> list[str]:
        return plugin_names(await self._overlays.export(self._server.written, tenant))

    def _fields(self, plugin: str, only: Iterable[str]) -> list[Field]:
        if not plugin:
            wanted = set(only)
            return [each for each in leaves(fields_of(TenantConfig)) if each.key.partition(".")[0] in wanted]
        kind = self.plugin(plugin)
        if kind is None:
            raise KeyError(plugin)
        return leaves(fields_of(kind.cls.settings_class()))

    def _scope(self, plugin: str, only: Iterable[str]) -> tuple[str, ...]:
        return (f"plugins.{plugin}",) if plugin else tuple(only)

    def _entry(
        self,
        tenant: str,
        field: Field,
        key: str,
        written: dict[str, Any],
        raw: dict[str, Any],
        change: OverlayChange | None,
        stored: Mapping[str, tuple[datetime, str]],
        marks: Mark,
    ) -> Entry:
        declared, value = found(written, key), found(raw, key)
        if declared is None and key.startswith("words."):
            default: Any = default_words(self._server.written.tenants[tenant].language).get(field.name, field.default)
        else:
            default = field.default
        value = default if value is None and not (change is not None and field.nullable) else value
        if field.kind == "secret":
            return Entry(
                field=field, value=value, text="", is_declared=declared is not None, change=change,
                place=_place(marks, field.key, declared), secret=_secret_state(value, stored),
            )  # fmt: skip
        value = field.normal(value) if field.kind == "list" and field.fields else value
        return Entry(
            field=field,
            value=value,
            text=texts(field, value),
            declared=declared if declared is not None else default,
            declared_text=texts(field, declared if declared is not None else default),
            is_declared=declared is not None,
            place=_place(marks, field.key, declared),
            change=change,
        )

    def edits(
        self, shown: Form, form: Posted, listed: Sequence[str] = ()
    ) -> tuple[dict[str, Any], list[str], list[tuple[str, str, str]]]:
        """What is to be set, reverted, and stored as a secret: (key below the root, name, value)."""
        root = f"plugins.{shown.plugin}." if shown.plugin else ""
        sets: dict[str, Any] = {}
        reverts: list[str] = []
        secrets: list[tuple[str, str, str]] = []
        for entry in shown.entries:
            field, key = entry.field, root + entry.field.key
            if field.kind == "secret":
                typed = (form.get(f"f.{field.key}") or [""])[-1].strip()
                if typed:
                    name = _secret_name(entry, shown.plugin)
                    secrets.append((field.key, name, typed))
                    if entry.value != {"stored": name}:
                        sets[key] = {"stored": name}
                elif not shown.listed and field.required and entry.value is None:
                    sets[key] = None
                continue
            there, value = posted(field, form)
            if not there or field.normal(value) == field.normal(entry.value):
                if not shown.listed and field.required and value in (None, ""):
                    sets[key] = value
                continue
            own = entry.change is not None and entry.change.key == key
            if own and (field.normal(value) == field.normal(entry.declared) or (value is None and not field.nullable)):
                reverts.append(key)
            elif value is None and not field.nullable and not field.required:
                sets[key] = field.default
            else:
                sets[key] = value
        if shown.plugin and not shown.listed:
            sets = {"plugins": [*listed, shown.plugin], **sets}
        return sets, reverts, secrets

    def _marks(self, tenant: str, plugin: str) -> Mark:
        """Where the settings stand in their file, as it is now; its name is the key of the only child, or there is none."""
        entries = self._server.written.tenants[tenant].plugins
        if plugin:
            entry = next((each for each in entries if each.name == plugin), None)
            return Mark(0, {entry.place.file: entry.place.mark}) if entry is not None else Mark(0, NO_CHILDREN)
        path = Path(entries[0].place.file) if entries else self._server.file.path
        if not isinstance(path, Path) or not path.is_file():
            return Mark(0, NO_CHILDREN)
        tenants = _parsed(path, path.stat().st_mtime_ns).children.get("tenants", Mark(0, NO_CHILDREN))
        return Mark(0, {str(path): tenants.children.get(tenant, Mark(0, NO_CHILDREN))})


@lru_cache(maxsize=8)
def _parsed(path: Path, _changed: int) -> Mark:
    try:
        return parse(path.read_text("utf-8")).mark
    except (OSError, UnicodeDecodeError):
        return Mark(0, NO_CHILDREN)


def _place(marks: Mark, key: str, declared: Any) -> str:
    """`tenants.yaml:12` of a key that is written there."""
    for file, mark in marks.children.items():
        here: Mark | None = mark
        for step in key.split("."):
            here = here.children.get(step) if here is not None else None
        if declared is not None:
            name = Path(str(file)).name
            return f"{name}:{here.line}" if here is not None and here.line else name
    return ""


def _secret_state(value: Any, stored: Mapping[str, tuple[datetime, str]]) -> SecretState:
    if not isinstance(value, Mapping) or len(value) != 1:
        return SecretState()
    kind, name = next(iter(value.items()))
    at, by = stored.get(name, (None, "")) if kind == "stored" else (None, "")
    return SecretState(reference=f"{kind}: {name}", stored=kind == "stored", set_at=at, set_by=by)


def _secret_name(entry: Entry, plugin: str) -> str:
    """The one that it has, else one made of where it stands."""
    if isinstance(entry.value, Mapping) and "stored" in entry.value:
        return str(entry.value["stored"])
    return re.sub(r"[^A-Z0-9_]", "_", f"{plugin}_{entry.field.key}".upper())[:100]


def flaws_of(problems: Iterable[Problem], plugin: str) -> list[Flaw]:
    """What is wrong with a form of this plugin (empty: of the tenant's own settings)."""
    root = re.compile(rf"plugins(\[\d+\]|)(\.{re.escape(plugin)}(?=\.|\[|$))?\.?") if plugin else None
    told = []
    for problem in problems:
        of_plugin = root.match(problem.key) if root else None
        key = problem.key[of_plugin.end() :] if of_plugin else problem.key
        told.append(Flaw(key=key, found=problem.found, right=problem.right))
    return told
