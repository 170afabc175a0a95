"""A tenant in use: its plugin instances and, per hook, the ordered tuple of what to call.

Made when the tenant is first needed (single-flight, with a deadline), dropped when idle: ten thousand tenants cost what
the busy ones cost. A changed declaration is noticed at the next use: new instances are made, and the old ones stop after
their last use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from frontdesk.config import Settings, TenantConfig, Times

from . import blame, dispatch
from .breaker import Breaker
from .clock import Clock
from .hookspecs import SYNC_HOOKS
from .plugin import Plugin, Services
from .quarantine import Quarantine
from .registry import PluginType, Registry
from .step import Running, running
from .tasks import Owner
from .tools import Tool

log = structlog.get_logger(__name__)


class UnknownTenant(KeyError):
    """No such tenant in the tenants file; it may be suspended."""


@dataclass(frozen=True)
class TenantPlugins:
    """A tenant's declaration, its plugins' settings already checked, in order."""

    tenant: TenantConfig
    plugins: tuple[tuple[PluginType, Settings], ...]


@dataclass(frozen=True)
class BoundTool:
    """A tool of one instance."""

    tool: Tool
    plugin: Plugin
    calls: Mapping[str, dispatch.BoundHook]
    """By method: the tool itself and, for a deed, the look-up that finds out whether it has happened."""

    @property
    def name(self) -> str:
        return self.tool.spec.name


@dataclass(frozen=True)
class Instance:
    """One plugin of one tenant, running."""

    plugin: Plugin
    services: Services
    hooks: Mapping[str, dispatch.BoundHook]
    tools: tuple[BoundTool, ...]


def _nobody(_tenant: str, _hook: str) -> tuple[dispatch.BoundHook, ...]:
    return ()


@dataclass(eq=False)
class Runtime:
    """Everything the core needs to serve one tenant. A turn keeps the one it began with."""

    declared: TenantPlugins
    times: Times
    generation: int
    """Of the declarations: when it is an older one, this may have changed."""
    suspended: bool = False
    """It left the tenants file: what comes in is stored, and nothing else is done."""
    plugins: dict[str, Plugin] = field(default_factory=dict)
    hooks: dict[str, tuple[dispatch.BoundHook, ...]] = field(default_factory=dict)
    tools: dict[str, BoundTool] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    """Plugin → why it is not running."""
    health: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Plugin → what its check_health said last."""
    instances: dict[str, Instance] = field(default_factory=dict)
    used_at: float = 0.0
    uses: int = 0
    """How many are at work with it now."""
    core: Callable[[str, str], tuple[dispatch.BoundHook, ...]] = _nobody
    """(tenant, hook) → who hears of it beside the plugins, after them."""
    outdated: bool = False
    """What it was made from changed while it started."""

    @property
    def tenant(self) -> TenantConfig:
        return self.declared.tenant

    def hook(self, name: str, plugin: str = "") -> tuple[dispatch.BoundHook, ...]:
        """The implementations of a hook, of one plugin or of all, in the tenant's order."""
        found = self.hooks.get(name, ()) + self.core(self.tenant.id, name)
        return tuple(bound for bound in found if bound.label.plugin == plugin) if plugin else found

    async def ask(self, hook: str, plugin: str, /, **arguments: Any) -> Any:
        """Call one plugin's hook. Raises HookFailed also when the plugin has none or is not running."""
        instance = self.instances.get(plugin)
        if instance is not None and (bound := instance.hooks.get(hook)) is not None:
            return await dispatch.call(bound, **arguments)
        reason = self.troubles.get(plugin, "this tenant has no such plugin, or the plugin no such hook")
        raise dispatch.HookFailed(self.tenant.id, plugin, hook, reason, ran=False)

    def bound(self) -> Iterator[dispatch.BoundHook]:
        """Everything that dispatch may call for this tenant: hooks, tools, look-ups."""
        for instance in self.instances.values():
            yield from instance.hooks.values()
            for tool in instance.tools:
                yield from tool.calls.values()

    def arrange(self, order: tuple[str, ...]) -> None:
        """Make the tuples of hooks anew from what runs, in the order of the tenant's list."""
        self.instances = {name: self.instances[name] for name in order if name in self.instances}
        self.plugins = {name: instance.plugin for name, instance in self.instances.items()}
        self.tools = {tool.name: tool for instance in self.instances.values() for tool in instance.tools}
        hooks: dict[str, tuple[dispatch.BoundHook, ...]] = {}
        for instance in self.instances.values():
            for name, bound in instance.hooks.items():
                hooks[name] = (*hooks.get(name, ()), bound)
        self.hooks = hooks


ServicesFactory = Callable[[TenantConfig, str], Services]


async def _nothing_to_prepare(_settings: Settings) -> None:
    pass


class Use:
    """`async with runtimes.use(tenant) as runtime:` keeps it, its instances running, until the end of the block."""

    __slots__ = ("_runtime", "_runtimes", "_suspended", "_tenant")

    def __init__(self, runtimes: Runtimes, tenant: str, suspended: bool) -> None:
        self._runtimes = runtimes
        self._tenant = tenant
        self._suspended = suspended

    async def __aenter__(self) -> Runtime:
        self._runtime = await self._runtimes.get(self._tenant, suspended=self._suspended)
        self._runtime.uses += 1
        return self._runtime

    async def __aexit__(self, *_: object) -> None:
        self._runtimes.let_go(self._runtime)


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
        failed: Callable[[Running], None] = dispatch.uncounted,
        prepare: Callable[[Settings], Awaitable[None]] = _nothing_to_prepare,
        core: Callable[[str, str], tuple[dispatch.BoundHook, ...]] = _nobody,
    ) -> None:
        """*prepare* is awaited with a plugin's settings before its instance is made; it raises nothing. *core*: of
        (tenant, hook), who hears of an event beside the plugins."""
        self.declared = declared
        self.suspended: Mapping[str, TenantPlugins] = {}
        """Tenants that left the file, as they were declared last."""
        self._generation = 0
        self.registry = registry
        self._services = services
        self._quarantine = quarantine
        self._clock = clock
        self._times = times
        self._idle_after = idle_after
        self._failed = failed
        self._prepare = prepare
        self._core = core
        self._ready: dict[str, Runtime] = {}
        self._starting: dict[str, tuple[Runtime, asyncio.Task[Runtime]]] = {}
        self._retired: set[Runtime] = set()
        self._owner = Owner("runtimes")

    def swap(self, declared: Mapping[str, TenantPlugins], suspended: Mapping[str, TenantPlugins]) -> None:
        """From now on these are the tenants; who is in use is compared at its next use, or by the next `tend`.

        It takes the same time however many tenants are in use. *declared* may be the mapping that is there, changed.
        """
        self.declared = declared
        self.suspended = suspended
        self._generation += 1

    def renew(self, wanted: Callable[[TenantPlugins], bool]) -> None:
        """Have new instances made at the next use for the tenants that are *wanted*, though they are declared as before."""
        for runtime in list(self._ready.values()):
            if wanted(runtime.declared):
                self._retire(runtime)
        for runtime, _ in self._starting.values():
            runtime.outdated = runtime.outdated or wanted(runtime.declared)

    async def get(self, tenant: str, *, suspended: bool = False) -> Runtime:
        """The tenant's runtime, made now if it is the first to ask. It may be replaced as soon as the caller awaits
        something: whoever works with its plugins takes it by `use`.

        Raises UnknownTenant, for a suspended tenant unless *suspended*.
        """
        runtime = self._ready.get(tenant)
        while runtime is None or runtime.generation != self._generation:
            if runtime is None:
                await self._single_flight(tenant, suspended)
            else:
                self._compare(runtime)
            runtime = self._ready.get(tenant)
        if runtime.suspended and not suspended:
            raise UnknownTenant(tenant)
        runtime.used_at = self._clock.monotonic()
        return runtime

    def use(self, tenant: str, *, suspended: bool = False) -> Use:
        """The tenant's runtime for as long as the `async with` lasts; raises what `get` raises."""
        return Use(self, tenant, suspended)

    def let_go(self, runtime: Runtime) -> None:
        """The end of one use."""
        runtime.uses -= 1
        if runtime.uses == 0 and runtime in self._retired:
            self._retired.discard(runtime)
            self._owner.start(self._stop(runtime), f"stop {runtime.tenant.id}")

    def knows(self, tenant: str) -> bool:
        """Whether it is declared or suspended."""
        return tenant in self.declared or tenant in self.suspended

    def at_work(self, tenants: Collection[str]) -> list[Runtime]:
        """Those of *tenants* that somebody works with now."""
        wanted = set(tenants)
        return [each for each in (*self._ready.values(), *self._retired) if each.uses and each.tenant.id in wanted]

    def in_use(self) -> dict[str, Runtime]:
        return dict(self._ready)

    async def tend(self) -> None:
        """Stop the instances of tenants nobody has used for a while; of the others, start what did not start, and ask
        how they are."""
        for tenant, runtime in list(self._ready.items()):
            if runtime.generation != self._generation:
                await asyncio.sleep(0)  # it takes a while, and there may be many
                if self._ready.get(tenant) is not runtime or not self._compare(runtime):
                    continue
            if runtime.uses == 0 and self._clock.monotonic() - runtime.used_at > self._idle_after:
                del self._ready[tenant]
                await self._stop(runtime)
                continue
            runtime.uses += 1
            try:
                if runtime.troubles:
                    await self._start(runtime)
                self._note_health(runtime, dict(await dispatch.every(runtime.hook("check_health"))))
            finally:
                self.let_go(runtime)

    def _note_health(self, runtime: Runtime, health: Mapping[str, Mapping[str, Any]]) -> None:
        """What a plugin says of its health goes to the log, once while it says the same."""
        for plugin, said in health.items():
            if not said.get("ok", False) and said != runtime.health.get(plugin):
                log.warning("plugin_not_well", tenant=runtime.tenant.id, plugin=plugin, detail=said.get("detail", ""))
        runtime.health = dict(health)

    async def close(self) -> None:
        """Stop every instance."""
        await self._owner.drain(self._times.hook_deadline)
        runtimes, self._ready, self._retired = [*self._ready.values(), *self._retired], {}, set()
        await asyncio.gather(*map(self._stop, runtimes))

    async def _single_flight(self, tenant: str, suspended: bool) -> None:
        """One start, however many ask; it goes on when the one who asked first is cancelled."""
        declared = self.declared.get(tenant)
        left = declared is None
        if declared is None and suspended:
            declared = self.suspended.get(tenant)
        if declared is None:
            raise UnknownTenant(tenant)
        if tenant not in self._starting:
            now = self._clock.monotonic()
            runtime = Runtime(declared, self._times, self._generation, left, used_at=now, core=self._core)
            self._starting[tenant] = runtime, self._owner.start(self._make(runtime), f"start {tenant}")
        _, start = self._starting[tenant]
        await asyncio.shield(start)

    async def _make(self, runtime: Runtime) -> Runtime:
        tenant = runtime.tenant.id
        try:
            await self._start(runtime)
            self._ready[tenant] = runtime
            if runtime.outdated:
                self._retire(runtime)
        finally:
            del self._starting[tenant]
        return runtime

    def _compare(self, runtime: Runtime) -> bool:
        """Keep the runtime if its declaration is still what it was; else the next use makes a new one. Whether it stays."""
        tenant = runtime.tenant.id
        declared = self.declared.get(tenant)
        runtime.suspended = declared is None
        if declared is None:
            declared = self.suspended.get(tenant)
        if declared == runtime.declared:
            runtime.generation = self._generation
            return True
        self._retire(runtime)
        return False

    def _retire(self, runtime: Runtime) -> None:
        """The next use makes a new one; this one stops after its last use, which may have been."""
        del self._ready[runtime.tenant.id]
        self._retired.add(runtime)
        runtime.uses += 1
        self.let_go(runtime)

    async def _start(self, runtime: Runtime) -> None:
        """Start what does not run, side by side: the tenant waits for its slowest plugin (at most the deadline of one
        hook), not for their sum."""
        quarantined = self._quarantine.reasons(runtime.tenant.id)
        missing = [
            (kind, settings) for kind, settings in runtime.declared.plugins if kind.name not in runtime.instances
        ]
        for kind, _ in missing:
            if kind.name in quarantined:
                self._note(runtime, kind, f"quarantined: {quarantined[kind.name]}")
        await asyncio.gather(
            *(self._start_one(runtime, kind, settings) for kind, settings in missing if kind.name not in quarantined)
        )
        runtime.arrange(tuple(kind.name for kind, _ in runtime.declared.plugins))

    async def _start_one(self, runtime: Runtime, kind: PluginType, settings: Settings) -> None:
        tenant = runtime.tenant
        await self._prepare(settings)
        services = self._services(tenant, kind.name)
        try:
            with running(Running(tenant.id, kind.name, "__init__")):
                plugin = kind.cls(kind.name, settings, services)
            hooks = {
                hook: self._bind(tenant.id, plugin, hook, hook, names)
                for hook, names in kind.hooks.items()
                if hook not in SYNC_HOOKS
            }
            if "start" in hooks:
                await dispatch.call(hooks["start"])
        except (Exception, SystemExit) as err:  # noqa: BLE001  a plugin's constructor is foreign code
            self._note(runtime, kind, f"not started: {blame.in_words(err)}", err)
            await services.shared.release()
            return
        tools = tuple(self._bind_tool(tenant.id, plugin, tool) for tool in kind.tools)
        runtime.instances[kind.name] = Instance(plugin, services, hooks, tools)
        runtime.troubles.pop(kind.name, None)

    def _note(self, runtime: Runtime, kind: PluginType, trouble: str, error: BaseException | None = None) -> None:
        """Once for each reason: a start is tried again and again."""
        if runtime.troubles.get(kind.name) != trouble:
            where = {"trace": blame.trace(error)} if error is not None else {}
            log.error("plugin_not_running", tenant=runtime.tenant.id, plugin=kind.name, reason=trouble, **where)
        runtime.troubles[kind.name] = trouble

    def _bind(
        self, tenant: str, plugin: Plugin, hook: str, method: str, arguments: tuple[str, ...]
    ) -> dispatch.BoundHook:
        return dispatch.BoundHook(
            label=Running(tenant, plugin.name, hook),
            call=getattr(plugin, method),
            arguments=arguments,
            seconds=dispatch.deadline(hook, self._times),
            breaker=Breaker(self._clock),
            failed=self._failed,
        )

    def _bind_tool(self, tenant: str, plugin: Plugin, tool: Tool) -> BoundTool:
        methods = [tool.method, *([tool.lookup] if tool.lookup else [])]
        calls = {name: self._bind(tenant, plugin, f"{dispatch.TOOL}{name}", name, tool.parameters) for name in methods}
        return BoundTool(tool, plugin, calls)

    async def _stop(self, runtime: Runtime) -> None:
        await dispatch.every(runtime.hook("stop"))
        for instance in runtime.instances.values():
            await instance.services.shared.release()
