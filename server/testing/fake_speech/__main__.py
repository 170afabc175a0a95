"""`python -m frontdesk.testing.fake_speech --port N --s3 URL`: the stand-in as a process."""

from __future__ import annotations

import click

from ..standalone import port_option, run
from .server import FakeSpeech


@click.command()
@port_option
@click.option("--s3", required=True, help="The URL of a stand-in for S3, such as moto's server.")
def main(port: int, s3: str) -> None:
    """Run a fake Transcribe and Polly on a loopback port until SIGINT or SIGTERM; its base URL is the first line printed."""
    run(FakeSpeech(s3, port=port))


if __name__ == "__main__":
    main()
