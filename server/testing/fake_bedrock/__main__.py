"""`python -m frontdesk.testing.fake_bedrock --port N`: the stand-in as a process; it repeats what contacts write."""

from __future__ import annotations

import click

from ..standalone import port_option, run
from .server import FakeBedrock


@click.command()
@port_option
def main(port: int) -> None:
    """Run a fake Bedrock on a loopback port until SIGINT or SIGTERM; its base URL is the first line printed."""
    run(FakeBedrock(port=port))


if __name__ == "__main__":
    main()
