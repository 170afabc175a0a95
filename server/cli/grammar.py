"""How commands are found, and what is said when one was not understood: one line, never a page of usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from .files import nearest


class Commands(click.Group):
    """Commands in the order of a day's work, not of the alphabet; an unknown one is told with the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None:
            raise click.UsageError(f"no such command {word!r}; {nearest(word, self.commands)}", ctx)
        return super().resolve_command(ctx, args)


def default_to(command: click.Command) -> Callable[..., Any]:
    """The body of a group that, called alone, does *command*."""

    @click.pass_context
    def body(context: click.Context, /, **given: Any) -> None:
        if context.invoked_subcommand is None:
            context.invoke(command, **given)

    return body


def complaint(program: str, err: click.ClickException) -> str:
    """One line about a mistake: where, what, and what would be right or where that is written."""
    where = err.ctx.command_path if isinstance(err, click.UsageError) and err.ctx else program
    message = " ".join(err.format_message().split()).rstrip(".")
    if type(err) in _CLICKS_OWN or (type(err) is click.UsageError and message.startswith("Got ")):
        message = f"{message[:1].lower()}{message[1:]}; see {where} --help"
    return f"{where}: {message}"


_CLICKS_OWN: Mapping[type[click.ClickException], None] = dict.fromkeys(
    (click.MissingParameter, click.NoSuchOption, click.BadOptionUsage, click.BadArgumentUsage, click.BadParameter)
)
