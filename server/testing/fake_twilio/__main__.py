"""`python -m frontdesk.testing.fake_twilio --port N --log FILE`: the fake as a process that outlives the server."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from .server import ACCOUNT_SID, AUTH_TOKEN, FakeTwilio


@click.command()
@click.option("--port", default=0, help="0: a free one, printed on the first line.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="JSON lines of everything that happens.")
@click.option("--account-sid", default=ACCOUNT_SID, show_default=True)
@click.option("--auth-token", default=AUTH_TOKEN, show_default=True)
@click.option("--reach", multiple=True, metavar="PUBLIC=REAL", help="Where a public base URL really is.")
def main(port: int, log: Path | None, account_sid: str, auth_token: str, reach: tuple[str, ...]) -> None:
    """Run a fake Twilio on a loopback port until SIGINT or SIGTERM; its base URL is the first line printed."""
    ways = dict(way.split("=", 1) for way in reach)
    asyncio.run(_serve(FakeTwilio(account_sid=account_sid, auth_token=auth_token, port=port, log=log, reach=ways)))


async def _serve(twilio: FakeTwilio) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with twilio:
        click.echo(twilio.url)
        await stopped.wait()


if __name__ == "__main__":
    main()
