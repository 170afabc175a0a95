"""The reference says what the code says: commands, paths, crash points, collections."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from frontdesk.app import Server, create_server
from frontdesk.cli import cli
from frontdesk.crashpoints import POINTS
from frontdesk.store.collections import COLLECTIONS, Collection, Retention
from frontdesk.web import webhooks

from .conftest import ROOT, Page, rows

ReadPage = Callable[[str], Page]
KINDS = {"path": "FILE", "directory": "FOLDER", "text": "TEXT", "integer range": "NUMBER", "choice": "WORD"}


def commands(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    context = click.Context(command, info_name=name, parent=parent)
    yield context
    if isinstance(command, click.Group):
        for each, sub in command.commands.items():
            yield from commands(sub, each, context)


COMMANDS = {context.command_path: context for context in commands(cli, "frontdesk")}


def test_the_command_line_page_has_every_command_in_order(page: ReadPage) -> None:
    headings = re.findall(r"^## (.+)$", page("reference/command-line.md").text, re.MULTILINE)
    assert headings == list(COMMANDS)


def test_the_readme_has_every_command_in_the_order_of_the_help() -> None:
    named = re.findall(r"^\| `(frontdesk [a-z-]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert named == [f"frontdesk {name}" for name in cli.commands]


@pytest.mark.parametrize("path", COMMANDS)
def test_each_command_is_described_as_it_describes_itself(path: str, page: ReadPage) -> None:
    context = COMMANDS[path]
    described = page("reference/command-line.md").section(path)
    options = [option for option in context.command.params if isinstance(option, click.Option)]
    assert f"`{path} {' '.join(context.command.collect_usage_pieces(context))}`" in described
    assert " ".join((context.command.help or "").split("\n\n")[0].split()) in described
    assert rows(described) == [(_flag(option), option.help) for option in options]


def _flag(option: click.Option) -> str:
    return f"`{option.opts[0]}{'' if option.is_flag else ' ' + KINDS[option.type.name]}`"


def test_the_crash_points_are_those_of_the_code(page: ReadPage) -> None:
    assert rows(page("reference/crash-points.md").text) == [(f"`{name}`", when) for name, when in POINTS.items()]


def test_the_collections_are_those_of_the_code(page: ReadPage) -> None:
    text = page("reference/store-collections.md").section("Collections of the store")
    assert rows(text) == [_row(collection) for collection in COLLECTIONS]


def _row(collection: Collection[Any]) -> tuple[str, ...]:
    return (
        f"`{collection.name}`",
        f"`{collection.model.__name__}`",
        "one tenant" if collection.tenant_data else "server-wide",
        _keys(collection.unique),
        _keys(collection.indexes),
        _kept(collection.retention),
        str(collection.schema),
    )


def _kept(retention: Retention | None) -> str:
    if retention is None:
        return "no age limit"
    if retention.age is None:
        return f"as the tenant says, after `{retention.by}`"
    states = [f"`{only['state']}`" for only in retention.only if only]
    only = f", if {', '.join(states[:-1])} or {states[-1]}" if states else ""
    if retention.unless is not None:
        only = f", if the tenant has none of `{retention.unless.name}`"
    return f"{retention.age.days} day{'s' * (retention.age.days > 1)} after `{retention.by}`{only}"


def _keys(keys: tuple[tuple[str, ...], ...]) -> str:
    return "; ".join(", ".join(f"`{name}`" for name in key) for key in keys) or "none"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """The example, with a WhatsApp sender: what the page says it describes."""
    data = yaml.safe_load((ROOT / "tenants.example.yaml").read_text("utf-8"))
    account = {"account_sid": "AC" + "0" * 32, "auth_token": {"file": "token"}, "numbers": ["whatsapp:+14155238886"]}
    data["tenants"]["lotus-school"]["plugins"].append({"twilio_whatsapp": account})
    (tmp_path / "token").write_text("a token")
    (tmp_path / "tenants.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return create_server(tmp_path / "tenants.yaml")


def described(page: Page, heading: str) -> set[tuple[str, str]]:
    """(method, path) of a section's first table."""
    return {
        (row[0], row[1].strip("`")) for row in rows(page.section(heading)) if len(row) == 4 and row[1].startswith("`/")
    }


def test_every_route_but_the_operators_is_on_the_http_page_and_no_other(server: Server, page: ReadPage) -> None:
    routes = {
        (method, re.sub(r"<(?:path:)?(?:filename|(\w+))>", lambda found: (found[1] or "file").upper(), rule.rule))
        for rule in server.quart.url_map.iter_rules()
        if not rule.endpoint.startswith(("admin_ui.", "api."))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described(page("reference/http.md"), "Everything else") == routes


def test_the_webhook_paths_are_those_that_are_answered(page: ReadPage) -> None:
    assert described(page("reference/http.md"), "Webhooks") == {("POST", path) for path, _ in webhooks.ROUTES}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/webhooks/twilio_whatsapp/lotus-school", 403),
        ("/webhooks/twilio_whatsapp", 403),
        ("/webhooks/twilio_whatsapp/lotus-school/status/m", 403),
        ("/webhooks/twilio_whatsapp/lotus-school/other/m", 404),
        ("/webhooks/twilio_whatsapp/nobody", 404),
        ("/webhooks/twilio_whatsapp/riverside-dental", 404),
        ("/webhooks/pigeon/lotus-school", 404),
    ],
)
async def test_an_unsigned_webhook_reaches_the_channel_on_the_paths_of_the_page_alone(
    server: Server, path: str, status: int
) -> None:
    body = b"AccountSid=AC" + b"0" * 32 + b"&To=whatsapp%3A%2B14155238886&From=whatsapp%3A%2B84901234567"
    async with server.running():
        assert await _post(server, path, body) == status


async def _post(server: Server, path: str, body: bytes) -> int:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers, "client": None}
    await server(scope, receive, send)
    return int(sent[0]["status"])
