"""Which tenants file a command works on, and who is in it."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from frontdesk.config import Remote, TenantConfig, load_env, use_vault

from ..clock import SystemClock
from ..errors import StartupError
from ..services.blocking import BlockingCalls
from ..sources import Location, SourceAway, fetch, home, location
from ..vaults import Vaults, no_store

NAMES = ("tenants.yaml", "tenants.example.yaml")
F = TypeVar("F", bound=Callable[..., Any])
PAUSE = 2.0
"""Seconds between two attempts to fetch a tenants file that is away."""


class TenantsFileType(click.Path):
    """A file, a folder, or an object in S3, whose address is no path: as one it would lose a slash."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str):
            try:
                value = location(value)
            except ValueError as err:
                self.fail(str(err), param, ctx)
        return super().convert(value, param, ctx) if isinstance(value, Path) else value


def file_option(command: F) -> F:
    """`--file FILE`, for commands whose arguments are something else."""
    option = click.option(
        "--file",
        "path",
        type=TenantsFileType(),
        help="The tenants file; without it ./tenants.yaml, else ./tenants.example.yaml.",
    )
    return option(command)


def tenants_file(given: Location | None) -> Location:
    """The file that was named, or the one that is here. Raises ClickException when there is none."""
    if given is not None:
        return given
    for name in NAMES:
        if Path(name).exists():
            return Path(name)
    raise click.ClickException(
        f"there is no {NAMES[0]} in {Path.cwd()}; `frontdesk init` writes one, or name the file you mean"
    )


def prepared(given: Location | None, patience: float = 0.0) -> Path | Remote:
    """The tenants file, the `.env` beside it already in the environment.

    *patience*: seconds to wait for one that is elsewhere and away. Raises ConfigError, StartupError, ClickException.
    """
    path = tenants_file(given)
    load_env(home(path))
    use_vault(Vaults(SystemClock(), BlockingCalls(), no_store))  # for the server's own secrets, until there is a server
    return fetched(path, patience)


def fetched(path: Location, patience: float = 0.0) -> Path | Remote:
    """The tenants file with what is elsewhere. Raises ConfigError if it is not there, StartupError if it stays away."""
    until = time.monotonic() + patience
    while True:
        try:
            return fetch(path)
        except SourceAway as err:
            left = until - time.monotonic()
            if err.lasting or left <= 0:
                raise StartupError(f"{path}: {err}") from err
            click.echo(f"{path}: {err}; it is tried again for {left:.0f} s", err=True)
            time.sleep(PAUSE)


def nearest(word: str, known: Iterable[str]) -> str:
    """How an error about *word* ends: `did you mean X?`, or what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, 1)
    return f"did you mean {near[0]}?" if near else f"there is {', '.join(names) or 'none'}"


def known_tenant(tenants: Mapping[str, TenantConfig], given: str) -> TenantConfig:
    """The tenant *given*; when it is empty, the only one. Raises UsageError that names the nearest."""
    if not given:
        if len(tenants) == 1:
            return next(iter(tenants.values()))
        raise click.UsageError(f"which tenant? Add --tenant and one of {', '.join(tenants)}")
    if given not in tenants:
        raise click.UsageError(f"there is no tenant {given!r}; {nearest(given, tenants)}")
    return tenants[given]
