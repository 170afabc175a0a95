"""A stand-in as a process of its own: `python -m frontdesk.testing.fake_NAME`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import click


class StandIn(Protocol):
    """What runs while its context is open."""

    @property
    def url(self) -> str: ...

    async def __aenter__(self) -> Any: ...

    async def __aexit__(self, *failure: Any) -> Any: ...


S = TypeVar("S", bound=StandIn)

port_option = click.option("--port", default=0, help="0: a free one, printed on the first line.")


def run(stand_in: S, started: Callable[[S], None] = lambda _: None) -> None:
    """Run it until SIGINT or SIGTERM. Its base URL is the first line printed; then *started* is called."""
    asyncio.run(_serve(stand_in, started))


async def _serve(stand_in: S, started: Callable[[S], None]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with stand_in:
        click.echo(stand_in.url)
        started(stand_in)
        await stopped.wait()
