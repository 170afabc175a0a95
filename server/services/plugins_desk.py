"""The plugins of a tenant for its operators: which there are, how each is in this process, and trying one now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .. import blame, dispatch
from ..errors import HookFailed, PluginError
from ..findings import Finding
from ..registry import PluginRefused, PluginType
from ..runtime import Runtime
from .doctor import examine
from .overlay_keys import as_written, plugin_names

if TYPE_CHECKING:
    from ..app import Server

State = Literal["ok", "idle", "not well", "switched off", "not running", "quarantined"]
"""`idle`: nobody has needed the tenant here lately, so nothing is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Circuit:
    """A hook that is switched off after failures in a row, or has failed since the instance was made."""

    hook: str
    state: str
    """`open`, `half-open` or `closed`."""
    failures: int
    last: str
    """What the last failure was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginLine:
    """One plugin of a tenant, or one that it could have."""

    name: str
    about: str
    """The first sentence of its class; English."""
    listed: bool
    declared: bool
    """Whether the file lists it."""
    state: State = "idle"
    why: str = ""
    circuits: tuple[Circuit, ...] = ()
    distribution: str = ""
    hooks: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    channel: bool = False
    refused: str = ""
    """Why it cannot be used at all."""


class PluginsDesk:
    """How the plugins of one server's tenants are, as this process sees it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.instance = server.instance
        """Whose circuits are shown: each process has its own."""

    async def lines(self, tenant: str) -> list[PluginLine]:
        """The tenant's plugins in order, then the others that are installed."""
        raw = await self._server.overlays.export(self._server.written, tenant)
        listed = plugin_names(raw)
        declared = plugin_names(as_written(self._server.written.tenants[tenant]))
        names = [*listed, *(name for name in self._server.registry.names() if name not in listed)]
        return await asyncio.to_thread(self._lines, tenant, names, set(listed), set(declared))

    async def line(self, tenant: str, plugin: str) -> PluginLine | None:
        """One of them; None: it is neither listed nor installed."""
        return next((each for each in await self.lines(tenant) if each.name == plugin), None)

    async def examine(self, tenant: str, plugin: str) -> list[Finding]:
        """Ask the plugin now how it is, and what it finds around it (`check_health`, `diagnose`)."""
        async with self._server.runtimes.use(tenant) as runtime:
            if plugin not in {kind.name for kind, _ in runtime.declared.plugins}:
                return [_problem("it is not in force here yet", "ask again in a few seconds")]
            found = [finding for who, finding in await examine(runtime) if who == plugin]
            return [*await _health(runtime, plugin), *found]

    async def repair(self, tenant: str, plugin: str, fix: str) -> str:
        """Have the plugin do what one of its findings offered; why it could not, or nothing."""
        async with self._server.runtimes.use(tenant) as runtime:
            try:
                await runtime.ask("repair", plugin, fix=fix)
            except HookFailed as err:
                return err.reason
            except PluginError as err:
                return str(err) or blame.in_words(err)
        return ""

    def release(self, tenant: str, plugin: str) -> bool:
        """Let a quarantined plugin start again, at the next use. False: it was not quarantined."""
        done = self._server.quarantine.release(tenant, plugin)
        if done:
            self._server.runtimes.renew(lambda declared: declared.tenant.id == tenant)
        return done

    def _lines(self, tenant: str, names: Sequence[str], listed: set[str], declared: set[str]) -> list[PluginLine]:
        quarantined = self._server.quarantine.reasons(tenant)
        runtime = self._server.runtimes.in_use().get(tenant)
        return [
            self._line(name, runtime, quarantined, listed=name in listed, declared=name in declared) for name in names
        ]

    def _line(
        self, name: str, runtime: Runtime | None, quarantined: Mapping[str, str], *, listed: bool, declared: bool
    ) -> PluginLine:
        found: dict[str, Any] = {"name": name, "listed": listed, "declared": declared}
        try:
            kind = self._server.registry.load(name)
        except PluginRefused as err:
            return PluginLine(**found, about="", refused=str(err), state="not running", why=str(err))
        found |= {
            "about": _about(kind),
            "distribution": kind.distribution,
            "hooks": tuple(kind.hooks),
            "tools": tuple(tool.spec.name for tool in kind.tools),
            "channel": kind.is_channel,
        }
        if name in quarantined:
            return PluginLine(**found, state="quarantined", why=quarantined[name])
        if runtime is None or not listed:
            return PluginLine(**found)
        state, why = _state(runtime, name)
        return PluginLine(**found, state=state, why=why, circuits=_circuits(runtime, name))


def _about(kind: PluginType) -> str:
    return " ".join((kind.cls.__doc__ or "").split("\n\n")[0].split())


def _state(runtime: Runtime, name: str) -> tuple[State, str]:
    if name in runtime.troubles:
        return "not running", runtime.troubles[name]
    if name not in runtime.plugins:
        return "idle", ""
    open_ = [each for each in _circuits(runtime, name) if each.state != "closed"]
    if open_:
        return "switched off", open_[0].last
    said = runtime.health.get(name, {})
    return ("ok", "") if said.get("ok", True) else ("not well", str(said.get("detail", "")))


def _circuits(runtime: Runtime, name: str) -> tuple[Circuit, ...]:
    return tuple(
        Circuit(hook=each.label.hook, state=each.breaker.state, failures=each.failures, last=each.last_failure)
        for each in runtime.bound()
        if each.label.plugin == name and (each.failures or each.breaker.state != "closed")
    )


async def _health(runtime: Runtime, plugin: str) -> list[Finding]:
    for bound in runtime.hook("check_health", plugin):
        try:
            said = await dispatch.call(bound)
        except HookFailed as err:
            return [_problem(err.reason, "see the server's log")]
        except PluginError as err:
            return [_problem(str(err) or blame.in_words(err), "mend that first")]
        runtime.health[plugin] = said
        detail = str(said.get("detail", ""))
        if not said.get("ok", False):
            return [_problem(detail or "it says that it is not well", "see its reference page")]
        return [Finding(level="ok", what=detail or "it says that it is well")]
    running = plugin in runtime.plugins
    return [Finding(level="ok", what="it runs, and says nothing more of itself")] if running else []


def _problem(what: str, cure: str) -> Finding:
    return Finding(level="problem", what=what, cure=cure)
