"""`frontdesk parked`: what waits for a person's decision, and what did not arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import click

from frontdesk.config import TenantConfig

from ..app import Server
from ..outbox.explained import explained
from ..registry import PluginRefused
from ..services.ownership import NotYours
from ..services.parked import Parked
from ..sources import Location
from .beside import beside, run
from .files import file_option, known_tenant
from .grammar import Commands
from .output import moment, one_line, refuse_several, table

_tenant = click.option("--tenant", default="", help="Of this tenant only; without it, of all.")


@click.group(cls=Commands, default="list")
def parked() -> None:
    """List the parked turns and messages, start them again or dismiss them."""


@parked.command("list")
@_tenant
@click.option("--language", type=click.Choice(["en", "vi"]), help="Of the reasons, en or vi; without it, the tenant's.")
@file_option
def list_(tenant: str, language: str | None, path: Location | None) -> None:
    """List what is parked, the oldest first."""
    run(_list(path, tenant, language))


@parked.command()
@click.argument("id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every parked turn (of the tenant); a message is named.")
@click.option("--take", is_flag=True, help="Also if an operator answers the conversation: take it from them.")
@_tenant
@file_option
def replay(id: str | None, everything: bool, take: bool, tenant: str, path: Location | None) -> None:
    """Answer a parked turn's messages after all, or send a parked message again.

    A parked message may have reached the contact: replay it if you know that it did not.
    """
    if bool(id) == everything:
        raise click.UsageError("name one ID, or say --all; `frontdesk parked` lists the ids")
    run(_replay(path, tenant, id or "", take))


@parked.command()
@click.argument("id")
@_tenant
@file_option
def dismiss(id: str, tenant: str, path: Location | None) -> None:
    """Take a message off the list that may have been sent, was sent twice or did not arrive: a person has seen to it."""
    run(_dismiss(path, tenant, id))


async def _list(path: Location | None, tenant: str, language: str | None) -> None:
    async with beside(path) as server:
        found = [(config, each) for config in _asked(server, tenant) for each in await server.parked.list(config.id)]
        now = server.store.now()
    if not found:
        click.echo("Nothing is parked.")
        return
    table(
        ("TENANT", "ID", "WHAT", "CONVERSATION", "SINCE", "WHY"),
        [
            (
                config.id,
                each.id,
                each.what,
                each.conversation,
                moment(each.since, now, config.zone),
                _why(server, each, language or config.language),
            )
            for config, each in found
        ],
    )


def _why(server: Server, parked: Parked, language: str) -> str:
    """Cause and cure in a sentence, where the channel has one for the code."""
    try:
        channel = server.registry.load(parked.channel).cls if parked.channel else None
    except PluginRefused:
        channel = None
    return one_line(explained(parked.reason, channel, language), 160)


async def _replay(path: Location | None, tenant: str, id: str, take: bool) -> None:
    refused: list[str] = []
    done = 0
    async with beside(path) as server:
        wanted = await _named(server, tenant, id, "turn", "message") if id else await _listed(server, tenant, "turn")
        for config, each in wanted:
            try:
                if await server.parked.replay(config.id, each, take=take):
                    click.echo(f"replayed {each} of {config.id}")
                    done += 1
            except NotYours as err:
                refused.append(f"{each} of {config.id} is not replayed: {err}; --take takes it from them")
    if refused:
        raise click.ClickException(" | ".join(refused))
    if id and not done:
        raise click.ClickException(f"nothing parked has the id {id!r}; `frontdesk parked` lists what is")
    if not done:
        click.echo("Nothing is parked.")


async def _dismiss(path: Location | None, tenant: str, id: str) -> None:
    async with beside(path) as server:
        for config, each in await _named(server, tenant, id, "message", "sent twice", "undelivered"):
            if await server.parked.dismiss(config.id, each):
                click.echo(f"dismissed {each} of {config.id}")
                return
    raise click.ClickException(
        f"no message in the list has the id {id!r}; a turn is answered (replay, or take and say)"
    )


async def _named(server: Server, tenant: str, id: str, *whats: str) -> list[tuple[TenantConfig, str]]:
    """What has this id, else the one whose id begins so; refuses a beginning of several."""
    begin = [(config, each) for config, each in await _listed(server, tenant, *whats) if each.startswith(id)]
    exact = [(config, each) for config, each in begin if each == id]
    refuse_several(id, [each for _, each in exact or begin], "parked things")
    return exact or begin


async def _listed(server: Server, tenant: str, *whats: str) -> list[tuple[TenantConfig, str]]:
    """Tenant and id of everything in the list that is one of *whats*."""
    return [
        (config, each.id)
        for config in _asked(server, tenant)
        for each in await server.parked.list(config.id, limit=1000)
        if each.what in whats
    ]


def _asked(server: Server, tenant: str) -> Iterable[TenantConfig]:
    tenants: Mapping[str, TenantConfig] = server.file.tenants
    return [known_tenant(tenants, tenant)] if tenant else tenants.values()
