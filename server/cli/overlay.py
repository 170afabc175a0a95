"""`frontdesk overlay`: what stands before the values of the tenants file; set, revert and export it."""

from __future__ import annotations

import json
from typing import Any

import click
import yaml

from ..app import Server
from ..services.overlay import Shadow
from ..sources import Location
from .beside import beside, run
from .files import file_option, known_tenant
from .grammar import Commands, as_option
from .output import moment, one_line, table


@click.group(cls=Commands, default="show")
def overlay() -> None:
    """Change a tenant's settings over the tenants file; show, revert and export what was changed."""


@overlay.command()
@click.argument("tenant", required=False, default="")
@click.option("--history", is_flag=True, help="Every change that is remembered, not only what is in force.")
@file_option
def show(tenant: str, history: bool, path: Location | None) -> None:
    """Show what stands before the file's values, beside them; of TENANT, or of all."""
    run(_history(path, tenant) if history else _show(path, tenant))


@overlay.command("set")
@click.argument("tenant")
@click.argument("key")
@click.argument("value")
@as_option
@file_option
def set_(tenant: str, key: str, value: str, by: str, path: Location | None) -> None:
    """Have VALUE (YAML) stand before the file's value of KEY: persona.name, plugins.simulator.open_to."""
    try:
        parsed = yaml.safe_load(value)
        json.dumps(parsed)
    except (yaml.YAMLError, TypeError) as err:
        raise click.UsageError(
            f"the value cannot be kept ({' '.join(str(err).split())}); write YAML in quotes"
        ) from err

    async def work() -> None:
        async with beside(path) as server:
            known_tenant(server.file.tenants, tenant)
            await server.overlays.set(server.written, tenant, key, parsed, by)

    run(work())
    click.echo(f"set {key} of {tenant}; running servers take it within seconds")


@overlay.command()
@click.argument("tenant")
@click.argument("key")
@as_option
@file_option
def revert(tenant: str, key: str, by: str, path: Location | None) -> None:
    """Have the file's value count again, of KEY and of what is below it: `plugins` reverts every plugin's settings."""

    async def work() -> bool:
        async with beside(path) as server:
            known_tenant(server.file.tenants, tenant)
            return await server.overlays.revert(server.written, tenant, key, by)

    if not run(work()):
        raise click.ClickException(f"nothing stands before {key} of {tenant}; `frontdesk overlay show {tenant}` lists")
    click.echo(f"reverted {key} of {tenant}; the file counts again")


@overlay.command()
@click.argument("tenant")
@file_option
def export(tenant: str, path: Location | None) -> None:
    """Print TENANT as YAML, as it would stand in the file with every change in it."""

    async def work() -> dict[str, Any]:
        async with beside(path) as server:
            known_tenant(server.file.tenants, tenant)
            return {tenant: await server.overlays.export(server.written, tenant)}

    click.echo(yaml.safe_dump(run(work()), allow_unicode=True, sort_keys=False), nl=False)


async def _show(path: Location | None, tenant: str) -> None:
    async with beside(path) as server:
        now = server.store.now()
        rows = [
            (id, *_cells(each), moment(each.at, now, server.written.tenants[id].zone), each.by)
            for id in _asked(server, tenant)
            for each in await server.overlays.shadows(server.written, id)
        ]
    if rows:
        table(("TENANT", "KEY", "VALUE", "IN THE FILE", "SET", "BY"), rows)
    else:
        click.echo("Nothing stands before the file.")


def _cells(shadow: Shadow) -> tuple[str, str, str]:
    return shadow.key, _short(shadow.value), "" if shadow.declared is None else _short(shadow.declared)


def _short(value: Any) -> str:
    return one_line(json.dumps(value, ensure_ascii=False))


async def _history(path: Location | None, tenant: str) -> None:
    async with beside(path) as server:
        now = server.store.now()
        rows = [
            (
                id,
                each.key,
                "reverted" if each.reverted else one_line(each.value),
                moment(each.at, now, server.written.tenants[id].zone),
                each.by,
            )
            for id in _asked(server, tenant)
            for each in await server.overlays.history(id)
        ]
    if rows:
        table(("TENANT", "KEY", "VALUE", "WHEN", "BY"), rows)
    else:
        click.echo("Nothing was changed.")


def _asked(server: Server, tenant: str) -> list[str]:
    return [known_tenant(server.file.tenants, tenant).id] if tenant else list(server.written)
