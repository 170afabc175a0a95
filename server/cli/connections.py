"""HTTP on a listening socket, by Hypercorn's connections, and an end that loses no request.

Hypercorn's own `serve` closes the idle connections first and the listener last. A request that is on its way then meets a
closed door: on a connection that a proxy had kept, or on one that was just accepted. Here the listener goes first (whoever
else has the socket, systemd say, keeps who waits there for the next process), and every answer before that ends its
connection.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config

from ..web.asgi import Receive, Scope, Send

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LINGER = 0.5
"""Seconds that an open connection has to bring a request which is on its way, once nobody new is let in."""


class _Connection(TCPServer):
    """One that ends when the other side has ended it: Hypercorn's own waits on for as long as an idle one is kept."""

    async def _read_data(self) -> None:
        await super()._read_data()
        await self.idle_task.stop()


class Connections:
    """Those to one application; `len()`: how many there are."""

    def __init__(self, app: Application, config: Config) -> None:
        self._app = app
        self._config = config
        self._context = WorkerContext(None)
        self._open: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._leaving = False

    def __len__(self) -> int:
        return len(self._open)

    async def listen(self, listener: socket.socket) -> None:
        """Take them from now on. The socket is ours from here."""
        self._server = await asyncio.start_server(self._connected, sock=listener, backlog=self._config.backlog)

    def leave(self) -> None:
        """Tell with every answer that the connection ends, so that whoever keeps connections makes new ones elsewhere."""
        self._leaving = True

    async def close(self, seconds: float, linger: float = LINGER) -> None:
        """Let nobody in, answer what has come or comes within *linger*, and cut off what is open after *seconds*."""
        self.leave()
        if self._server is not None:
            # Closed, not shut down: another process that has the socket goes on listening.
            self._server.close()
        await self._wait(min(linger, seconds))
        await self._context.terminated.set()
        await self._wait(seconds - linger)
        rest = set(self._open)
        for connection in rest:
            connection.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _wait(self, seconds: float) -> None:
        if self._open:
            await asyncio.wait(set(self._open), timeout=max(0.0, seconds))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        app, loop = ASGIWrapper(self._answer), asyncio.get_running_loop()  # type: ignore[arg-type]  # its types want TypedDicts
        await _Connection(app, loop, self._config, self._context, {}, reader, writer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def last(event: dict[str, Any]) -> None:
            if self._leaving and event["type"] == "http.response.start" and scope["http_version"].startswith("1"):
                event = {**event, "headers": [*event["headers"], (b"connection", b"close")]}
            await send(event)

        await self._app(scope, receive, last)
