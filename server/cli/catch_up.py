"""`frontdesk catch-up`: ask the providers for what no webhook brought."""

from __future__ import annotations

from datetime import timedelta

import click

from ..services.catch_up import LONGEST, Caught
from ..sources import Location
from .beside import beside, run
from .files import file_option, known_tenant
from .grammar import Number

_MOST = int(LONGEST / timedelta(hours=1))


@click.command("catch-up")
@click.argument("tenant", required=False, default="")
@click.option(
    "--hours", type=Number(1, _MOST), help=f"Look so far back, up to {_MOST}; without it, since the last look."
)
@file_option
def catch_up(tenant: str, hours: int | None, path: Location | None) -> None:
    """Take in what no webhook brought, and find what was sent and never recorded, by the providers' own lists.

    Of all tenants without TENANT.
    """
    run(_catch_up(path, tenant, hours))


async def _catch_up(path: Location | None, tenant: str, hours: int | None) -> None:
    total = Caught()
    async with beside(path) as server:
        tenants = [known_tenant(server.file.tenants, tenant).id] if tenant else list(server.file.tenants)
        since = server.store.now() - timedelta(hours=hours) if hours is not None else None
        for id in tenants:
            total += await server.catch_up.look(id, since)
    click.echo(
        f"{total.received} messages of contacts that no webhook had brought, {total.bound} parked messages that were sent "
        f"after all, {total.reported} of whose fate no callback had told, {total.elsewhere} sent from elsewhere"
    )
    if total.trouble:
        raise click.ClickException("; ".join(total.trouble))
