"""`frontdesk check`: every problem of a tenants file at once."""

from __future__ import annotations

from pathlib import Path

import click

from frontdesk.config import ConfigError, Problem, home_of, load_env

from ..runtime import TenantPlugins
from ..tenants import missing_secrets, read_tenants, without_model
from .files import tenants_file


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--resolve", is_flag=True, help="Look the secrets up, too: on the machine that serves the file.")
@click.pass_context
def check(context: click.Context, file: Path | None, resolve: bool) -> None:
    """Tell every problem of a tenants file: file, line, tenant, key, what was found, what would be right.

    Without FILE: ./tenants.yaml, else ./tenants.example.yaml.
    """
    path = tenants_file(file)
    problems = _env_problems(path)
    read, declared, more = read_tenants(path)
    problems += more
    if resolve and read is not None:
        problems += [each.problem for each in missing_secrets(read, declared)]
    for problem in problems:
        click.echo(problem)
    if problems:
        click.echo(f"{path}: {_count(len(problems), 'problem')}", err=True)
        context.exit(1)
    for sentence in without_model(declared):
        click.echo(f"Note: {sentence}")
    click.echo(f"OK: {path}: {_count(len(declared), 'tenant')}, {_parts(list(declared.values()))}")


def _env_problems(path: Path) -> list[Problem]:
    try:
        load_env(home_of(path))
    except ConfigError as err:
        return list(err.problems)
    return []


def _parts(declared: list[TenantPlugins]) -> str:
    facts = sum(len(each.tenant.facts) for each in declared)
    plugins = {kind.name for each in declared for kind, _ in each.plugins}
    return f"{_count(len(plugins), 'plugin')}, {_count(facts, 'fact')}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
