"""`frontdesk init`: a tenants file to start from."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from frontdesk.config import write_init


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--force", is_flag=True, help="Write even if the files are there; the old ones are kept as .bak.")
def init(folder: Path, force: bool) -> None:
    """Write a commented tenants.yaml and .env into FOLDER (here, if none is named)."""
    try:
        paths = write_init(folder, force)
    except OSError as err:
        raise click.ClickException(f"{err.filename or folder}: {err.strerror}; name a folder you may write to") from err
    for path in paths:
        click.echo(f"wrote {path}")
    click.echo(f"Now: frontdesk serve {shlex.quote(str(paths[0]))}")
