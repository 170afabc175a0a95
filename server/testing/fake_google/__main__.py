"""`python -m frontdesk.testing.fake_google --port N`: the stand-in as a process."""

from __future__ import annotations

import asyncio
import signal

import click

from .server import FakeGoogle

ACCOUNT = "front-desk@front-desk.iam.gserviceaccount.com"


@click.command()
@click.option("--port", default=0, help="0: a free one, printed on the first line.")
@click.option("--calendar", multiple=True, default=["lan@example.com"], help="A calendar that the account may write.")
def main(port: int, calendar: tuple[str, ...]) -> None:
    """Run a fake Google on a loopback port until SIGINT or SIGTERM. Its base URL is the first line printed, the key file
    of a service account the second."""
    asyncio.run(_serve(FakeGoogle(port=port), calendar))


async def _serve(google: FakeGoogle, calendars: tuple[str, ...]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with google:
        for each in calendars:
            google.add_calendar(each, writer=ACCOUNT)
        click.echo(google.url)
        click.echo(google.service_account(ACCOUNT))
        await stopped.wait()


if __name__ == "__main__":
    main()
