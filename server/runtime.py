"""A tenant in use: its plugin instances and, per hook, the ordered tuple of what to call.

Made when the tenant is first needed (single-flight, with a deadline), dropped when idle: ten thousand tenants cost what
the busy ones cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from frontdesk.config import Settings, TenantConfig, Times

from . import dispatch
from .breaker import Breaker
from .clock import Clock
from .errors import PluginError
from .plugin import Plugin, Services
from .quarantine import Quarantine
from .registry import PluginType, Registry
from .tools import Tool

log = structlog.get_logger(__name__)


class UnknownTenant(KeyError):
    """No such tenant in the tenants file."""


@dataclass(frozen=True)
class BoundTool:
    """A tool of one instance."""

    tool: Tool
    plugin: Plugin

    @property
    def name(self) -> str:
        return self.tool.spec.name


@dataclass
class Runtime:
    """Everything the core needs to serve one tenant. A turn keeps the one it began with."""

    tenant: TenantConfig
    times: Times
    plugins: dict[str, Plugin] = field(default_factory=dict)
    hooks: dict[str, tuple[dispatch.BoundHook, ...]] = field(default_factory=dict)
    tools: dict[str, BoundTool] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    """Plugin → why it is not running."""
    breakers: dict[tuple[str, str], Breaker] = field(default_factory=dict)
    """Of tools, by plugin and method; a hook's stands in its BoundHook."""
    used_at: float = 0.0
    uses: int = 0

    def hook(self, name: str, plugin: str = "") -> tuple[dispatch.BoundHook, ...]:
        """The implementations of a hook, of one plugin or of all, in the tenant's order."""
        found = self.hooks.get(name, ())
        return tuple(bound for bound in found if bound.label.plugin == plugin) if plugin else found

    async def ask(self, hook: str, plugin: str, /, **arguments: Any) -> Any:
        """Call one plugin's hook. Raises HookFailed also when the plugin has none or is not running."""
        for bound in self.hook(hook, plugin):
            return await dispatch.call(bound, **arguments)
        reason = self.troubles.get(plugin, "this tenant has no such plugin, or the plugin no such hook")
        raise dispatch.HookFailed(self.tenant.id, plugin, hook, reason, ran=False)


@dataclass(frozen=True)
class TenantPlugins:
    """A tenant's declaration, its plugins' settings already checked, in order."""

    tenant: TenantConfig
    plugins: tuple[tuple[PluginType, Settings], ...]


ServicesFactory = Callable[[TenantConfig, str], Services]


class Runtimes:
    """The tenants in use."""

    def __init__(
        self,
        declared: Mapping[str, TenantPlugins],
        registry: Registry,
        services: ServicesFactory,
        quarantine: Quarantine,
        clock: Clock,
        times: Times,
        *,
        idle_after: float = 900.0,
    ) -> None:
        self.declared = dict(declared)
        self.registry = registry
        self._services = services
        self._quarantine = quarantine
        self._clock = clock
        self._times = times
        self._idle_after = idle_after
        self._ready: dict[str, Runtime] = {}
        self._starting: dict[str, asyncio.Future[Runtime]] = {}

    async def get(self, tenant: str) -> Runtime:
        """The tenant's runtime, made now if it is the first to ask. Raises UnknownTenant."""
        runtime = self._ready.get(tenant)
        if runtime is None:
            runtime = await self._single_flight(tenant)
        runtime.used_at = self._clock.monotonic()
        return runtime

    def in_use(self) -> dict[str, Runtime]:
        return dict(self._ready)

    async def _single_flight(self, tenant: str) -> Runtime:
        if tenant not in self.declared:
            raise UnknownTenant(tenant)
        if (waiting := self._starting.get(tenant)) is not None:
            return await asyncio.shield(waiting)
        future = asyncio.get_running_loop().create_future()
        self._starting[tenant] = future
        try:
            runtime = await self._make(self.declared[tenant])
        except BaseException as err:
            future.set_exception(err if isinstance(err, Exception) else RuntimeError("the start was cancelled"))
            future.exception()  # seen: whoever waits gets it too, nobody need
            raise
        else:
            self._ready[tenant] = runtime
            future.set_result(runtime)
            return runtime
        finally:
            del self._starting[tenant]

    async def _make(self, declared: TenantPlugins) -> Runtime:
        tenant = declared.tenant
        runtime = Runtime(tenant, self._times, used_at=self._clock.monotonic())
        quarantined = self._quarantine.reasons(tenant.id)
        for kind, settings in declared.plugins:
            if kind.name in quarantined:
                runtime.troubles[kind.name] = f"quarantined: {quarantined[kind.name]}"
                log.error("plugin_quarantined", tenant=tenant.id, plugin=kind.name, reason=quarantined[kind.name])
                continue
            await self._add(runtime, kind, settings)
        return runtime

    async def _add(self, runtime: Runtime, kind: PluginType, settings: Settings) -> None:
        tenant = runtime.tenant.id
        try:
            plugin = kind.cls(kind.name, settings, self._services(runtime.tenant, kind.name))
            bound = {hook: self._bind(runtime, plugin, hook, names) for hook, names in _async_hooks(kind)}
            if "start" in bound:
                await dispatch.call(bound.pop("start"))
        except (dispatch.HookFailed, PluginError) as err:
            runtime.troubles[kind.name] = str(err)
            log.error("plugin_not_started", tenant=tenant, plugin=kind.name, reason=str(err))
            return
        except Exception as err:  # noqa: BLE001  a plugin's constructor is foreign code
            runtime.troubles[kind.name] = f"{type(err).__name__}: {err}"
            log.error("plugin_not_started", tenant=tenant, plugin=kind.name, reason=runtime.troubles[kind.name])
            return
        runtime.plugins[kind.name] = plugin
        for hook, implementation in bound.items():
            runtime.hooks[hook] = (*runtime.hooks.get(hook, ()), implementation)
        for tool in kind.tools:
            runtime.tools.setdefault(tool.spec.name, BoundTool(tool, plugin))

    def _bind(self, runtime: Runtime, plugin: Plugin, hook: str, names: tuple[str, ...]) -> dispatch.BoundHook:
        return dispatch.BoundHook(
            label=dispatch.Running(runtime.tenant.id, plugin.name, hook),
            call=getattr(plugin, hook),
            arguments=names,
            seconds=dispatch.deadline(hook, self._times),
            breaker=Breaker(self._clock),
        )

    async def tend(self) -> None:
        """Stop the instances of tenants nobody has used for a while; make those anew whose plugins did not start."""
        now = self._clock.monotonic()
        for tenant, runtime in list(self._ready.items()):
            if runtime.uses == 0 and (now - runtime.used_at > self._idle_after or runtime.troubles):
                del self._ready[tenant]
                await self._stop(runtime)

    async def close(self) -> None:
        """Stop every instance."""
        while self._ready:
            _, runtime = self._ready.popitem()
            await self._stop(runtime)

    async def _stop(self, runtime: Runtime) -> None:
        await dispatch.every(runtime.hook("stop"))


def _async_hooks(kind: PluginType) -> list[tuple[str, tuple[str, ...]]]:
    return [(hook, names) for hook, names in kind.hooks.items() if hook != "routes"]
