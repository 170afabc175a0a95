"""`frontdesk serve`: the server, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

import click
import structlog

from frontdesk.config import ConfigError, ServerConfig, load

from ..app import Server, create_server
from ..observe.logging import set_up_logging
from ..services.overview import Overview
from ..sources import Location
from ..tenants import MissingSecret, gaps, missing_secrets
from ..web.webhooks import PREFIX
from .files import TenantsFileType, prepared
from .grammar import Number
from .hosting import Listener, end_at_once, host
from .starting import wait_for_store
from .supervisor import Supervisor

log = structlog.get_logger(__name__)

STORE_PATIENCE = 60.0
"""Seconds a start waits for a store that is away, or for the bucket of the tenants file."""


class Address(click.types.StringParamType):
    """Where to listen."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if wrong := _unfit(value):
            self.fail(wrong, param, ctx)
        return str(value)


@click.command()
@click.argument("file", type=TenantsFileType(), required=False)
@click.option(
    "--bind",
    type=Address(),
    help="Where to listen, in place of the file's `server.bind`: host:port, fd://3, unix:/path.",
)
@click.option("--host", "host_name", help="The host of it alone, e.g. 0.0.0.0.")
@click.option("--port", type=Number(0, 65535), help="The port of it alone.")
def serve(file: Location | None, bind: str | None, host_name: str | None, port: int | None) -> None:
    """Run the server.

    Without FILE: ./tenants.yaml, else ./tenants.example.yaml. The file `.env` beside it is read first.
    """
    if bind is not None and (host_name is not None or port is not None):
        raise click.UsageError("--bind says it all; leave --host and --port out")
    server = _server(file, bind or "", host_name, port)
    set_up_logging(server.config.log)
    with Listener(server.config.bind) as listener, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(server, listener))
        _end()


def _server(file: Location | None, bind: str, host_name: str | None, port: int | None) -> Server:
    path = prepared(file, STORE_PATIENCE)
    if host_name is not None or port is not None:
        # What is wrong with the file create_server tells, all of it.
        with suppress(ConfigError):
            bind = _changed(load(path).server.bind, host_name, port)
    return create_server(path, bind=bind)


def _end() -> NoReturn:
    """The end of a process that has closed everything: a driver's or an SDK's thread that still waits for an answer would
    hold it up, past the supervisor's patience."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _serve(server: Server, listener: Listener) -> None:
    end_at_once()
    await wait_for_store(server, STORE_PATIENCE)
    try:
        _leave_to_the_collector_what_is_new()
        missing = _missing_secrets(server)
        listener.listen()
        first_run = await server.office.links.first_run()
        for line in _where_to_go(server, listener, missing, first_run):
            click.echo(line)
        server.watch_file()
        await host(server, listener, Supervisor(os.environ))
    finally:
        await server.stop()


def _leave_to_the_collector_what_is_new() -> None:
    """What the start made stays until the end: searching it for garbage again and again was a tenth of all CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _changed(declared: str, host_name: str | None, port: int | None) -> str:
    """The bind of the file, with another host or port. Raises UsageError if it has neither."""
    if declared.startswith(("fd:", "unix:")):
        raise click.UsageError(f"the file binds {declared}, which has no host and port; use --bind host:port")
    old_host, _, old_port = declared.rpartition(":")
    host_name = old_host if host_name is None else host_name
    if ":" in host_name and not host_name.startswith("["):
        host_name = f"[{host_name}]"
    bind = f"{host_name}:{old_port if port is None else port}"
    if _unfit(bind):
        raise click.UsageError(f"--host: found {host_name!r}; write a name or an address, e.g. 0.0.0.0")
    return bind


def _unfit(bind: str) -> str:
    """What was found and what would be right, if *bind* is no place to listen; else nothing."""
    try:
        ServerConfig().bound_to(bind)
    except ConfigError as err:
        (problem,) = err.problems
        return f"{problem.found}; {problem.right}"
    return ""


def _missing_secrets(server: Server) -> list[MissingSecret]:
    """Those of tenants, in variables and files; the others are told when their plugin starts. Without one of its own the
    server has not come so far."""
    missing = missing_secrets(server.file, server.runtimes.declared, remote=False)
    for each in missing:
        log.error("secret_missing", tenant=each.tenant, plugin=each.plugin, reason=str(each.problem))
    return missing


def _where_to_go(server: Server, listener: Listener, missing: list[MissingSecret], first_run: str) -> Iterator[str]:
    yield f"Frontdesk serves {server.file.path} on {listener.url}"
    for tenant in Overview(server.runtimes, server.registry).tenants():
        yield f"  {tenant.id}: {tenant.name}"
        for plugin, page in tenant.pages:
            yield f"    {plugin:<18} {listener.url}{page}"
        for kind, _ in server.runtimes.declared[tenant.id].plugins:
            # A channel with a page of its own is no provider's.
            if "parse_webhook" in kind.hooks and "routes" not in kind.hooks:
                yield f"    {kind.name:<18} {server.config.public_url}{PREFIX}{kind.name}/{tenant.id} (its webhook)"
        for each in missing:
            if each.tenant == tenant.id:
                yield f"    {each.plugin:<18} NOT READY: {each.problem.key}: {each.problem.found}"
    if missing:
        right = "frontdesk check --resolve tells them again"
        yield f"{len(missing)} secret{'' if len(missing) == 1 else 's'} missing: what needs them does not work; {right}"
    for sentence in gaps(server.runtimes.declared):
        yield f"Note: {sentence}"
    if sentence := server.config.unnamed_proxy():
        yield f"Note: {sentence}"
    if first_run:
        yield f"Operators: make the first account, once, within a day: {listener.url}/first-run/{first_run}"
    else:
        yield f"Operators: {listener.url}/sign-in"
    yield "Ctrl-C stops it."


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed (the extra `uvloop`), else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
