"""`frontdesk doctor`: whether everything around a tenant is as it has to be."""

from __future__ import annotations

import click

from ..app import Server
from ..errors import HookFailed, PluginError
from ..services.doctor import Found, at_public_url, examine
from ..sources import Location
from .beside import beside, run
from .files import file_option, known_tenant

_MARKS = {"ok": "ok", "warning": "WARNING", "problem": "PROBLEM"}


@click.command()
@click.argument("tenant", required=False, default="")
@click.option("--fix", is_flag=True, help="Offer to set what can be set from here, and ask before each.")
@click.option("--yes", is_flag=True, help="With --fix: do not ask.")
@file_option
def doctor(tenant: str, fix: bool, yes: bool, path: Location | None) -> None:
    """Look at the accounts, addresses and signatures of a tenant, and tell what to change and where.

    Of all tenants without TENANT.
    """
    run(_doctor(path, tenant, fix, yes))


async def _doctor(path: Location | None, tenant: str, fix: bool, yes: bool) -> None:
    problems = 0
    async with beside(path) as server:
        assert server.http is not None
        tenants = [known_tenant(server.file.tenants, tenant).id] if tenant else list(server.file.tenants)
        own = ("frontdesk", await at_public_url(server.http, server.config.public_url))
        problems += _tell("server", [own])
        for id in tenants:
            problems += await _of_tenant(server, id, fix, yes)
    if problems:
        raise click.ClickException(f"{problems} {'problem' if problems == 1 else 'problems'}")


async def _of_tenant(server: Server, tenant: str, fix: bool, yes: bool) -> int:
    async with server.runtimes.use(tenant) as runtime:
        found = await examine(runtime)
        problems = _tell(tenant, found)
        repaired = 0
        asked: set[tuple[str, str]] = set()
        for plugin, finding in found:
            if not (fix and finding.fix) or (plugin, finding.fix) in asked:
                continue
            asked.add((plugin, finding.fix))
            if not yes and not click.confirm(f"{tenant}: {plugin}: {finding.cure}; do it now?"):
                continue
            try:
                await runtime.ask("repair", plugin, fix=finding.fix)
            except (PluginError, HookFailed) as err:
                click.echo(f"{tenant}: {plugin}: it could not be done: {err}", err=True)
                continue
            repaired += finding.level == "problem"
            click.echo(f"{tenant}: {plugin}: done")
    return problems - repaired


def _tell(where: str, found: list[Found]) -> int:
    """Print the findings; how many are problems."""
    for plugin, finding in found:
        click.echo(f"{_MARKS[finding.level]:8} {where}: {plugin}: {finding.what}")
        if finding.cure:
            click.echo(f"{'':8} → {finding.cure}")
    return sum(finding.level == "problem" for _, finding in found)
