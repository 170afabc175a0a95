"""What the OpenAPI document says, and whether it is true: schemathesis asks every operation what nobody would ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from frontdesk.events.types import EVENTS
from frontdesk.web.api.problems import KINDS

BEYOND = {
    "POST /api/v1/tenants/{tenant}/conversations/{id}/messages",
    "POST /api/v1/tenants/{tenant}/conversations/{id}/notes",
    "POST /api/v1/tenants/{tenant}/conversations/{id}/take",
    "POST /api/v1/tenants/{tenant}/conversations/{id}/release",
    "POST /api/v1/tenants/{tenant}/webhooks",
    "PATCH /api/v1/tenants/{tenant}/webhooks/{id}",
    "PUT /api/v1/tenants/{tenant}/settings/{key}",
    "DELETE /api/v1/tenants/{tenant}/settings/{key}",
    "PUT /api/v1/tenants/{tenant}/secrets/{name}",
}
EXAMPLES = 4
"""Requests of each operation: what takes long is `make slow`."""


def operations(schema: Any) -> Iterator[Any]:
    for result in schema.get_all_operations():
        yield result.ok()


def ask_everything(url: str, token: str, examples: int) -> list[str]:
    """Every operation, with what fits and with what does not; which there were."""
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json", wait_for_schema=5)
    found = list(operations(schema))
    for operation in found:
        ask(operation, url, token, examples)
    return [operation.label for operation in found]


def ask(operation: Any, url: str, token: str, examples: int) -> None:
    # Which cursors there are, and what a setting may be, no schema can say.
    beyond = operation.label in BEYOND or "cursor" in {each.name for each in operation.query}

    @given(case=operation.as_strategy())
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def behaves(case: Case) -> None:
        if "tenant" in case.path_parameters:
            case.path_parameters["tenant"] = "clinic"
        response: Response = case.call(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
        assert response.status_code != 500, response.text
        excused = beyond and response.status_code in (400, 412, 422)
        case.validate_response(response, excluded_checks=[positive_data_acceptance] if excused else [])

    behaves()


async def test_every_operation_does_what_the_document_says(api):
    async with api(server={"api": {"requests_per_minute": 100_000}}) as ask:
        lan = ask.desk.contact("Lân")
        await lan.says("Xin chào.")
        await lan.hears()
        token = await ask.token()
        asked = await asyncio.to_thread(ask_everything, ask.url, token, EXAMPLES)
        assert len(asked) > 25


@pytest.mark.slow
async def test_every_operation_does_what_the_document_says_at_length(api):
    async with api(server={"api": {"requests_per_minute": 100_000}}) as ask:
        token = await ask.token()
        await asyncio.to_thread(ask_everything, ask.url, token, 40)


async def test_the_reference_has_what_the_document_has(api):
    page = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text("utf-8")
    scopes = {"viewer": "read", "agent": "write", "manager": "manage", "owner": "manage"}
    async with api() as ask:
        document = (await ask("GET", "/openapi.json")).body
        access = ask.desk.server._api.extensions["frontdesk.routes"].access
    wanted = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            known = access[operation["operationId"]]
            scope = scopes[known.role] if known.role else "server" if known.who == "admin" else "any"
            address = path.removeprefix("/api/v1")
            wanted.add(f"| {method.upper()} | `{address}` | {scope} | {operation['summary']} |")
    wanted |= {f"| `{name}` | {kind.status} | {kind.title} |" for name, kind in KINDS.items()}
    wanted |= {f"| `{name}` | {text} |" for name, text in EVENTS.items()}
    there = {
        line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| method", "| type"))
    }
    assert there - {"| event | when |"} == wanted
