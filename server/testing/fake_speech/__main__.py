"""`python -m frontdesk.testing.fake_speech --port N --s3 URL`: the stand-in as a process."""

from __future__ import annotations

import asyncio
import signal

import click

from .server import FakeSpeech


@click.command()
@click.option("--port", default=0, help="0: a free one, printed on the first line.")
@click.option("--s3", required=True, help="The URL of a stand-in for S3, such as moto's server.")
def main(port: int, s3: str) -> None:
    """Run a fake Transcribe and Polly on a loopback port until SIGINT or SIGTERM; its base URL is the first line printed."""
    asyncio.run(_serve(FakeSpeech(s3, port=port)))


async def _serve(speech: FakeSpeech) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with speech:
        click.echo(speech.url)
        await stopped.wait()


if __name__ == "__main__":
    main()
