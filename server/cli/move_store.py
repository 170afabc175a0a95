"""`frontdesk move-store`: from the embedded store to a database server, and back."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import click

from frontdesk.config import load_env

from ..clock import SystemClock
from ..services import moving
from ..services.instances import alive
from ..services.moving import Move, Moved, MoveRefused
from ..store import Store, StoreError
from ..store.opening import open_store
from ..store.sqlite import SqliteStore
from ..store.sqlite_backup import in_use
from .beside import run

PROGRESS = 1_000
"""Documents between two lines."""
VARIABLE = "env:"


@click.command("move-store")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--yes-stopped", is_flag=True, help="No server runs on FROM, whatever it looks like: I have stopped it.")
@click.option(
    "--give-up", is_flag=True, help="Do not move: a move that has not ended is given up, and FROM open again."
)
@click.option("--yes-lost", is_flag=True, help="With --give-up: TO is gone for good, and nobody serves from it.")
def move_store(source: str, target: str, yes_stopped: bool, give_up: bool, yes_lost: bool) -> None:
    """Copy everything from the store FROM into the empty store TO, and compare both; no server may run on FROM."""
    if yes_lost and not give_up:
        raise click.UsageError("--yes-lost goes with --give-up")
    load_env(Path.cwd())
    origin, goal = _url(source), _url(target)
    if _shown(origin) == _shown(goal):
        raise click.UsageError("FROM and TO are the same store")
    try:
        if give_up:
            run(_give_up(origin, goal, yes_lost))
            click.echo("The move is given up: a server may start on FROM again. TO stays closed; delete it by hand.")
        else:
            _tell(run(_move(origin, goal, yes_stopped)), target)
    except MoveRefused as err:
        raise click.ClickException(str(err)) from err


def _url(given: str) -> str:
    """The URL itself, or the one in the environment variable that is named."""
    if not given.startswith(VARIABLE):
        return given
    name = given.removeprefix(VARIABLE)
    if not (url := os.environ.get(name)):
        raise click.UsageError(f"the environment has no {name}; set it, or write it into .env here")
    return url


async def _move(origin: str, goal: str, yes_stopped: bool) -> Moved:
    async with AsyncExitStack() as stack:
        source, target = open_store(origin, SystemClock()), open_store(goal, SystemClock())
        if isinstance(source, SqliteStore):
            _check_file(source.path, yes_stopped)
        for store in (source, target):
            await store.open()
            stack.push_async_callback(store.close)
        if not yes_stopped:
            await _check_stopped(source)
        return await Move(source, target, _shown(origin), _shown(goal), _Progress()).run()


async def _give_up(origin: str, goal: str, yes_lost: bool) -> None:
    async with AsyncExitStack() as stack:

        async def opened(url: str) -> Store:
            store = open_store(url, SystemClock())
            if isinstance(store, SqliteStore):
                _check_there(store.path)
            await store.open()
            stack.push_async_callback(store.close)
            return store

        source = await opened(origin)
        try:
            target = None if yes_lost else await opened(goal)
        except (StoreError, click.ClickException) as err:
            raise click.ClickException(
                f"TO: {err}. Whether the move has ended stands there; if it is gone for good, say --yes-lost"
            ) from err
        await moving.give_up(source, target, _shown(origin), _shown(goal))


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise click.ClickException(
            f"{path.absolute()} is not there; name the file of the store, or its folder's way to it"
        )


def _check_file(path: Path, yes_stopped: bool) -> None:
    _check_there(path)
    if not yes_stopped and in_use(path):
        raise click.ClickException(f"{path} is in use by another process: stop the server first, or say --yes-stopped")


async def _check_stopped(source: Store) -> None:
    if running := await alive(source):
        named = ", ".join(f"{each.host} (process {each.pid})" for each in running)
        raise click.ClickException(
            f"a server runs on FROM: {named}. Stop it first; one that was killed is forgotten after 90 s, or say "
            "--yes-stopped"
        )


class _Progress:
    """A line for each thousand documents."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def __call__(self, collection: str, copied: int) -> None:
        if copied // PROGRESS > self._told.get(collection, 0):
            self._told[collection] = copied // PROGRESS
            click.echo(f"{collection}: {copied:,} copied")


def _tell(moved: Moved, target: str) -> None:
    for collection, sums in moved.sums.items():
        for tenant, (count, checksum) in sorted(sums.items()):
            click.echo(
                f"{collection}, {tenant or 'server-wide'}: {count:,}, checksum {checksum:032x}, the same in both"
            )
    if moved.before:
        click.echo("TO held all of it already: nothing was copied.")
    written = _reference(target)
    click.echo(f"Now write into the tenants file, under `server:`:\n  store: {written}")
    click.echo("Then start the server. FROM says that it was moved: no server starts on it any more.")
    click.echo("Media and the keys in data_dir are not in a store, and stay where they are.")


def _reference(target: str) -> str:
    if target.startswith(VARIABLE):
        return f"{{env: {target.removeprefix(VARIABLE)}}}"
    return "{env: FRONTDESK_STORE}   # and the URL into .env" if "@" in target else target


def _shown(url: str) -> str:
    """A store's URL without its password and options: the same for the same store."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return f"sqlite:///{Path(parts.path.removeprefix('/')).absolute()}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
