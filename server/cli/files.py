"""Which tenants file a command works on, and who is in it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from frontdesk.config import TenantConfig, home_of, load_env, use_vault

from ..clock import SystemClock
from ..services.blocking import BlockingCalls
from ..vaults import Vaults, no_store

NAMES = ("tenants.yaml", "tenants.example.yaml")
F = TypeVar("F", bound=Callable[..., Any])


def file_option(command: F) -> F:
    """`--file FILE`, for commands whose arguments are something else."""
    option = click.option(
        "--file",
        "path",
        type=click.Path(path_type=Path),
        help="The tenants file; without it ./tenants.yaml, else ./tenants.example.yaml.",
    )
    return option(command)


def tenants_file(given: Path | None) -> Path:
    """The file that was named, or the one that is here. Raises ClickException when there is none."""
    if given is not None:
        return given
    for name in NAMES:
        if Path(name).exists():
            return Path(name)
    raise click.ClickException(
        f"there is no {NAMES[0]} in {Path.cwd()}; `frontdesk init` writes one, or name the file you mean"
    )


def prepared(given: Path | None) -> Path:
    """The tenants file, the `.env` beside it already in the environment. Raises ConfigError, ClickException."""
    path = tenants_file(given)
    load_env(home_of(path))
    use_vault(Vaults(SystemClock(), BlockingCalls(), no_store))  # for the server's own secrets, until there is a server
    return path


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
