"""`frontdesk conversations`: who answers whom; take one over, write in it, give it back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import click

from frontdesk.config import TenantConfig

from ..app import Server
from ..model import BOT, NOBODY, OPERATOR, Conversation
from ..outbox.policy import closes_at
from ..plugin import Channel
from ..registry import PluginRefused
from ..services.memory import MemoryDesk, NotChanged
from ..services.ownership import NotYours, UnknownConversation, operator
from ..services.timeline import timeline
from ..services.timeline_words import Language
from ..sources import Location
from ..store.collections import CONTACTS
from ..turn.recall import history
from .beside import beside, run
from .files import file_option, known_tenant
from .grammar import Commands, Number, as_option
from .output import duration, moment, one_line, phone, refuse_several, shortened, table
from .why import as_json, as_words

_tenant = click.option("--tenant", default="", help="The tenant; may be left out when there is only one.")


@click.group(cls=Commands, default="list")
def conversations() -> None:
    """List the conversations; take one over, write in it, give it back to the bot; tell why the bot said what it said."""


@conversations.command("list")
@click.argument("id", required=False, default="")
@click.option("--tenant", default="", help="Of this tenant only; without it, of all.")
@file_option
def list_(id: str, tenant: str, path: Location | None) -> None:
    """List them, the one whose contact wrote last first; only those whose id begins with ID, if it is given."""
    run(_list(path, tenant, id))


@conversations.command()
@click.argument("id")
@_tenant
@as_option
@file_option
def take(id: str, tenant: str, by: str, path: Location | None) -> None:
    """Answer a conversation yourself; what the bot was about to say is withdrawn."""

    async def work() -> None:
        async with _acting(path, tenant, id) as (server, config, found):
            await server.ownership.take(config.id, found.id, by)
        if found.owner not in (BOT, NOBODY, operator(by)):
            click.echo(f"until now {found.owner.removeprefix(OPERATOR)} answered it; tell them")
        click.echo(f"{by} answers {found.id} now; the bot comes back {_after(config)} after your last word")

    run(work())


@conversations.command()
@click.argument("id")
@click.argument("text", nargs=-1, required=True)
@_tenant
@as_option
@file_option
def say(id: str, text: tuple[str, ...], tenant: str, by: str, path: Location | None) -> None:
    """Write to the contact of a conversation you have taken."""
    words = " ".join(text).strip()
    if not words:
        raise click.UsageError("there is nothing to say: the text is empty")

    async def work() -> None:
        async with _acting(path, tenant, id) as (server, config, found):
            message = await server.ownership.say(config.id, found.id, by, words)
        click.echo(f"queued as {message.id}")

    run(work())


@conversations.command()
@click.argument("id")
@_tenant
@as_option
@file_option
def release(id: str, tenant: str, by: str, path: Location | None) -> None:
    """Give a conversation back to the bot, which answers what nobody has."""

    async def work() -> None:
        async with _acting(path, tenant, id) as (server, config, found):
            await server.ownership.release(config.id, found.id, by)
        already = found.owner == BOT
        click.echo(f"the bot answers {found.id} {'already; nothing was changed' if already else 'again'}")

    run(work())


@conversations.command()
@click.argument("id")
@click.option("--turn", "no", type=Number(1), help="The number of the turn; without it, the newest.")
@click.option("--language", type=click.Choice(["en", "vi"]), default="en", help="The language of the words: en or vi.")
@click.option("--json", "for_machines", is_flag=True, help="For machines.")
@_tenant
@file_option
def why(id: str, no: int | None, language: Language, for_machines: bool, tenant: str, path: Location | None) -> None:
    """Tell step by step how the bot came to its answer in one turn."""

    async def work() -> None:
        async with _acting(path, tenant, id) as (server, config, found):
            told = await timeline(server.store.for_tenant(config.id), found.id, no)
        if told is None:
            which = f"turn {no}" if no is not None else "turn yet"
            raise click.ClickException(f"{found.id} has no {which}; {found.owner} answers it")
        click.echo(as_json(told, language) if for_machines else as_words(told, language, config.zone))

    run(work())


@conversations.command()
@click.argument("id")
@_tenant
@file_option
def known(id: str, tenant: str, path: Location | None) -> None:
    """Show what is known of a conversation's contact, numbered, with their own words that it comes from."""

    async def work() -> None:
        async with _acting(path, tenant, id) as (server, config, found):
            memories = await MemoryDesk(server.store).known(config.id, found.contact)
            now = server.store.now()
        if not memories:
            click.echo("Nothing is known of this contact.")
            return
        rows = [
            [
                str(no),
                moment(each.at, now, config.zone),
                each.author,
                one_line(each.text, 200),
                each.quote,
                each.message,
            ]
            for no, each in enumerate(memories, 1)
        ]
        table(("NO", "SINCE", "BY", "KNOWN", "THEIR WORDS", "MESSAGE"), rows)

    run(work())


@conversations.command()
@click.argument("id")
@click.argument("no", type=Number(1))
@click.argument("text", nargs=-1, required=True)
@_tenant
@as_option
@file_option
def correct(id: str, no: int, text: tuple[str, ...], tenant: str, by: str, path: Location | None) -> None:
    """Put TEXT in place of what is known of a contact under number NO."""

    async def work() -> None:
        async with _acting(path, tenant, id) as (server, config, found):
            await MemoryDesk(server.store).correct(config.id, found.contact, no, " ".join(text), by)
        click.echo(f"corrected {no}")

    run(work())


@conversations.command()
@click.argument("id")
@click.argument("no", type=Number(1))
@_tenant
@file_option
def forget(id: str, no: int, tenant: str, path: Location | None) -> None:
    """Delete what is known of a contact under number NO."""

    async def work() -> None:
        async with _acting(path, tenant, id) as (server, config, found):
            await MemoryDesk(server.store).forget(config.id, found.contact, no)
        click.echo(f"forgotten {no}")

    run(work())


@asynccontextmanager
async def _acting(
    path: Location | None, tenant: str, id: str
) -> AsyncIterator[tuple[Server, TenantConfig, Conversation]]:
    """The server, the tenant, and the one conversation whose id begins with *id*."""
    if not id:
        raise click.UsageError("the ID is empty; `frontdesk conversations` lists them")
    try:
        async with beside(path) as server:
            config = known_tenant(server.file.tenants, tenant)
            found = await server.ownership.named(config.id, id)
            if not found:
                raise UnknownConversation(f"there is no conversation {id} at this tenant")
            refuse_several(id, [each.id for each in found], "conversations")
            yield server, config, found[0]
    except UnknownConversation as err:
        raise click.ClickException(f"{err}; `frontdesk conversations` lists them") from err
    except (NotYours, NotChanged) as err:
        raise click.ClickException(str(err)) from err


def _after(config: TenantConfig) -> str:
    return duration(config.return_to_bot_after.total_seconds())


async def _list(path: Location | None, tenant: str, id: str) -> None:
    async with beside(path) as server:
        configs = [known_tenant(server.file.tenants, tenant)] if tenant else list(server.file.tenants.values())
        now = server.store.now()
        rows = [
            await _row(server, config, conversation, now)
            for config in configs
            for conversation in (
                await server.ownership.named(config.id, id) if id else await server.ownership.list(config.id)
            )
        ]
    if not rows:
        click.echo(f"No conversation's id begins with {id!r}." if id else "Nobody has written yet.")
        return
    table(("TENANT", "ID", "OWNER", "WAITING", "WINDOW", "CONTACT", "LAST", "MESSAGE"), rows)


async def _row(server: Server, config: TenantConfig, conversation: Conversation, now: datetime) -> list[str]:
    repository = server.store.for_tenant(config.id)
    contact = await repository.get(CONTACTS, conversation.contact)
    who = one_line(contact.name, 30) if contact else ""
    if contact and contact.phone:
        who = f"{who} {phone(contact.phone)}".strip()
    newest = await history(repository, conversation.id, merged=conversation.merged, limit=1)
    # Who was handed off waits for a person, whether or not they have written since.
    since = conversation.unanswered_since or (conversation.owner_since if conversation.owner == NOBODY else None)
    last = newest[0] if newest else None
    trouble = f" [{last.state}: {last.error}]" if last and last.error else ""
    return [
        config.id,
        conversation.id,
        conversation.owner,
        duration((now - since).total_seconds()) if since else "",
        _window(server, conversation, now),
        who or f"{shortened(conversation.external_id)} ({conversation.channel})",
        moment(last.at, now, config.zone) if last else "",
        one_line(f"{last.author}:{trouble} {last.text or f'[{last.kind}]'}") if last else "",
    ]


def _window(server: Server, conversation: Conversation, now: datetime) -> str:
    """For how long the contact can be written to without a template; empty: the channel knows no such limit."""
    try:
        channel = server.registry.load(conversation.channel).cls
    except PluginRefused:
        return ""
    closes = closes_at(conversation, channel.service_window if issubclass(channel, Channel) else None)
    if closes is None:
        return ""
    return f"closes in {duration((closes - now).total_seconds())}" if closes > now else "closed"
