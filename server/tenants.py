"""The tenants file joined with the plugins: every tenant's plugins loaded, their settings checked, contradictions found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from frontdesk.config import PluginEntry, Problem, Settings, TenantConfig, TenantsFile, survey, validate_settings

from .plugin import Channel
from .registry import PluginRefused, PluginType, Registry
from .runtime import TenantPlugins


def read_tenants(
    path: Path, registry: Registry | None = None
) -> tuple[TenantsFile | None, dict[str, TenantPlugins], list[Problem]]:
    """The file, each tenant with its checked plugins, and every problem of both, in the order of the file.

    With a problem, what is right is given all the same, and is good for nothing but finding more of them.
    Without a registry a new one is made from the file's own table of times.
    """
    file, problems = survey(path)
    if file is None:
        return None, {}, problems
    registry = registry or Registry(file.server.times)
    declared: dict[str, TenantPlugins] = {}
    claimed: dict[tuple[str, str], str] = {}
    for tenant in file.tenants.values():
        plugins, more = _plugins(tenant, registry)
        problems += more
        problems += _claims(tenant, plugins, claimed)
        declared[tenant.id] = TenantPlugins(tenant, tuple((kind, settings) for _, kind, settings in plugins))
    return file, declared, sorted(problems, key=lambda problem: problem.line)


Checked = tuple[PluginEntry, PluginType, Settings]


def _plugins(tenant: TenantConfig, registry: Registry) -> tuple[list[Checked], list[Problem]]:
    checked: list[Checked] = []
    problems: list[Problem] = []
    tools: dict[str, str] = {}
    for entry in tenant.plugins:
        try:
            kind = registry.load(entry.name)
        except PluginRefused as err:
            problems.append(entry.place.problem(str(err)))
            continue
        settings, more = validate_settings(kind.cls.settings_class(), entry.settings, entry.place)
        problems += more
        for tool in kind.tools:
            other = tools.setdefault(tool.spec.name, entry.name)
            if other != entry.name:
                problems.append(
                    entry.place.problem(
                        f"the tool {tool.spec.name} of {entry.name} has the name of one of {other}",
                        "list one of the two plugins: a model could not tell the tools apart",
                    )
                )
        if settings is not None:
            checked.append((entry, kind, settings))
    return checked, problems


def _claims(tenant: TenantConfig, plugins: list[Checked], claimed: dict[tuple[str, str], str]) -> list[Problem]:
    """Two tenants that claim one address are an error: a message could belong to either."""
    problems = []
    for entry, kind, settings in plugins:
        if not issubclass(kind.cls, Channel):
            continue
        try:
            own = tuple(kind.cls.addresses(settings))
        except Exception as err:  # noqa: BLE001  the plugin's code: what it does wrong is told like any other problem
            problems.append(
                entry.place.problem(
                    f"{kind.cls.__name__}.addresses failed: {type(err).__name__}: {err}",
                    "mend the plugin, or leave it out",
                )
            )
            continue
        for address in own:
            other = claimed.setdefault((kind.name, address), tenant.id)
            if other != tenant.id:
                problems.append(
                    entry.place.problem(
                        f"{address} is claimed by tenant {other} too", "a number belongs to one tenant; change one"
                    )
                )
    return problems


def addresses(declared: Mapping[str, TenantPlugins]) -> dict[tuple[str, str], str]:
    """(channel, address) → tenant, for the shared webhooks."""
    return {
        (kind.name, address): id
        for id, tenant in declared.items()
        for kind, settings in tenant.plugins
        if issubclass(kind.cls, Channel)
        for address in kind.cls.addresses(settings)
    }
