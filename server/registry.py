"""Which plugins exist: found by entry point, loaded when a tenant lists them, checked once.

Bundled plugins come through the same door as everyone's. pluggy checks that each implementation's name and arguments are
those of a hook; what pluggy lets pass and we do not (sync hooks, ordering marks, wrappers) is refused here.
"""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from frontdesk.config import Times, read

from .dispatch import deadline
from .hookspecs import CHANNEL_HOOKS, PROJECT, SYNC_HOOKS, Hooks
from .plugin import API_VERSION, RESERVED_NAMES, Channel, Plugin
from .tools import Tool, tools_of

GROUP = "frontdesk.plugins"


class PluginRefused(Exception):
    """A plugin cannot be used at all; the message says which, why, and what would be right."""


@dataclass(frozen=True)
class PluginType:
    """A plugin class that passed its checks."""

    name: str
    cls: type[Plugin]
    hooks: dict[str, tuple[str, ...]]
    """Hook → the arguments its implementation takes."""
    tools: tuple[Tool, ...]
    distribution: str = ""

    @property
    def is_channel(self) -> bool:
        return issubclass(self.cls, Channel)


class Registry:
    """Loads and checks plugin classes; one per process."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._types: dict[str, PluginType] = {}
        self._refused: dict[str, PluginRefused] = {}

    @classmethod
    def of_file(cls, path: Path) -> Registry:
        """A registry by the table of times of a tenants file; of the default one if the file cannot be read."""
        file, _ = read(path)
        return cls(file.server.times if file is not None else Times())

    def names(self) -> list[str]:
        """Every installed plugin, loaded or not."""
        return sorted({point.name for point in entry_points(group=GROUP)} | set(self._types))

    def loaded(self) -> list[PluginType]:
        return list(self._types.values())

    def load(self, name: str) -> PluginType:
        """The plugin of that name; looked for once, and refused as often as it is asked for. Raises PluginRefused."""
        if name in self._refused:
            raise self._refused[name]
        if name not in self._types:
            try:
                point = self._find(name)
                self.register(name, _import(point), _distribution(point))
            except PluginRefused as err:
                self._refused[name] = err
                raise
        return self._types[name]

    def _find(self, name: str) -> EntryPoint:
        points = list(entry_points(group=GROUP, name=name))
        if not points:
            near = difflib.get_close_matches(name, self.names(), 1)
            right = f"did you mean {near[0]}?" if near else f"installed are: {', '.join(self.names())}"
            raise PluginRefused(f"plugin {name} is not installed; {right}")
        if len({point.value for point in points}) > 1:
            offered = " and ".join(sorted(_distribution(point) or point.value for point in points))
            raise PluginRefused(f"plugin {name} is offered by {offered}; uninstall all but one")
        return points[0]

    def register(self, name: str, cls: Any, distribution: str = "") -> PluginType:
        """Check a class and keep it under a name. Raises PluginRefused."""
        if not (name.isascii() and name.isidentifier() and name.islower()):
            raise PluginRefused(f"plugin {name}: its name stands in URLs and keys: small letters a-z, digits and _")
        if name in RESERVED_NAMES:
            raise PluginRefused(
                f"plugin {name}: its name is reserved: ids of the core begin with {', '.join(sorted(RESERVED_NAMES))}; "
                "give it another name in its entry point"
            )
        if not (isinstance(cls, type) and issubclass(cls, Plugin)):
            raise PluginRefused(f"plugin {name}: {cls!r} is not a subclass of frontdesk.Plugin")
        if cls.api_version != API_VERSION:
            raise PluginRefused(
                f"plugin {name} was written for plugin API {cls.api_version}, this is {API_VERSION}; "
                "install the version of the plugin that fits"
            )
        try:
            cls.settings_class()
            tools = tools_of(cls)
        except (ValueError, TypeError, NameError) as err:
            raise PluginRefused(f"plugin {name}: {err}") from err
        hooks = self._check_hooks(name, cls)
        if tools:
            self._check_sdk(f"plugin {name}: its tools", cls, "")
        self._types[name] = PluginType(name, cls, hooks, tools, distribution)
        return self._types[name]

    def _check_hooks(self, name: str, cls: type[Plugin]) -> dict[str, tuple[str, ...]]:
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(Hooks)
        try:
            manager.register(cls, name=name)
            manager.check_pending()
        except pluggy.PluginValidationError as err:
            raise PluginRefused(f"plugin {name}: {err}; the hooks are: {', '.join(_hook_names())}") from err
        hooks = {}
        for caller in manager.get_hookcallers(cls) or ():
            for implementation in caller.get_hookimpls():
                self._check_implementation(name, cls, caller.name, implementation)
                hooks[caller.name] = tuple(implementation.argnames)
        for hook in _hook_names():
            if hook not in hooks and _defines(cls, hook):
                raise PluginRefused(
                    f"plugin {name}: {cls.__name__}.{hook} has the name of a hook and would never be called as one; "
                    "write @hookimpl above it, or give it another name"
                )
        return hooks

    def _check_implementation(self, name: str, cls: type[Plugin], hook: str, implementation: pluggy.HookImpl) -> None:
        where = f"plugin {name}: {cls.__name__}.{implementation.function.__name__}"
        if any(implementation.opts.values()):
            raise PluginRefused(
                f"{where}: a hook is called by its own name, in the order of the tenant's plugins list, and always; "
                "write @hookimpl without options"
            )
        if hook in SYNC_HOOKS:
            if not inspect.ismethod(implementation.function) or inspect.iscoroutinefunction(implementation.function):
                raise PluginRefused(f"{where} must be a class method and not async: write @classmethod above @hookimpl")
            return
        if not inspect.iscoroutinefunction(implementation.function):
            raise PluginRefused(f"{where} is not async: write `async def {hook}(…)`")
        if hook in CHANNEL_HOOKS and not issubclass(cls, Channel):
            raise PluginRefused(f"{where} is a hook of channels: derive the class from frontdesk.Channel")
        self._check_sdk(where, cls, hook)

    def _check_sdk(self, where: str, cls: type[Plugin], hook: str) -> None:
        seconds = deadline(hook, self._times)
        if cls.sdk_timeout >= seconds:
            raise PluginRefused(
                f"{where}: its SDK waits {cls.sdk_timeout:g} s, as long as the hook's deadline of {seconds:g} s or "
                "longer; make sdk_timeout shorter"
            )


def _import(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (Exception, SystemExit) as err:  # a module that is imported is foreign code
        raise PluginRefused(
            f"plugin {point.name} cannot be imported from {point.value}: {type(err).__name__}: {' '.join(str(err).split())}"
        ) from err


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else ""


def _defines(cls: type[Plugin], name: str) -> bool:
    return any(name in vars(each) for each in cls.__mro__ if each not in (Plugin, Channel, object))


def _hook_names() -> list[str]:
    return [name for name in vars(Hooks) if not name.startswith("_")]
