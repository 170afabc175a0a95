"""`frontdesk operators`: who signs in to the screens; links for who cannot."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from ..app import Server
from ..sources import Location
from ..stored_operators import Operator
from .beside import beside, run
from .files import file_option
from .grammar import Commands
from .output import moment, table


@click.group(cls=Commands, default="list")
def operators() -> None:
    """List who signs in to the screens; make a link for the first one or for a new password; end sessions."""


@operators.command("list")
@file_option
def list_(path: Location | None) -> None:
    """List them with their roles."""

    async def work() -> None:
        async with beside(path) as server:
            found = await server.office.accounts.everybody()
            now = server.store.now()
        if not found:
            click.echo("Nobody has an account yet; `frontdesk operators link` makes a link for the first one.")
            return
        rows = [
            [
                each.email,
                each.display_name,
                "admin"
                if each.admin
                else ", ".join(f"{tenant}: {role}" for tenant, role in sorted(each.roles.items())),
                "yes" if each.totp else "",
                "disabled" if each.disabled else moment(each.signed_in_at, now, ZoneInfo("UTC")) or "never",
            ]
            for each in sorted(found, key=lambda operator: operator.email)
        ]
        table(("E-MAIL", "NAME", "ROLES", "SECOND FACTOR", "SIGNED IN"), rows)

    run(work())


@operators.command()
@click.argument("email", required=False, default="")
@file_option
def link(email: str, path: Location | None) -> None:
    """Print a link that opens once: for the first account, or for a new password of EMAIL."""

    async def work() -> None:
        async with beside(path) as server:
            if email:
                text = await server.office.links.reset(await _known(server, email), "the command line")
                where = f"reset/{text}"
            else:
                text = await server.office.links.first_run()
                if not text:
                    raise click.ClickException(
                        "there are accounts already; name the E-MAIL of who needs a new password "
                        "(`frontdesk operators` lists them)"
                    )
                where = f"first-run/{text}"
            click.echo(f"{server.config.public_url}/{where}")
            if server.config.is_local:
                click.echo(
                    "(Where the server was started with --port or --host, put its address in place of this one; or set "
                    "server.public_url.)",
                    err=True,
                )

    run(work())


@operators.command("sign-out")
@click.argument("email")
@click.option("--no-second-factor", is_flag=True, help="Ask for their second factor no more: the phone is lost.")
@file_option
def sign_out(email: str, no_second_factor: bool, path: Location | None) -> None:
    """End all sessions of EMAIL."""

    async def work() -> None:
        async with beside(path) as server:
            operator = await _known(server, email)
            if no_second_factor:
                await server.office.second_factor.end(operator.id)
                await server.office.audit.wrote("", "the command line", "operator.second_factor_ended", operator.id)
            await server.office.accounts.end_sessions(operator.id)
            await server.office.audit.wrote("", "the command line", "session.ended", operator.id)
        click.echo(f"{operator.email} is signed out everywhere")

    run(work())


async def _known(server: Server, email: str) -> Operator:
    found = await server.office.accounts.by_email(email)
    if found is None:
        raise click.ClickException(f"nobody has the account {email}; `frontdesk operators` lists them")
    return found
