"""Which plugins exist: found by entry point, loaded when a tenant lists them, checked once.

Bundled plugins come through the same door as everyone's. plugin_checks.py says what is wrong with a class, in one go.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from frontdesk.config import Times, read

from .hookspecs import PROJECT, Hooks
from .plugin import RESERVED_NAMES, Channel, Plugin
from .plugin_checks import problems_of
from .tools import Tool, tools_of

GROUP = "frontdesk.plugins"


class PluginRefused(Exception):
    """A plugin cannot be used at all: which, and each reason with where it is and what would be right.

    `problems` has one line each; `str()` all of them.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


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
        """Check a class and keep it under a name. Raises PluginRefused with all that is wrong."""
        if not (name.isascii() and name.isidentifier() and name.islower()):
            raise PluginRefused(f"plugin {name}: its name stands in URLs and keys: small letters a-z, digits and _")
        if name in RESERVED_NAMES:
            raise PluginRefused(
                f"plugin {name}: its name is reserved: ids of the core begin with {', '.join(sorted(RESERVED_NAMES))}; "
                "give it another name in its entry point"
            )
        who = f"plugin {name} ({distribution})" if distribution else f"plugin {name}"
        if not (isinstance(cls, type) and issubclass(cls, Plugin)):
            raise PluginRefused(f"{who}: {cls!r} is not a subclass of frontdesk.Plugin")
        if problems := problems_of(cls, self._times):
            raise PluginRefused(*(f"{who}: {problem}" for problem in problems))
        self._types[name] = PluginType(name, cls, _hooks(cls), tools_of(cls), distribution)
        return self._types[name]


def _hooks(cls: type[Plugin]) -> dict[str, tuple[str, ...]]:
    """Hook → the arguments its implementation takes, as pluggy finds them."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    manager.register(cls)
    manager.check_pending()
    return {
        caller.name: tuple(implementation.argnames)
        for caller in manager.get_hookcallers(cls) or ()
        for implementation in caller.get_hookimpls()
    }


def _import(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (Exception, SystemExit) as err:  # a module that is imported is foreign code
        raise PluginRefused(
            f"plugin {point.name} cannot be imported from {point.value}: {type(err).__name__}: {' '.join(str(err).split())}"
        ) from err


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else ""
