"""`frontdesk backup` and `frontdesk restore`: the embedded store as one file, and back."""

from __future__ import annotations

from pathlib import Path

import click

from ..sources import Location
from ..store.sqlite import SqliteStore
from ..store.sqlite_backup import examine
from ..store.sqlite_backup import restore as restore_store
from .beside import declared_store, run
from .files import file_option


@click.command()
@click.argument("backup_file", metavar="FILE", type=click.Path(path_type=Path))
@file_option
def backup(backup_file: Path, path: Location | None) -> None:
    """Copy the embedded store into the new file FILE, also while the server runs; then check the copy."""
    store = _embedded(path)
    if not store.path.exists():
        raise click.ClickException(f"{store.path} is not there: nothing has been stored yet")
    run(store.backup(backup_file))
    click.echo(f"wrote {backup_file}: {_told(backup_file, examine(backup_file))}")
    click.echo(
        f"Not in it: the other files in {store.path.parent}, among them media and signing.key; copy them as they are"
    )


@click.command()
@click.argument("backup_file", metavar="FILE", type=click.Path(path_type=Path))
@file_option
def restore(backup_file: Path, path: Location | None) -> None:
    """Put the backup FILE in the place of the embedded store; the server must be stopped, and no store be there."""
    store = _embedded(path)
    found = restore_store(backup_file, store.path)
    click.echo(f"restored {store.path}: {_told(store.path, found)}")


def _embedded(path: Location | None) -> SqliteStore:
    """The store of the tenants file, not opened. Raises ClickException if it is another kind."""
    store = declared_store(path)
    if not isinstance(store, SqliteStore):
        raise click.ClickException("the store is a database server; back it up with its own snapshots")
    return store


def _told(path: Path, found: dict[str, int]) -> str:
    size = f"{path.stat().st_size / 1_000_000:.1f} MB"
    return f"{size}; conversations: {found.get('conversations', 0)}, messages: {found.get('messages', 0)}"
