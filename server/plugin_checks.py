"""What is wrong with a plugin class, all of it at once and in words for its author: where, what was found, what would be
right."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pluggy

from frontdesk.config import Times

from .cards import PAGE_NAME
from .dispatch import deadline
from .hookspecs import CHANNEL_HOOKS, PROJECT, SYNC_HOOKS, Hooks
from .plugin import API_VERSION, Channel, Plugin
from .tools import is_tool, problems_of_tool

HOOKS = tuple(name for name in vars(Hooks) if not name.startswith("_"))
"""The names of all hooks, in the order in which a message meets them."""


def problems_of(cls: type[Plugin], times: Times) -> list[str]:
    """Everything that keeps *cls* from being a plugin, in the order of its methods."""
    return [*_of_class(cls), *(problem for name in _names(cls) for problem in _of_method(cls, name, times))]


def place_of(thing: Any) -> str:
    """`package/file.py:12: ` of a class or a function, or nothing if it has no source."""
    function = inspect.unwrap(getattr(thing, "__func__", thing))
    try:
        file, (_, line) = inspect.getsourcefile(function), inspect.getsourcelines(function)
    except (OSError, TypeError):
        return ""
    return f"{'/'.join(Path(file).parts[-2:])}:{line}: " if file else ""


def _names(cls: type) -> list[str]:
    """What *cls* and its bases define, in the order written; nothing of our own base classes."""
    own = [each for each in reversed(cls.__mro__) if each not in (Plugin, Channel, object)]
    return list(dict.fromkeys(name for each in own for name in vars(each)))


def _of_class(cls: type[Plugin]) -> Iterator[str]:
    where = f"{place_of(cls)}{cls.__name__}"
    if cls.api_version != API_VERSION:
        yield (
            f"{where} was written for plugin API {cls.api_version}, this is {API_VERSION}; "
            "install the version of the plugin that fits"
        )
    names = [page.name for page in cls.admin_pages]
    if names and "admin_panel" not in _names(cls):
        yield f"{where} has admin_pages and no admin_panel that fills them; write the hook, or leave them out"
    for name in names:
        if not PAGE_NAME.fullmatch(name) or names.count(name) > 1:
            yield f"{where}: the admin page {name!r} needs a name of its own: small letters, digits and single hyphens"
    try:
        cls.settings_class()
    except (TypeError, NameError) as err:
        yield f"{where}: {err}"


def _of_method(cls: type[Plugin], name: str, times: Times) -> Iterator[str]:
    method = getattr(cls, name, None)
    if not inspect.isroutine(method):
        return
    where = f"{place_of(method)}{cls.__name__}.{name}"
    options = pluggy.PluginManager(PROJECT).parse_hookimpl_opts(cls, name)
    if is_tool(method):
        yield from (f"{place_of(method)}{problem}" for problem in problems_of_tool(cls, name))
        yield from _of_sdk(where, cls, "", times)
    elif options is not None:
        yield from (f"{where}{problem}" for problem in _of_hook(cls, name, method, dict(options)))
        yield from _of_sdk(where, cls, name, times)
    elif name in HOOKS:
        yield (
            f"{where} has the name of a hook and would never be called as one; "
            "write @hookimpl above it, or give it another name"
        )


def _of_hook(cls: type[Plugin], name: str, method: Any, options: dict[str, Any]) -> Iterator[str]:
    if any(options.values()):
        yield (
            ": a hook is called by its own name, in the order of the tenant's plugins list, and always; "
            "write @hookimpl without options"
        )
    if name not in HOOKS:
        if not options.get("specname"):
            yield f": there is no hook of this name; {_nearest(name, HOOKS)}"
        return
    yield from _of_arguments(name, method)
    if name in SYNC_HOOKS:
        if not inspect.ismethod(method) or inspect.iscoroutinefunction(method):
            yield " must be a class method and not async: write @classmethod above @hookimpl"
    elif not inspect.iscoroutinefunction(method):
        yield f" is not async: write `async def {name}(…)`"
    if name in CHANNEL_HOOKS and not issubclass(cls, Channel):
        yield " is a hook of channels: derive the class from frontdesk.Channel"


def _of_arguments(hook: str, method: Any) -> Iterator[str]:
    given = list(inspect.signature(getattr(Hooks, hook)).parameters)[1:]
    takes = list(inspect.signature(method).parameters.values())
    for parameter in takes if inspect.ismethod(method) else takes[1:]:
        by_name = parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        if (
            parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            or parameter.default is not parameter.empty
        ):
            continue
        if not by_name or parameter.name not in given:
            yield f": takes `{parameter.name}`, which this hook does not give; {_nearest(parameter.name, given)}"


def _of_sdk(where: str, cls: type[Plugin], hook: str, times: Times) -> Iterator[str]:
    if hook and hook not in HOOKS:
        return
    seconds = deadline(hook, times)
    if cls.sdk_timeout >= seconds:
        yield (
            f"{where}: its SDK waits {cls.sdk_timeout:g} s, as long as the hook's deadline of {seconds:g} s or "
            "longer; make sdk_timeout shorter"
        )


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"there is: {', '.join(known) or 'nothing'}"
