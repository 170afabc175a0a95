"""A running server behind Hypercorn: the socket it listens on, and how it comes to an end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import structlog
from hypercorn.config import Config, SocketTypeError

from ..app import Server
from ..errors import StartupError
from .connections import Connections
from .supervisor import Supervisor

log = structlog.get_logger(__name__)

BACKLOG = 1024
"""Connections that wait to be accepted; the machine's net.core.somaxconn may allow fewer."""
QUICK_SECONDS = 1.0
"""What open connections are given to end after Ctrl-C."""


class Listener:
    """The socket of `bind` (`host:port`, `fd://3`, `unix:/path`), taken before anything else is opened."""

    def __init__(self, bind: str) -> None:
        """Raises StartupError when it cannot be had."""
        config = Config()
        config.bind = [bind]
        try:
            (self._socket,) = config.create_sockets().insecure_sockets
        except (OSError, SocketTypeError, ValueError) as err:
            raise StartupError(_refusal(bind, err)) from err
        self._bind = bind

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def listen(self) -> None:
        """From now on nobody is refused. Raises StartupError when another process was quicker."""
        try:
            self._socket.listen(BACKLOG)
        except OSError as err:
            raise StartupError(_refusal(self._bind, err)) from err

    def hand_over(self) -> socket.socket:
        """The socket, for who answers on it and closes it."""
        return socket.socket(fileno=self._socket.detach())

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        host = self._host()
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(host).is_loopback
        return False

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = self._host()
        if not host:
            return self._bind
        address = ipaddress.ip_address(host)
        if address.is_loopback or address.is_unspecified:
            host = "localhost"
        elif address.version == 6:
            host = f"[{host}]"
        return f"http://{host}:{self._socket.getsockname()[1]}"

    def _host(self) -> str:
        """The address it is bound to; empty for a Unix socket."""
        if self._socket.family not in (socket.AF_INET, socket.AF_INET6):
            return ""
        return str(self._socket.getsockname()[0])


def _refusal(bind: str, err: Exception) -> str:
    why = (isinstance(err, OSError) and err.strerror) or str(err)
    right = "choose another with --port, or stop who uses it" if "in use" in why else "see `server.bind`"
    return f"cannot listen on {bind}: {why[:1].lower()}{why[1:]}; {right}"


def end_at_once() -> None:
    """Let SIGTERM and SIGINT end the process, until `host` has its own way: while it starts, nothing is accepted yet.

    Without it the end would wait for threads that try to reach a store which is away.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, os._exit, 0)
    loop.add_signal_handler(signal.SIGINT, os._exit, 128 + signal.SIGINT)
    # What it asks for is being done: the file is read.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)


async def host(server: Server, listener: Listener, supervisor: Supervisor) -> None:
    """Answer HTTP for a started server until SIGTERM or SIGINT has been seen to; the caller stops the server."""
    config = Config()
    config.backlog = BACKLOG
    config.keep_alive_timeout = server.config.times.keep_alive
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    asyncio.get_running_loop().set_exception_handler(_told_by_the_loop)
    # Behind a proxy of this machine a load balancer may stand before both.
    watched = not listener.loopback or bool(server.config.trusted_proxies)
    ending = Ending(watched, server.reloader.tell)
    connections = Connections(server, config)
    await server.start_pages()
    await connections.listen(listener.hand_over())
    supervisor.ready()
    await ending.told()
    supervisor.stopping()
    await _end(server, connections, ending)
    await server.stop_pages()


async def _end(server: Server, connections: Connections, ending: Ending) -> None:
    """First away from the load balancer; then turns end, while messages are still taken; then nobody is let in."""
    times = server.config.times
    server.leave()
    connections.leave()
    wait = 0.0 if ending.quick else times.readiness_off
    log.info("stopping", seconds_until_closed=wait, busy=server.worker.busy)
    await server.clock.sleep(wait)
    await server.finish()
    # What is left of the supervisor's patience is for open requests.
    left = times.supervisor_kill - times.readiness_off - times.graceful_stop
    if ending.interrupted:
        await connections.close(QUICK_SECONDS, linger=0)
    else:
        await connections.close(max(QUICK_SECONDS, left / 2))


def _told_by_the_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Python 3.11's streams complain of a connection that was cut off when its time was over.
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


class Ending:
    """What a signal sets going: SIGTERM; or SIGINT, which does not wait, and of which a second one is the end, now."""

    def __init__(self, watched: bool, hung_up: Callable[[], None]) -> None:
        """*watched*: whether a load balancer may look at /readyz. *hung_up*: what SIGHUP does, unless it says that our
        terminal was closed."""
        self._watched = watched
        self._hung_up = hung_up
        self._received: signal.Signals | None = None
        self._told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sent in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sent, self._receive, sent)
        self._at_a_terminal = sys.stdin.isatty()
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    async def told(self) -> None:
        """Return when the end is to begin."""
        await self._told.wait()

    @property
    def interrupted(self) -> bool:
        """Whether somebody waits for the end at a terminal."""
        return self._received == signal.SIGINT

    @property
    def quick(self) -> bool:
        """Whether no load balancer has to see it first."""
        return self.interrupted or not self._watched

    def _hang_up(self) -> None:
        if self._at_a_terminal and not sys.stdin.isatty():
            self._receive(signal.SIGTERM)
        else:
            self._hung_up()

    def _receive(self, sent: signal.Signals) -> None:
        if self._received is not None and sent == signal.SIGINT:
            # Everything that was accepted is in the store: an abrupt end loses nothing.
            os._exit(128 + sent)
        self._received = self._received or sent
        self._told.set()
