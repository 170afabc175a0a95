"""`frontdesk tenants`: who is declared, who is suspended, and how a suspended one is deleted."""

from __future__ import annotations

import click

from ..app import Server
from ..services.purge import PurgeRefused, check_unserved
from ..services.purge import purge as purge_tenant
from ..sources import Location
from ..store.collections import CONVERSATIONS, DUE
from .beside import beside, run
from .files import file_option, nearest
from .grammar import Commands
from .output import table


@click.group(cls=Commands, default="list")
def tenants() -> None:
    """List the tenants, also those that have left the tenants file; delete what is stored of one of these."""


@tenants.command("list")
@file_option
def list_(path: Location | None) -> None:
    """List them: `declared` in the file, or `suspended`: not in the file, but something is stored of it."""
    run(_list(path))


@tenants.command()
@click.argument("id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@file_option
@click.pass_context
def purge(context: click.Context, id: str, yes: bool, path: Location | None) -> None:
    """Delete all documents, media and due rows of the suspended tenant ID, for good, once no running server serves it."""
    try:
        done = run(_purge(path, id, yes))
    except PurgeRefused as err:
        raise click.ClickException(str(err)) from err
    if not done:
        context.exit(1)


async def _list(path: Location | None) -> None:
    async with beside(path) as server:
        stored = await _stored(server)
        suspended = [id for id in stored if id not in server.declared]
        lines = [(id, "declared", *(await _counts(server, id, stored))) for id in server.declared]
        lines += [(id, "suspended", *(await _counts(server, id, stored))) for id in suspended]
    table(("TENANT", "STATE", "CONVERSATIONS", "DUE"), lines)
    if suspended:
        click.echo(f"{len(suspended)} suspended: nothing is sent for them until they are in the file again; see purge")


async def _stored(server: Server) -> list[str]:
    """Every tenant of which there is anything."""
    return sorted({*await server.store.bulk.tenants(), *await server.suspensions.ids()})


async def _counts(server: Server, id: str, stored: list[str]) -> tuple[str, str]:
    """Conversations and due rows."""
    if id not in stored:
        return "0", "0"
    conversations = await server.store.for_tenant(id).count(CONVERSATIONS, {})
    return str(conversations), str(await server.store.shared.count(DUE, {"tenant": id}))


async def _purge(path: Location | None, id: str, yes: bool) -> bool:
    """False: nothing was deleted, because it was not wanted after all."""
    async with beside(path) as server:
        if id in server.declared:
            raise click.ClickException(f"{id} is in {server.file.path}; take it out first, which suspends it")
        stored = await _stored(server)
        if id not in stored:
            others = [other for other in stored if other not in server.declared]
            click.echo(f"nothing is stored of {id!r}; suspended: {nearest(id, others)}")
            return True
        await check_unserved(server.store, id, server.declared)
        conversations, due = await _counts(server, id, stored)
        question = f"Delete {id} for good? It has {conversations} conversations and {due} due rows"
        if not yes and not click.confirm(question, err=True):
            click.echo("nothing was deleted")
            return False
        await server.media.start()
        try:
            deleted = await purge_tenant(server.store, server.media, server.clock, id, server.declared)
        except OSError as err:
            raise click.ClickException(f"the media of {id}: {err}; mend it and repeat the command") from err
        finally:
            await server.media.stop()
        for plugin in server.quarantine.reasons(id):
            server.quarantine.release(id, plugin)
    click.echo(f"deleted {id}: " + ", ".join(f"{count} {what}" for what, count in deleted.items()))
    return True
