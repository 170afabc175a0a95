"""The OpenAPI document: made from the routes, with the problems that each may answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from quart_schema import Info
from quart_schema.extension import QuartSchema
from quart_schema.openapi import HttpSecurityScheme, OpenAPIProvider, Server, Tag
from werkzeug.routing import Rule

from ...version import VERSION
from .problems import KINDS, MEDIA_TYPE, Problem
from .routes import Access

if TYPE_CHECKING:
    from .routes import Routes

DESCRIPTION = """\
What Frontdesk's screens do, for programs. Each request carries a token (`Authorization: Bearer fdk_…`) that a business's
owner makes on the page *API and webhooks*; it is good for one business and one scope: `read`, `write` (also acts in
conversations) or `manage` (also settings, secrets, webhooks and erasure).

Lists come in pages: repeat the request with `cursor` set to `next` until that is empty. Errors are problem documents
([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) whose `detail` says what would be right. Times are in UTC.
"""
TAGS = {
    "me": "Whose token it is.",
    "tenants": "Businesses.",
    "conversations": "All messages with one contact, and who answers.",
    "contacts": "The people outside.",
    "insights": "Whether it pays.",
    "leads": "What is known of contacts' interest.",
    "appointments": "Visits that were booked.",
    "failures": "What waits for a person: parked turns and messages, and what did not arrive.",
    "tasks": "What is to be done at a time.",
    "settings": "What is changed over the tenants file, and stored secrets.",
    "plugins": "What a business's bot is made of.",
    "webhooks": "Who is told of events.",
    "audit": "Who changed what.",
    "server": "The whole server; for admins.",
}
EVERYWHERE = ("bad-request", "method-not-allowed", "defect", "unavailable")
_QUERY = ("bad-query",)
_BODY = ("too-large", "not-json", "invalid")


def extension(app: Any, routes: Routes, public_url: str) -> QuartSchema:
    """quart-schema on the application, without its pages, which come from elsewhere."""

    class Provider(OpenAPIProvider):
        def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
            paths, components = super().build_paths(rule)
            for operations in paths.values():
                for operation in operations.values():
                    _complete(operation, routes.access[rule.endpoint], routes.problems[rule.endpoint])
            return paths, components

        def generate_rules(self) -> Iterator[Rule]:
            yield from sorted(super().generate_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ())))

        def operation_id(self, method: str, path: str, func: Any) -> str:
            return str(func.__name__)

        def schema(self) -> dict[str, Any]:
            made = super().schema()
            made["paths"] = {path: dict(operations) for path, operations in made["paths"].items()}
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            made["components"]["schemas"] |= problem.pop("$defs")
            made["components"]["schemas"]["Problem"] = problem
            return made

    return QuartSchema(
        app,
        openapi_path=None,
        redoc_ui_path=None,
        scalar_ui_path=None,
        swagger_ui_path=None,
        info=Info(title="Frontdesk", version=VERSION, description=DESCRIPTION),
        tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
        servers=[Server(url=public_url)],
        security_schemes={"token": HttpSecurityScheme(scheme="bearer")},
        security=[{"token": []}],
        conversion_preference="pydantic",
        pydantic_dump_options={"mode": "json"},  # type: ignore[arg-type]  # model_dump has it
        openapi_provider_class=Provider,
    )


def _complete(operation: dict[str, Any], access: Access, own: tuple[str, ...]) -> None:
    """What quart-schema does not know: problems, that a body is needed, an empty answer, what a path's parts are."""
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            parameter["schema"] |= {"minLength": 1}
        parameter["schema"].pop("title", None)
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    for status, response in list(operation["responses"].items()):
        if status == 204:
            operation["responses"][status] = {"description": "Done."}
        else:
            response["description"] = response["description"].partition("\n")[0] or "The answer."
    problems = {*EVERYWHERE, *own}
    if access.who != "everyone":
        problems |= {"no-token", "too-many-requests"}
    if access.role is not None:
        problems.add("not-found")
    if access.role not in (None, "viewer") or access.who == "admin":
        problems.add("scope-too-low")
    if any(parameter["in"] == "query" for parameter in operation["parameters"]):
        problems.update(_QUERY)
    if "requestBody" in operation:
        problems.update(_BODY)
    by_status: dict[int, list[str]] = {}
    for kind in KINDS:
        if kind in problems:
            by_status.setdefault(KINDS[kind].status, []).append(kind)
    for status, kinds in by_status.items():
        operation["responses"][status] = {
            "description": "; ".join(f"`{kind}`: {KINDS[kind].title}" for kind in kinds) + ".",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
