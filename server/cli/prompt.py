"""`frontdesk prompt`: what a model would be sent."""

from __future__ import annotations

import json

import click

from ..services.prompts import preview
from ..sources import Location
from .beside import beside, run
from .files import file_option, known_tenant
from .output import refuse_several


@click.command()
@click.argument("tenant")
@click.argument("conversation")
@file_option
def prompt(tenant: str, conversation: str, path: Location | None) -> None:
    """Print exactly what a model would be sent for a conversation as it stands, as JSON. No model is called."""
    run(_print(path, tenant, conversation))


async def _print(path: Location | None, tenant: str, id: str) -> None:
    if not id:
        raise click.UsageError("the CONVERSATION is empty; `frontdesk conversations` lists them")
    async with beside(path) as server:
        config = known_tenant(server.file.tenants, tenant)
        found = await server.ownership.named(config.id, id)
        if not found:
            raise click.ClickException(
                f"there is no conversation {id} at this tenant; `frontdesk conversations` lists them"
            )
        refuse_several(id, [each.id for each in found], "conversations")
        async with server.runtimes.use(config.id) as runtime:
            shown = await preview(runtime, server.store, found[0])
        if shown is None:
            raise click.ClickException(f"the contact of {found[0].id} has not written anything")
        if not shown.plugin:
            click.echo("no plugin of this tenant shows what it sends; these are the words that each is given", err=True)
        click.echo(json.dumps(shown.sent, ensure_ascii=False, indent=1, default=str))
