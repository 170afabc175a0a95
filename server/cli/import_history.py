"""`frontdesk import-history`: what an earlier bot and its contacts said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from ..app import Server
from ..channel import WrittenContact
from ..plugin import Channel
from ..runtime import TenantPlugins
from ..services.history_file import History, Said, Unreadable, read
from ..services.history_import import HistoryImport, region_of
from ..sources import Location
from .beside import beside, run
from .files import file_option, known_tenant
from .output import one_line

PROGRESS = 100
"""Contacts between two lines."""


@click.command("import-history")
@click.argument("history_file", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("tenant")
@click.option("--region", default="", help="The country of national numbers, e.g. VN; without it, the time zone's.")
@click.option("--dry-run", is_flag=True, help="Tell what would be imported; write nothing.")
@file_option
def import_history(history_file: Path, tenant: str, region: str, dry_run: bool, path: Location | None) -> None:
    """Put the conversations of an earlier bot in front of those of TENANT; also while the server runs.

    FILE is JSON: contact → list of {role, content}.
    """
    run(_import(history_file, tenant, region.upper(), dry_run, path))


async def _import(history_file: Path, tenant: str, region: str, dry_run: bool, path: Location | None) -> None:
    async with beside(path) as server:
        config = known_tenant(server.file.tenants, tenant)
        plugins = server.runtimes.declared[config.id]
        try:
            history = read(history_file, config.zone)
        except Unreadable as err:
            raise click.ClickException(str(err)) from err
        people = _people(plugins, history, region or region_of(config))
        for sentence in history.wrong:
            click.echo(one_line(sentence, 200), err=True)
        await _write(server, plugins, history, people, dry_run)


async def _write(
    server: Server,
    plugins: TenantPlugins,
    history: History,
    people: Mapping[tuple[str, WrittenContact], list[Said]],
    dry_run: bool,
) -> None:
    added = there = erased = 0
    for number, ((channel, who), said) in enumerate(people.items(), 1):
        counted = await HistoryImport(server.store, server.people, plugins.tenant, channel, dry_run=dry_run).add(
            who, said
        )
        added, there = added + counted.added, there + counted.there
        erased += counted.erased
        if number % PROGRESS == 0:
            click.echo(f"{number:,} of {len(people):,} contacts")
    done = "would be imported" if dry_run else "imported"
    click.echo(
        f"{added:,} messages of {len(people):,} contacts {done}; {there:,} were there already; "
        f"{history.unsaid:,} that no contact saw (system, tools) and {len(history.wrong):,} wrong entries left out"
    )
    if erased:
        click.echo(f"{erased:,} messages of contacts who have been erased are left out")


def _people(plugins: TenantPlugins, history: History, region: str) -> dict[tuple[str, WrittenContact], list[Said]]:
    """(channel, contact) → messages. Who is written in two ways is one contact; who cannot be told is told as wrong."""
    channels = [
        (kind.name, kind.cls, settings)
        for kind, settings in plugins.plugins
        if issubclass(kind.cls, Channel) and _knows_people(kind.cls)
    ]
    if not channels:
        raise click.ClickException(
            f"tenant {plugins.tenant.id} lists no channel that knows people by their numbers; list one, such as "
            "twilio_whatsapp, so that who writes later is the same contact"
        )
    people: dict[tuple[str, WrittenContact], list[Said]] = {}
    for written, said in history.contacts.items():
        found = ((name, cls.written_contact(settings, written, region)) for name, cls, settings in channels)
        name, who = next(((name, who) for name, who in found if who is not None), ("", None))
        if who is None:
            history.wrong.append(
                f"{written}: no number or name of a contact ({', '.join(c[0] for c in channels)}); left out"
            )
        elif said:
            people.setdefault((name, who), []).extend(said)
    return people


def _knows_people(channel: type[Channel]) -> bool:
    return any("written_contact" in vars(each) for each in channel.__mro__ if each is not Channel)
