"""Requests and answers, held against the discovery document that google-api-python-client ships."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any
from urllib.parse import unquote

from .errors import Invalid

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
PREFIX = "/calendar/v3/"


@lru_cache
def document() -> dict[str, Any]:
    """Calendar v3."""
    files = resources.files("googleapiclient.discovery_cache") / "documents" / "calendar.v3.json"
    found: dict[str, Any] = json.loads(files.read_text("utf-8"))
    return found


@dataclass(frozen=True)
class Call:
    """A valid request."""

    method: str
    """Such as `events.insert`."""
    given: Mapping[str, Any]
    """Parameters of path and query, as their types."""
    body: dict[str, Any]
    scopes: tuple[str, ...]
    """One of them is needed."""


def understand(http_method: str, path: str, query: Sequence[tuple[str, str]], body: bytes) -> Call:
    """What is asked. Raises Invalid: there is no such method, parameter or property, or it is of another type."""
    name, method, in_path = _method(http_method, path)
    known = {**document()["parameters"], **method.get("parameters", {})}
    given: dict[str, Any] = dict(in_path)
    for key, value in query:
        if key not in known or known[key]["location"] != "query":
            raise Invalid(f"{name}: there is no parameter {key}")
        typed = _typed(f"{name}: {key}", value, known[key])
        given[key] = [*given.get(key, []), typed] if known[key].get("repeated") else typed
    for key, each in known.items():
        if each.get("required") and key not in given:
            raise Invalid(f"{name}: the parameter {key} is missing")
    read: Any = {}
    if "request" in method:
        try:
            read = json.loads(body or b"{}")
        except ValueError:
            raise Invalid(f"{name}: the body is no JSON") from None
        check(name, read, {"$ref": method["request"]["$ref"]})
    elif body:
        raise Invalid(f"{name}: takes no body")
    return Call(name, given, read, tuple(method.get("scopes", ())))


def checked(method: str, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer that is as the document says; anything else is a defect of the stand-in."""
    resource, _, name = method.partition(".")
    ref = document()["resources"][resource]["methods"][name].get("response", {}).get("$ref")
    if ref:
        check(f"answer of {method}", answer, {"$ref": ref})
    return answer


def check(where: str, value: Any, schema: Mapping[str, Any]) -> None:
    """Raises Invalid, naming the property."""
    if "$ref" in schema:
        schema = document()["schemas"][schema["$ref"]]
    match schema.get("type"):
        case "object":
            _check_object(where, value, schema)
        case "array":
            if not isinstance(value, list):
                raise Invalid(f"{where} is no list")
            for place, each in enumerate(value):
                check(f"{where}[{place}]", each, schema["items"])
        case "string":
            if not isinstance(value, str):
                raise Invalid(f"{where} is no string")
            _check_text(where, value, schema)
        case "boolean":
            if not isinstance(value, bool):
                raise Invalid(f"{where} is no boolean")
        case "integer":
            if not isinstance(value, int) or isinstance(value, bool):
                raise Invalid(f"{where} is no integer")


def _check_object(where: str, value: Any, schema: Mapping[str, Any]) -> None:
    if not isinstance(value, dict):
        raise Invalid(f"{where} is no object")
    properties = schema.get("properties", {})
    for key, each in value.items():
        inner = properties.get(key, schema.get("additionalProperties"))
        if inner is None:
            raise Invalid(f"{where}: there is no property {key}")
        if each is not None:  # null takes a property away in a PATCH
            check(f"{where}.{key}", each, inner)


def _check_text(where: str, value: str, schema: Mapping[str, Any]) -> None:
    form = schema.get("format")
    if form == "date-time" and not DATE_TIME.fullmatch(value):
        raise Invalid(f"{where} is no date and time with an offset (RFC 3339)")
    if form == "date" and not DATE.fullmatch(value):
        raise Invalid(f"{where} is no date")
    if form == "int64" and not re.fullmatch(r"-?\d+", value):
        raise Invalid(f"{where} is no number")
    if "enum" in schema and value not in schema["enum"]:
        raise Invalid(f"{where} is none of {', '.join(schema['enum'])}")


def _typed(where: str, value: str, schema: Mapping[str, Any]) -> Any:
    match schema["type"]:
        case "boolean":
            if value not in ("true", "false"):
                raise Invalid(f"{where} is neither true nor false")
            return value == "true"
        case "integer":
            if not re.fullmatch(r"-?\d+", value) or not _within(int(value), schema):
                raise Invalid(f"{where} is no integer, or not in its range")
            return int(value)
    _check_text(where, value, schema)
    return value


def _within(value: int, schema: Mapping[str, Any]) -> bool:
    return int(schema.get("minimum", value)) <= value <= int(schema.get("maximum", value))


@lru_cache
def _patterns() -> list[tuple[str, re.Pattern[str], str, dict[str, Any]]]:
    found = []
    for resource, each in document()["resources"].items():
        for name, method in each["methods"].items():
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(method["path"]))
            found.append((method["httpMethod"], re.compile(pattern), f"{resource}.{name}", method))
    return found


def _method(http_method: str, path: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    for verb, pattern, name, method in _patterns():
        if verb == http_method and (found := pattern.fullmatch(path.removeprefix(PREFIX))):
            return name, method, {key: unquote(value) for key, value in found.groupdict().items()}
    raise Invalid(f"there is no method {http_method} {path}")
