"""`python -m frontdesk.testing.fake_google --port N`: the stand-in as a process."""

from __future__ import annotations

import click

from ..standalone import port_option, run
from .server import FakeGoogle

ACCOUNT = "front-desk@front-desk.iam.gserviceaccount.com"


@click.command()
@port_option
@click.option("--calendar", multiple=True, default=["lan@example.com"], help="A calendar that the account may write.")
def main(port: int, calendar: tuple[str, ...]) -> None:
    """Run a fake Google on a loopback port until SIGINT or SIGTERM. Its base URL is the first line printed, the key file
    of a service account the second."""

    def started(google: FakeGoogle) -> None:
        for each in calendar:
            google.add_calendar(each, writer=ACCOUNT)
        click.echo(google.service_account(ACCOUNT))

    run(FakeGoogle(port=port), started)


if __name__ == "__main__":
    main()
