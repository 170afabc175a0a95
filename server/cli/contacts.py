"""`frontdesk contacts`: what is kept of one contact; export it, erase it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from frontdesk.config import TenantConfig

from ..app import Server
from ..model import Conversation, Task
from ..plugin import Channel
from ..services.erasing import UnknownContact
from ..services.exporting import export as export_contact
from ..services.history_import import region_of
from ..sources import Location
from ..store.collections import CONSENTS, CONTACTS, IDENTITIES, TASKS
from .beside import beside, run
from .files import file_option, known_tenant
from .grammar import Commands
from .output import moment, one_line, phone, refuse_several

LOOK_EVERY = 1.0
"""Seconds between two looks at what another process erases."""


@click.group(cls=Commands)
def contacts() -> None:
    """Show what is kept of one contact of a tenant, export all of it, or erase it."""


@contacts.command()
@click.argument("tenant")
@click.argument("contact")
@file_option
def show(tenant: str, contact: str, path: Location | None) -> None:
    """Show who a contact is and how much is kept of them. CONTACT is an id, the beginning of one, or a phone number."""

    async def work() -> None:
        async with _of(path, tenant, contact) as (server, config, found):
            lines = await _shown(server, config, found)
        for name, value in lines:
            click.echo(f"{name:<13} {value}".rstrip())

    run(work())


@contacts.command()
@click.argument("tenant")
@click.argument("contact")
@file_option
@click.pass_context
def export(context: click.Context, tenant: str, contact: str, path: Location | None) -> None:
    """Print everything that is kept of a contact, here and by the plugins, as one JSON object.

    Exits with 1 if a plugin could not say what it has; its name and why are on standard error.
    """

    async def work() -> list[str]:
        async with _of(path, tenant, contact) as (server, config, found):
            async with server.runtimes.use(config.id) as runtime:
                told, troubles = await export_contact(runtime, server.store, found)
        json.dump(told, sys.stdout, ensure_ascii=False, indent=1)
        click.echo()
        return troubles

    troubles = run(work())
    for trouble in troubles:
        click.echo(f"missing: what {trouble}", err=True)
    if troubles:
        context.exit(1)


@contacts.command()
@click.argument("tenant")
@click.argument("contact")
@click.option("--yes", is_flag=True, help="Do not ask.")
@file_option
@click.pass_context
def erase(context: click.Context, tenant: str, contact: str, yes: bool, path: Location | None) -> None:
    """Delete everything that is kept of a contact, for good: here, at the provider, and by the plugins.

    It may be repeated at any time. A running server goes on with it if the command is ended.
    """
    if not run(_erase(path, tenant, contact, yes)):
        context.exit(1)


@asynccontextmanager
async def _of(
    path: Location | None, tenant: str, written: str
) -> AsyncIterator[tuple[Server, TenantConfig, Conversation]]:
    """The server, the tenant, and the conversation with the one contact that is meant."""
    if not written.strip():
        raise click.UsageError("the CONTACT is empty; `frontdesk conversations` lists ids and numbers")
    async with beside(path) as server:
        config = known_tenant(server.file.tenants, tenant)
        found = await _by_name(server, config, written) or await _by_id(server, config, written)
        if found is None:
            raise click.ClickException(
                f"there is no contact {written} at {config.id}; `frontdesk conversations --tenant {config.id}` lists them"
            )
        yield server, config, found


async def _by_name(server: Server, config: TenantConfig, written: str) -> Conversation | None:
    """By a number or whatever else a channel of the tenant calls them."""
    repository = server.store.for_tenant(config.id)
    region = region_of(config)
    for kind, settings in server.declared[config.id].plugins:
        if issubclass(kind.cls, Channel):
            who = kind.cls.written_contact(settings, written, region)
            name = who.external_id if who is not None else written
            found = await server.people.known(repository, config.id, kind.name, name)
            if found is not None:
                return found
    return None


async def _by_id(server: Server, config: TenantConfig, written: str) -> Conversation | None:
    found = await server.ownership.named(config.id, written)
    refuse_several(written, [each.id for each in found], "contacts")
    return found[0] if found else None


async def _shown(server: Server, config: TenantConfig, found: Conversation) -> list[tuple[str, str]]:
    repository, now = server.store.for_tenant(config.id), server.store.now()
    contact = await repository.get(CONTACTS, found.contact)
    names = [identity.id for part in found.parts for identity in await repository.find(IDENTITIES, {"contact": part})]
    consents = [
        consent
        for part in found.parts
        for consent in await repository.find(CONSENTS, {"contact": part, "by": "contact"}, order_by="at")
    ]
    lines = [("id", found.id)]
    if contact is not None:
        lines += [
            ("name", one_line(contact.name)),
            ("phone", phone(contact.phone) if contact.phone else ""),
            ("language", contact.language),
            ("messages", _wish(contact.opted_out, contact.opted_out_at, now, config.zone)),
            ("known", f"{len(contact.memories)} things; `frontdesk conversations known {found.id}` tells them"),
        ]
    lines += [("called", one_line(name, 100)) for name in names]
    lines += [
        ("since", moment(found.created_at, now, config.zone)),
        ("last wrote", moment(found.last_inbound_at, now, config.zone)),
        ("kept", f"{await server.erasing.left(config.id, found.id)} messages, {len(consents)} consents"),
    ]
    if found.erased_at is not None:
        lines.append(("being erased", f"since {moment(found.erased_at, now, config.zone)}"))
    return lines


def _wish(opted_out: bool, since: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    return f"wants none {f'since {moment(since, now, zone)}' if since else ''}".rstrip() if opted_out else "may be sent"


async def _erase(path: Location | None, tenant: str, written: str, yes: bool) -> bool:
    """False: nothing was erased because it was not wanted, or not all of it could be yet."""
    async with _of(path, tenant, written) as (server, config, found):
        desk = server.erasing
        contact = await server.store.for_tenant(config.id).get(CONTACTS, found.contact)
        who = " ".join(filter(None, (one_line(contact.name, 30), phone(contact.phone)))) if contact else ""
        messages = await desk.left(config.id, found.id)
        question = f"Erase {who or found.id} of {config.id} for good, with {messages} messages?"
        if not yes and not click.confirm(question, err=True):
            click.echo("nothing was erased")
            return False
        await server.media.start()
        try:
            await desk.begin(config.id, found.id)
        except UnknownContact:
            pass  # somebody else was quicker
        try:
            while waiting := await desk.waiting(config.id):
                for task in waiting:
                    if not await _until_erased(server, config.id, task):
                        return False
        finally:
            await server.media.stop()
    click.echo(f"erased {found.id}")
    return True


async def _until_erased(server: Server, tenant: str, task: Task) -> bool:
    """Go on with it until it is done; False: a provider or a plugin does not do its part just now."""
    desk, left = server.erasing, -1
    contact = str(task.data["contact"])
    while (at := await desk.step(tenant, task)) is not None:
        known = await server.store.for_tenant(tenant).get(TASKS, task.id)
        if known is not None and known.error:
            click.echo(
                f"{contact} is not erased yet: {known.error}\nA running server goes on with it; so does this command",
                err=True,
            )
            return False
        if (now_left := await desk.left(tenant, contact)) != left:
            left = now_left
            click.echo(f"{left} messages left", err=True)
        await asyncio.sleep(min(max(0.0, (at - server.store.now()).total_seconds()), LOOK_EVERY))
    return True
