"""`python -m frontdesk.testing.fake_bedrock --port N`: the stand-in as a process; it repeats what contacts write."""

from __future__ import annotations

import asyncio
import signal

import click

from .server import FakeBedrock


@click.command()
@click.option("--port", default=0, help="0: a free one, printed on the first line.")
def main(port: int) -> None:
    """Run a fake Bedrock on a loopback port until SIGINT or SIGTERM; its base URL is the first line printed."""
    asyncio.run(_serve(FakeBedrock(port=port)))


async def _serve(bedrock: FakeBedrock) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with bedrock:
        click.echo(bedrock.url)
        await stopped.wait()


if __name__ == "__main__":
    main()
