"""`python -m frontdesk.testing.fake_hubspot --port N`: the stand-in as a process."""

from __future__ import annotations

import asyncio
import signal

import click

from .server import FakeHubspot


@click.command()
@click.option("--port", default=0, help="0: a free one, printed on the first line.")
def main(port: int) -> None:
    """Run a fake HubSpot on a loopback port until SIGINT or SIGTERM; its base URL is the first line printed."""
    asyncio.run(_serve(FakeHubspot(port=port)))


async def _serve(hubspot: FakeHubspot) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with hubspot:
        click.echo(hubspot.url)
        await stopped.wait()


if __name__ == "__main__":
    main()
