"""`frontdesk chat`: talk to a tenant's bot in the terminal, through the pipeline that WhatsApp uses."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import hmac
import secrets
import sys
import threading
import unicodedata
from collections.abc import AsyncIterator

import click

from frontdesk.config import Log, TenantConfig

from ..app import Server, create_server
from ..keys import signing_key
from ..observe.logging import set_up_logging
from ..sources import Location
from ..tasks import Owner
from .beside import run
from .files import file_option, known_tenant, prepared
from .phone import CHANNEL, Phone
from .starting import wait_for_store
from .terminal import Terminal

STORE_PATIENCE = 10.0
"""Seconds."""


@click.command()
@click.argument("tenant")
@click.option(
    "--new", is_flag=True, help="As somebody who has never written before; it says under which name to go on."
)
@click.option("--as", "name", help="As the contact of this name: yours, and any you like.")
@file_option
def chat(tenant: str, new: bool, name: str | None, path: Location | None) -> None:
    """Talk to the bot of TENANT in the terminal; end with Ctrl-D.

    Lines that are piped in are sent one by one, each when the one before has its answer.
    """
    if new and name is not None:
        raise click.UsageError("--new makes a name; leave --as out")
    if name is not None and not name.strip():
        raise click.UsageError("--as: found an empty name; write one, e.g. --as lan")
    set_up_logging(Log(level="error"))
    server = create_server(prepared(path))
    config = known_tenant(server.file.tenants, tenant)
    if CHANNEL not in (entry.name for entry in config.plugins):
        raise click.ClickException(
            f"tenant {tenant} has no {CHANNEL}, which carries this chat; "
            f"add `- {CHANNEL}` to its plugins in {server.file.path}"
        )
    who = f"new-{secrets.token_hex(4)}" if new else unicodedata.normalize("NFC", (name or "").strip())
    hint = f"; `frontdesk chat {tenant} --as {who}` goes on with this conversation" if new else ""
    run(_chat(server, config, who, f"{config.name}. Ctrl-D ends{hint}."))


def _contact(server: Server, name: str) -> str:
    """The same for the same user of this machine and the same name (empty: the user), and not to be guessed: who knows it
    may read the conversation."""
    key = signing_key(server.config.signing_key, server.file.data_dir)
    who = "\0".join(filter(None, ("terminal", getpass.getuser(), name)))
    return f"terminal-{hmac.new(key, who.encode(), hashlib.sha256).hexdigest()[:32]}"


async def _chat(server: Server, tenant: TenantConfig, name: str, welcome: str) -> None:
    await wait_for_store(server, STORE_PATIENCE)
    owner = Owner("chat")
    try:
        terminal = Terminal(tenant.persona.name)
        phone = Phone(server, tenant, _contact(server, name), terminal, name or getpass.getuser())
        await phone.look()
        watching = owner.start(phone.watch(), "watch")
        terminal.hint(welcome)
        async for line in _lines():
            text = line.strip()
            if not text:
                terminal.prompt()
                continue
            terminal.said(text)
            await phone.say(text)
            if not terminal.interactive:
                await phone.answered(server.config.times.turn_deadline * 2)
        terminal.end()
        watching.cancel()
    finally:
        await owner.drain(0)
        await server.stop()


async def _lines() -> AsyncIterator[str]:
    """The lines of standard input, read by a thread: neither a terminal nor a file can be awaited everywhere."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        # Unbuffered, and so without the lock that Python waits for when it ends while a daemon thread reads.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stream:
            for line in stream:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode("utf-8", "replace"))
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
