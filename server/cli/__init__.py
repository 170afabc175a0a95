"""The command `frontdesk`. Each group of commands is a module; a mistake ends in one line on standard error."""

from __future__ import annotations

from collections.abc import Sequence

import click

from frontdesk.config import ConfigError

from ..errors import StartupError
from ..store import StoreError
from ..version import VERSION
from .backup import backup, restore
from .catch_up import catch_up
from .chat import chat
from .check import check
from .consents import consents
from .contacts import contacts
from .conversations import conversations
from .doctor import doctor
from .grammar import Commands, complaint
from .import_history import import_history
from .init import init
from .migrate import migrate
from .move_store import move_store
from .operators import operators
from .overlay import overlay
from .parked import parked
from .plugins import plugins
from .prompt import prompt
from .schema import schema
from .secrets import secrets
from .serve import serve
from .tenants import tenants
from .upgrade import upgrade

PROGRAM = "frontdesk"
INTERRUPTED = 130
"""What a shell shows for a command ended by Ctrl-C."""


@click.group(cls=Commands, invoke_without_command=True)
@click.version_option(VERSION, prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """A front desk on WhatsApp that a business hosts itself."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


_STORE = (backup, restore, upgrade, migrate, move_store, import_history)
for _command in (
    serve,
    check,
    doctor,
    chat,
    init,
    plugins,
    conversations,
    contacts,
    prompt,
    parked,
    catch_up,
    consents,
    tenants,
    operators,
    overlay,
    secrets,
    schema,
    *_STORE,
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code: 0, 1 for what went wrong, 2 for what was not understood."""
    try:
        code = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as err:
        click.echo(complaint(PROGRAM, err), err=True)
        return err.exit_code
    except (ConfigError, StartupError) as err:
        click.echo(str(err), err=True)
        return 1
    except StoreError as err:
        click.echo(f"{PROGRAM}: the store: {err}", err=True)
        return 1
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return code if isinstance(code, int) else 0
