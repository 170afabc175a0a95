"""`frontdesk plugins`: what is installed, who uses it, and what is quarantined."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import click

from frontdesk.config import ConfigError, TenantsFile, Times, load, load_env

from ..errors import StartupError
from ..quarantine import Quarantine
from ..registry import PluginRefused, Registry
from ..sources import Location, home
from .files import fetched, file_option, known_tenant, nearest, prepared, tenants_file
from .grammar import Commands
from .output import table


@dataclass
class Installed:
    """One line of the list."""

    name: str
    distribution: str = ""
    hooks: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    quarantined: dict[str, str] = field(default_factory=dict)
    """Tenant → reason."""
    refused: str = ""
    """Why it cannot be used at all."""


@click.group(cls=Commands, default="list")
def plugins() -> None:
    """List the installed plugins; let a quarantined one start again."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@file_option
def list_(as_json: bool, path: Location | None) -> None:
    """List them: their hooks and tools, the tenants that use them, and which are quarantined."""
    lines = _installed(_file_if_any(path))
    if as_json:
        click.echo(json.dumps([asdict(line) for line in lines], ensure_ascii=False, indent=2))
    else:
        _show(lines)


@plugins.command()
@click.argument("tenant")
@click.argument("plugin")
@file_option
def release(tenant: str, plugin: str, path: Location | None) -> None:
    """Let a quarantined PLUGIN start again for TENANT; a running server starts it within a minute."""
    file = load(prepared(path))
    known_tenant(file.tenants, tenant)
    quarantine = Quarantine(file.data_dir)
    if not quarantine.release(tenant, plugin):
        quarantined = quarantine.reasons(tenant)
        right = nearest(plugin, quarantined) if quarantined else "none of its plugins is"
        raise click.ClickException(f"{plugin} is not quarantined for {tenant}; {right}")
    click.echo(f"{plugin} may start again for {tenant}")


def _file_if_any(path: Location | None) -> TenantsFile | None:
    """The tenants file; without one, or with a broken one, the plugins are listed all the same."""
    try:
        found = tenants_file(path)
        load_env(home(found))
        return load(fetched(found))
    except click.ClickException as err:
        click.echo(f"(no tenants: {err.message})", err=True)
    except StartupError as err:
        click.echo(f"(no tenants: {err})", err=True)
    except ConfigError as err:
        click.echo(f"(no tenants: {err.problems[0]}; `frontdesk check` tells all)", err=True)
    return None


def _installed(file: TenantsFile | None) -> list[Installed]:
    registry = Registry(file.server.times if file else Times())
    lines = [_one(registry, name) for name in registry.names()]
    if file is None:
        return lines
    quarantine = Quarantine(file.data_dir)
    for line in lines:
        users = [tenant for tenant in file.tenants.values() if line.name in (entry.name for entry in tenant.plugins)]
        line.tenants = tuple(tenant.id for tenant in users)
        for tenant in file.tenants:
            if reason := quarantine.reasons(tenant).get(line.name):
                line.quarantined[tenant] = reason
    return lines


def _one(registry: Registry, name: str) -> Installed:
    try:
        kind = registry.load(name)
    except PluginRefused as err:
        return Installed(name, refused=str(err))
    return Installed(name, kind.distribution, tuple(kind.hooks), tuple(tool.spec.name for tool in kind.tools))


def _show(lines: list[Installed]) -> None:
    table(
        ("PLUGIN", "FROM", "TENANTS", "HOOKS", "TOOLS"),
        [
            (line.name, line.distribution, ", ".join(line.tenants), ", ".join(line.hooks), ", ".join(line.tools))
            for line in lines
        ],
    )
    for line in lines:
        for problem in line.refused.splitlines():
            click.echo(f"refused: {problem}")
        for tenant, reason in line.quarantined.items():
            click.echo(
                f"quarantined: {line.name} for {tenant}: {reason}; mend it, then: "
                f"frontdesk plugins release {tenant} {line.name}"
            )
