"""Errors as RFC 9457 problem documents: a type that programs tell apart, and a sentence that says what would be right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, Field
from quart import Response

DOCS = "/api/v1/docs"


class Kind(NamedTuple):
    """A type of problem: its status and its title, which is the same every time."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "bad-request": Kind(400, "The request cannot be read"),
        "bad-query": Kind(400, "A parameter of the address is not right"),
        "bad-cursor": Kind(400, "The cursor is none of ours"),
        "no-token": Kind(401, "A token is needed"),
        "scope-too-low": Kind(403, "The token may not do this"),
        "not-found": Kind(404, "There is nothing here"),
        "method-not-allowed": Kind(405, "The method does not fit the address"),
        "conflict": Kind(409, "It does not fit the present state"),
        "changed": Kind(412, "It has changed since you read it"),
        "too-large": Kind(413, "The body is too large"),
        "not-json": Kind(415, "The body is not JSON"),
        "invalid": Kind(422, "The body is not right"),
        "too-many-requests": Kind(429, "Too many requests"),
        "defect": Kind(500, "A defect of ours"),
        "unavailable": Kind(503, "The store is away"),
    }
)
MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What is wrong, and what would be right."""

    type: str = Field(description="Tells problems apart; leads to its description.")
    title: str = Field(description="The same for every problem of the type.")
    status: int
    detail: str = Field(description="What is wrong this time, and what would be right.")
    errors: list[FieldError] = Field(default=[], description="Each field that is not right.")


class FieldError(BaseModel):
    """A field that is not right."""

    field: str = Field(description="Its name, dotted.")
    detail: str


class ApiProblem(Exception):
    """Raised by a view: the answer is this problem."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors or {}
        self.headers = dict(headers or {})

    def response(self) -> Response:
        kind = KINDS[self.kind]
        body: dict[str, Any] = {
            "type": f"{DOCS}#{self.kind}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = [{"field": field, "detail": detail} for field, detail in self.errors.items()]
        text = json.dumps(body, ensure_ascii=False)
        return Response(text, kind.status, self.headers, content_type=MEDIA_TYPE)


Problem.model_rebuild()
