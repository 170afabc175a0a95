"""`frontdesk secrets`: what was typed in, encrypted in the store. A secret is read from a prompt or a pipe, never shown."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import click

from frontdesk.config import Problem, load

from ..services.secrets import Rotated, SecretDesk, new_key, references
from ..sources import Location
from ..store import Store
from .beside import run, store_of
from .files import file_option, known_tenant, prepared
from .grammar import Commands, as_option
from .output import moment, table


@click.group(cls=Commands, default="list")
def secrets() -> None:
    """Store secrets encrypted, for `{stored: NAME}` in a tenant's settings; list, delete and re-encrypt them."""


@secrets.command("set")
@click.argument("tenant")
@click.argument("name")
@as_option
@file_option
def set_(tenant: str, name: str, by: str, path: Location | None) -> None:
    """Store the secret NAME of TENANT, in place of what was there; it is asked for, or read from standard input."""
    known_tenant(load(prepared(path)).tenants, tenant)
    value = _typed(name)

    async def work() -> None:
        async with _desk(path) as (desk, _):
            try:
                await desk.set(tenant, name, value, by)
            except ValueError as err:
                raise click.UsageError(str(err)) from err

    run(work())
    click.echo(f"stored {name} of {tenant}; settings refer to it as {{stored: {name}}}")


def _typed(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(name, hide_input=True, confirmation_prompt=True))
    return sys.stdin.read().rstrip("\r\n")


@secrets.command("list")
@click.argument("tenant", required=False, default="")
@file_option
def list_(tenant: str, path: Location | None) -> None:
    """List the names of stored secrets, when they were set and by whom; of all tenants, or of TENANT."""

    async def work() -> list[tuple[str, ...]]:
        async with _desk(path) as (desk, store):
            now = store.now()
            return [
                (each, name, moment(at, now, ZoneInfo("UTC")), by)
                for each in ([tenant] if tenant else await store.bulk.tenants())
                for name, at, by in await desk.names(each)
            ]

    if rows := run(work()):
        table(("TENANT", "NAME", "SET (UTC)", "BY"), rows)
    else:
        click.echo("No secret is stored.")


@secrets.command()
@click.argument("tenant")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also if something refers to it, which does not work any more then.")
@file_option
def delete(tenant: str, name: str, force: bool, path: Location | None) -> None:
    """Forget the stored secret NAME of TENANT, unless a setting refers to it."""

    async def work() -> list[Problem]:
        async with _desk(path) as (desk, store):
            if name not in [known for known, _, _ in await desk.names(tenant)]:
                raise click.ClickException(
                    f"tenant {tenant} has no stored secret {name}; `frontdesk secrets` lists them"
                )
            referring = await references(store, load(prepared(path)), tenant, name)
            if force or not referring:
                await desk.delete(tenant, name)
            return referring

    referring = run(work())
    for problem in referring:
        click.echo(problem, err=not force)
    if referring and not force:
        raise click.ClickException(f"{name} of {tenant} was not deleted: take that away first, or say --force")
    click.echo(f"deleted {name} of {tenant}" + ("; what refers to it does not work any more" if referring else ""))


@secrets.command()
@file_option
def rotate(path: Location | None) -> None:
    """Encrypt every stored secret with the first key of FRONTDESK_SECRET_KEYS; servers may run meanwhile."""

    async def work() -> list[Rotated]:
        async with _desk(path) as (desk, _):
            return await desk.rotate()

    done = run(work())
    for each in done:
        click.echo(f"{each.tenant}: {each.encrypted} encrypted with the first key, {each.were_so} were so already")
    if unreadable := [f"{name} of {each.tenant}" for each in done for name in each.unreadable]:
        raise click.ClickException(
            f"no key fits {', '.join(unreadable)}: add the key it was encrypted with, or set it again; nothing was lost"
        )
    click.echo("The other keys are not needed any more." if done else "No secret is stored.")


@secrets.command()
def key() -> None:
    """Print a new key for FRONTDESK_SECRET_KEYS."""
    click.echo(new_key())


@asynccontextmanager
async def _desk(path: Location | None) -> AsyncIterator[tuple[SecretDesk, Store]]:
    file = load(prepared(path))
    store = store_of(file)
    await store.open()
    try:
        yield SecretDesk(store, file.server.secret_keys), store
    finally:
        await store.close()
