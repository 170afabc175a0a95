"""`frontdesk migrate`: what is stored, brought to this release's form."""

from __future__ import annotations

import json

import click

from ..services.migrating import Migrated, Migration
from ..services.moving import check_whole
from ..sources import Location
from ..store.collections import COLLECTIONS
from .beside import declared_store, run
from .files import file_option

PROGRESS = 1_000
"""Documents between two lines."""


@click.command()
@click.option(
    "--schemas", is_flag=True, help="Print which schema of each collection this release writes, as JSON; do nothing."
)
@file_option
def migrate(path: Location | None, schemas: bool) -> None:
    """Bring every stored document to this release's schema, and make missing indexes; servers may run meanwhile."""
    if schemas:
        click.echo(json.dumps({collection.name: collection.schema for collection in COLLECTIONS}))
        return
    migrated = run(_migrate(path))
    for name, count in migrated.rewritten.items():
        if count:
            click.echo(f"{name}: {count:,} rewritten")
    if migrated.failed:
        for sentence in migrated.failed:
            click.echo(sentence)
        raise click.ClickException(
            f"{len(migrated.failed)} could not be rewritten; all others are of this release's schema"
        )
    click.echo("Every document is of this release's schema, and every index is there.")


async def _migrate(path: Location | None) -> Migrated:
    store = declared_store(path)
    await store.open()  # makes tables, columns and indexes that are missing
    try:
        await check_whole(store)
        return await Migration(store, _tell).run()
    finally:
        await store.close()


def _tell(collection: str, looked_at: int, rewritten: int) -> None:
    if looked_at % PROGRESS == 0:
        click.echo(f"{collection}: {looked_at:,} looked at, {rewritten:,} rewritten")
