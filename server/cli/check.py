"""`frontdesk check`: every problem of a tenants file at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

import click

from frontdesk.config import (
    ConfigError,
    Place,
    Problem,
    SecretUnavailable,
    TenantsFile,
    load_env,
    secrets_in,
    use_vault,
)

from ..clock import SystemClock
from ..runtime import TenantPlugins
from ..services.blocking import BlockingCalls
from ..services.secrets import SecretDesk
from ..sources import Location, home
from ..store import StoreError
from ..store.opening import open_store
from ..tenants import gaps, missing_secrets, read_tenants
from ..vaults import Vaults, no_store
from .beside import beside, run
from .files import TenantsFileType, fetched, tenants_file


@click.command()
@click.argument("file", type=TenantsFileType(), required=False)
@click.option("--resolve", is_flag=True, help="Look the secrets up, too: on the machine that serves the file.")
@click.option(
    "--effective", is_flag=True, help="Also what is stored over the file: what it shadows, what does not fit."
)
@click.pass_context
def check(context: click.Context, file: Location | None, resolve: bool, effective: bool) -> None:
    """Tell every problem of a tenants file: file, line, tenant, key, what was found, what would be right.

    Without FILE: ./tenants.yaml, else ./tenants.example.yaml.
    """
    path = tenants_file(file)
    problems = _env_problems(path)
    read, declared, more = _read(path)
    problems += more
    if resolve and read is not None:
        problems += run(_missing(read, declared))
    if effective and not problems:
        run(_tell_shadows(path))
    for problem in problems:
        click.echo(problem)
    if problems:
        click.echo(f"{path}: {_count(len(problems), 'problem')}", err=True)
        context.exit(1)
    for sentence in gaps(declared):
        click.echo(f"Note: {sentence}")
    if read is not None and (sentence := read.server.unnamed_proxy()):
        click.echo(f"Note: {sentence}")
    click.echo(f"OK: {path}: {_count(len(declared), 'tenant')}, {_parts(list(declared.values()))}")


async def _missing(file: TenantsFile, declared: Mapping[str, TenantPlugins]) -> list[Problem]:
    """In a thread, so that the store can be read meanwhile; it is opened only if somebody refers to it."""
    clock = SystemClock()
    stored = any(
        secret.kind == "stored"
        for each in declared.values()
        for _, settings in each.plugins
        for _, secret in secrets_in(settings)
    )
    use_vault(Vaults(clock, BlockingCalls(), no_store))
    async with AsyncExitStack() as stack:
        if stored:
            try:
                store = open_store(file.store_url(), clock)
                await store.open()
            except (SecretUnavailable, ValueError, StoreError) as err:
                return [Place(str(file.path), key="server.store").problem(f"the stored secrets cannot be read: {err}")]
            stack.push_async_callback(store.close)
            vaults = Vaults(clock, BlockingCalls(), SecretDesk(store, file.server.secret_keys).read)
            vaults.attach()
            use_vault(vaults)
        return [each.problem for each in await asyncio.to_thread(missing_secrets, file, declared)]


async def _tell_shadows(path: Location) -> None:
    async with beside(path) as server:
        await server.overlays.look()
        server.overlays.over(server.written)
        for id in server.written:
            for each in await server.overlays.shadows(server.written, id):
                click.echo(f"Note: tenant {id}: {each.key} is shadowed by what {each.by} has stored")
        for id, banner in server.overlays.banners.items():
            click.echo(f"Note: tenant {id}: {banner}")


def _read(path: Location) -> tuple[TenantsFile | None, Mapping[str, TenantPlugins], list[Problem]]:
    """See `read_tenants`."""
    try:
        return read_tenants(fetched(path))
    except ConfigError as err:
        return None, {}, list(err.problems)


def _env_problems(path: Location) -> list[Problem]:
    try:
        load_env(home(path))
    except ConfigError as err:
        return list(err.problems)
    return []


def _parts(declared: list[TenantPlugins]) -> str:
    facts = sum(len(each.tenant.facts) for each in declared)
    plugins = {kind.name for each in declared for kind, _ in each.plugins}
    return f"{_count(len(plugins), 'plugin')}, {_count(facts, 'fact')}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
