"""The screen of `frontdesk chat`: a transcript, and on a terminal a prompt and a line that says who is writing."""

from __future__ import annotations

import sys

import click

from .output import tame

_CLEAR = "\r\x1b[K"


class Terminal:
    """Prints the lines of both sides. Standard input that is no terminal is a script: its lines are shown, too."""

    def __init__(self, assistant: str) -> None:
        self._assistant = assistant
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()

    def prompt(self) -> None:
        if self.interactive:
            click.echo(f"{_CLEAR}you: ", nl=False)

    def said(self, text: str) -> None:
        """The contact's line; on a terminal it stands there already."""
        if not self.interactive:
            click.echo(f"you: {tame(text)}")

    def heard(self, text: str, who: str = "") -> None:
        self._line(f"{who or self._assistant}: {tame(text)}")

    def hint(self, text: str) -> None:
        """Something that neither side said."""
        self._line(f"({tame(text)})")

    def typing(self) -> None:
        """Somebody is writing an answer."""
        if self.interactive:
            click.echo(f"{_CLEAR}{self._assistant} …", nl=False)

    def end(self) -> None:
        if self.interactive:
            click.echo(_CLEAR, nl=False)

    def _line(self, text: str) -> None:
        click.echo(f"{_CLEAR if self.interactive else ''}{text}")
        self.prompt()
