"""`python -m frontdesk.testing.fake_twilio --port N --log FILE`: the fake as a process that outlives the server."""

from __future__ import annotations

from pathlib import Path

import click

from ..standalone import port_option, run
from .server import ACCOUNT_SID, AUTH_TOKEN, FakeTwilio


@click.command()
@port_option
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="JSON lines of everything that happens.")
@click.option("--account-sid", default=ACCOUNT_SID, show_default=True)
@click.option("--auth-token", default=AUTH_TOKEN, show_default=True)
@click.option("--reach", multiple=True, metavar="PUBLIC=REAL", help="Where a public base URL really is.")
def main(port: int, log: Path | None, account_sid: str, auth_token: str, reach: tuple[str, ...]) -> None:
    """Run a fake Twilio on a loopback port until SIGINT or SIGTERM; its base URL is the first line printed."""
    ways = dict(way.split("=", 1) for way in reach)
    run(FakeTwilio(account_sid=account_sid, auth_token=auth_token, port=port, log=log, reach=ways))


if __name__ == "__main__":
    main()
