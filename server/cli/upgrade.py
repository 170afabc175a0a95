"""`frontdesk upgrade`: another release in the place of this one, with a way back."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from frontdesk.config import TenantsFile, load

from ..clock import SystemClock
from ..sources import Location, home
from ..store.collections import COLLECTIONS
from ..store.sqlite import SqliteStore
from ..upgrade import UpgradeRefused
from ..upgrade.account import owner_of
from ..upgrade.gate import Gate, url_of
from ..upgrade.installing import Pip
from ..upgrade.releases import Releases, find
from ..upgrade.restarting import Restart, way_to_restart
from ..upgrade.steps import Data, RolledBack, Upgrade, Upgraded
from .beside import store_of
from .files import file_option, prepared, tenants_file
from .grammar import Number


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "--with", "also", multiple=True, help="Install this, too: a plugin's requirement or wheel; may be repeated."
)
@click.option("--restart", "restart", default="", help="The command that restarts the server; without it systemd does.")
@click.option("--url", default="", help="Where the server answers /readyz; without it, where the file binds it.")
@click.option("--within", type=Number(1, 3600), default=240, help="Seconds until the new release must be ready: 240.")
@click.option(
    "--backup-to",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for the backup; without it `backups` beside the store.",
)
@click.option("--dry-run", is_flag=True, help="Tell the steps, and do none of them.")
@file_option
@click.pass_context
def upgrade(
    context: click.Context,
    source: str,
    also: tuple[str, ...],
    restart: str,
    url: str,
    within: int,
    backup_to: Path | None,
    dry_run: bool,
    path: Location | None,
) -> None:
    """Install SOURCE beside this release, back up, switch to it, and back again unless it gets ready.

    SOURCE: a version, a requirement, a wheel, or a folder with the sources.
    """
    try:
        releases = find(sys.prefix, sys.base_prefix)
        pip = Pip(source, also)
        pip.check()
        path = tenants_file(path)
        file = load(prepared(path))
        gate = Gate(url or url_of(file.server), within)
        way = way_to_restart(restart)
        work = Upgrade(releases, _data(path, file, backup_to), pip, way, gate, SystemClock().now, click.echo)
        if dry_run:
            for number, step in enumerate(work.plan(), 1):
                click.echo(f"{number}. {step}")
            return
        done = work.run()
    except (UpgradeRefused, RolledBack) as err:
        click.echo(str(err), err=True)
        context.exit(1)
    except KeyboardInterrupt:
        click.echo("Interrupted. The same command again finishes it, goes back, or begins anew.", err=True)
        raise
    for line in _ending(done, releases, way):
        click.echo(line)
    context.exit(0 if done.migrated else 1)


def _data(path: Location, file: TenantsFile, backup_to: Path | None) -> Data:
    """Raises UpgradeRefused unless it is the embedded store, and there."""
    store = store_of(file)
    if not isinstance(store, SqliteStore):
        raise UpgradeRefused(
            "the store is a database server, which several machines may share: upgrade them one after the other; "
            "docs/how-to/upgrade.md says how"
        )
    try:
        account = owner_of(store.path)
    except OSError as err:
        raise UpgradeRefused(f"{store.path}: {err.strerror}; an upgrade needs a store that a server has made") from err
    backups = (backup_to or store.path.parent / "backups").absolute()
    named = str(path.absolute() if isinstance(path, Path) else path)
    schemas = {collection.name: collection.schema for collection in COLLECTIONS}
    return Data(named, home(path).absolute(), backups, account, schemas)


def _ending(done: Upgraded, releases: Releases, way: Restart) -> list[str]:
    journal = done.journal
    lines = [
        f"{journal.new_version} serves, in the place of {journal.old_version}.",
        f"The backup from before is {journal.backup}.",
        f"Back to {journal.old_version}: mv -T {releases.previous} {releases.link} && {way.shown}",
    ]
    if done.resumed:
        lines.append("This was the upgrade that had been interrupted; for another one, repeat the command.")
    if not done.migrated:
        lines.append(
            "Not everything could be brought to its form; see above, and repeat `frontdesk migrate` when it is mended."
        )
    return lines
