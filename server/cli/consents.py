"""`frontdesk consents`: who asked for no more messages, and for messages again; when, and by which message."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator

import click

from ..model import Consent
from ..sources import Location
from ..store import Repository
from ..store.collections import CONSENTS, CONTACTS
from .beside import beside, run
from .files import file_option, known_tenant
from .output import moment, one_line, phone, table

PAGE = 500
"""Entries that are read together."""
COLUMNS = ("tenant", "at", "contact", "phone", "name", "by", "what", "channel", "message", "text")


@click.command()
@click.option("--tenant", default="", help="Of this tenant only; without it, of all.")
@click.option("--csv", "for_machines", is_flag=True, help="All columns, as CSV with times in UTC.")
@file_option
def consents(tenant: str, for_machines: bool, path: Location | None) -> None:
    """Show the consent ledger: who asked for no more messages or for messages again, when, and by which message."""

    async def work() -> None:
        async with beside(path) as server:
            tenants = server.file.tenants
            configs = [known_tenant(tenants, tenant)] if tenant else list(tenants.values())
            now = server.store.now()
            found = [
                (config, consent, *await _who(repository, consent.contact))
                for config in configs
                for repository in (server.store.for_tenant(config.id),)
                async for consent in _all(repository)
            ]
        if for_machines:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(COLUMNS)
            for config, each, number, name in found:
                who = (config.id, each.at.isoformat(), each.contact, number, name)
                writer.writerow((*who, each.by, each.what, each.channel, each.message, each.text))
        elif not found:
            click.echo("Nobody has asked for no more messages.")
        else:
            table(
                ("TENANT", "WHEN", "CONTACT", "WHO", "WHAT", "BY", "MESSAGE"),
                [
                    (
                        config.id,
                        moment(each.at, now, config.zone),
                        each.contact,
                        f"{one_line(name, 30)} {phone(number) if number else ''}".strip(),
                        f"{each.what}: {one_line(each.text, 40)}",
                        each.by,
                        each.message,
                    )
                    for config, each, number, name in found
                ],
            )

    run(work())


async def _all(repository: Repository) -> AsyncIterator[Consent]:
    """Every entry of a tenant, the oldest first."""
    after: Consent | None = None
    while page := await repository.find(CONSENTS, {}, order_by="at", limit=PAGE, after=after):
        for consent in page:
            yield consent
        after = page[-1]


async def _who(repository: Repository, id: str) -> tuple[str, str]:
    contact = await repository.get(CONTACTS, id)
    return (contact.phone, contact.name) if contact is not None else ("", "")
