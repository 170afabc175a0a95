"""How commands are found, and what is said when one was not understood: one line, never a page of usage."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

import click

from .files import nearest

F = TypeVar("F", bound=Callable[..., Any])

_CLICKS_OWN = (
    click.MissingParameter,
    click.NoSuchOption,
    click.BadOptionUsage,
    click.BadArgumentUsage,
    click.BadParameter,
)
"""Mistakes that click words itself."""


class Number(click.IntRange):
    """A whole number, and which ones there may be."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            least, most = self.min or 0, self.max
            right = f"from {least} to {most}" if most is not None else f"of {least} or more"
            self.fail(f"found {value!r}; write a whole number {right}", param, ctx)


def _name(context: click.Context, option: click.Parameter, name: str) -> str:
    if not name.strip():
        raise click.BadParameter("an empty name; write yours, or leave the option out for your login")
    return name.strip()


def as_option(command: F) -> F:
    """`--as NAME`, for commands that note who did it; the argument is `by`."""
    words = "Your name as operator; without it, your login."
    return click.option("--as", "by", default=getpass.getuser, callback=_name, help=words)(command)


class Commands(click.Group):
    """Commands in the order of a day's work, not of the alphabet; an unknown one is told with the nearest.

    *default* is the command that is meant when none is named: `frontdesk parked` is `frontdesk parked list`.
    """

    def __init__(self, *arguments: Any, default: str = "", **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._default = default

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # Each with its whole first sentence; click's own cuts it at the end of the line.
        rows = [(name, each.get_short_help_str(limit=1000)) for name, each in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as err:
            # Where click did not note it, and for what it notes of a UsageError only: the command at work.
            if command_of(err) is None and ctx.invoked_subcommand is not None:
                name = ctx.invoked_subcommand
                vars(err)["ctx"] = click.Context(self.commands[name], info_name=name, parent=ctx)
            raise

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self._default and (not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)):
            args = [self._default, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None:
            raise click.UsageError(f"no such command {word!r}; {nearest(word, self.commands)}", ctx)
        return super().resolve_command(ctx, args)


def command_of(err: click.ClickException) -> click.Context | None:
    """The command that a mistake is of; None: nobody noted it."""
    noted: click.Context | None = vars(err).get("ctx")
    return noted


def complaint(program: str, err: click.ClickException) -> str:
    """One line about a mistake: where, what, and what would be right or where that is written."""
    command = command_of(err)
    where = command.command_path if command is not None else program
    message = " ".join(err.format_message().split()).rstrip(".")
    if isinstance(err, click.BadParameter) and err.message.startswith("found ") and err.param is not None:
        # A type of ours has said what would be right.
        return f"{where}: {max(err.param.opts, key=len)}: {err.message}"
    if isinstance(err, click.NoSuchOption) and err.possibilities:
        return f"{where}: no such option {err.option_name!r}; {nearest(err.option_name, err.possibilities)}"
    if isinstance(err, click.BadOptionUsage) and "requires" in message:
        return f"{where}: {err.option_name} needs a value; see {where} --help"
    if isinstance(err, _CLICKS_OWN) or message.startswith("Got unexpected extra"):
        message = message[:1].lower() + message[1:]
        message += f"; see {where} --help"
    return f"{where}: {message}"
