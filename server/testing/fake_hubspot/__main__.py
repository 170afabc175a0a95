"""`python -m frontdesk.testing.fake_hubspot --port N`: the stand-in as a process."""

from __future__ import annotations

import click

from ..standalone import port_option, run
from .server import FakeHubspot


@click.command()
@port_option
def main(port: int) -> None:
    """Run a fake HubSpot on a loopback port until SIGINT or SIGTERM; its base URL is the first line printed."""
    run(FakeHubspot(port=port))


if __name__ == "__main__":
    main()
