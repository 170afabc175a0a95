"""How commands are found, and what is said when one was not understood: one line, never a page of usage."""

from __future__ import annotations

from typing import Any

import click

from .files import nearest

_CLICKS_OWN = (
    click.MissingParameter,
    click.NoSuchOption,
    click.BadOptionUsage,
    click.BadArgumentUsage,
    click.BadParameter,
)
"""Mistakes that click words itself."""


class Commands(click.Group):
    """Commands in the order of a day's work, not of the alphabet; an unknown one is told with the nearest.

    *default* is the command that is meant when none is named: `frontdesk parked` is `frontdesk parked list`.
    """

    def __init__(self, *arguments: Any, default: str = "", **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._default = default

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

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


def complaint(program: str, err: click.ClickException) -> str:
    """One line about a mistake: where, what, and what would be right or where that is written."""
    where = err.ctx.command_path if isinstance(err, click.UsageError) and err.ctx else program
    message = " ".join(err.format_message().split()).rstrip(".")
    if isinstance(err, _CLICKS_OWN) or message.startswith("Got unexpected extra"):
        message = message[:1].lower() + message[1:]
        message += "" if "Did you mean" in message else f"; see {where} --help"
    return f"{where}: {message}"
