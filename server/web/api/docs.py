"""The OpenAPI document, and a page that shows it to people: made here, without a script and without anybody's CDN."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import Markup
from quart import Response
from quart_schema.extension import QuartSchema

from .problems import KINDS
from .routes import PREFIX, Routes

HERE = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def add(routes: Routes, schema: QuartSchema) -> None:
    markdown = MarkdownIt("commonmark", {"html": False})
    pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)
    pages.filters["markdown"] = lambda text: Markup(markdown.render(text))  # noqa: S704  it escapes HTML
    pages.filters["inline"] = lambda text: Markup(markdown.renderInline(text))  # noqa: S704
    pages.globals["type_of"] = type_of

    @cache
    def document() -> dict[str, Any]:
        made: dict[str, Any] = json.loads(json.dumps(schema.openapi_provider.schema()))
        return made

    async def openapi_json() -> Response:
        return Response(json.dumps(document(), ensure_ascii=False), content_type="application/json")

    async def docs_page() -> Response:
        page = pages.get_template("docs.html")
        text = page.render(document=document(), groups=list(groups(document())), kinds=KINDS, prefix=PREFIX)
        return Response(text, headers={"Content-Security-Policy": POLICY}, content_type="text/html; charset=utf-8")

    async def docs_css() -> Response:
        text = (HERE / "static" / "docs.css").read_text("utf-8")
        return Response(text, content_type="text/css; charset=utf-8", headers={"Cache-Control": "max-age=3600"})

    routes.hidden("/openapi.json", openapi_json)
    routes.hidden("/docs", docs_page)
    routes.hidden("/docs.css", docs_css)


def groups(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[tuple[str, str, Mapping[str, Any]]]]]:
    """Each tag with its operations: (method, path, operation)."""
    for tag in document["tags"]:
        found = [
            (method.upper(), path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if tag["name"] in operation["tags"]
        ]
        if found:
            yield tag, found


def type_of(schema: Mapping[str, Any]) -> str:
    """A JSON schema's type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2].replace("_", " ").strip()
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " or ".join(type_of(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "time"
    return str(schema.get("type", "any JSON"))
