"""How a resource is added to the API: who may use it, what it takes and gives, and what goes wrong with it.

All of it stands at the view (`@routes.get(…)`); the OpenAPI document, the check of the token and the reading of a request
come from there, so that they cannot say different things.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import BaseModel, Field
from quart import Quart, g
from quart_schema import document_headers, document_response, hide, tag, validate_querystring, validate_request

from ...auth import Principal, Role
from ...services.office import Office

View = Callable[..., Awaitable[Any]]
PREFIX = "/api/v1"
TENANT = f"{PREFIX}/tenants/<tenant>"
Who = Literal["everyone", "token", "admin"]


class NoContent(BaseModel):
    """Done."""


class IfMatch(BaseModel):
    """For whoever does not want to overwrite what has changed since."""

    if_match: str = Field(default="", description="The `ETag` that was read; 412 if it is another one by now.")


class Idempotency(BaseModel):
    """For whoever may have to repeat the request."""

    idempotency_key: str = Field(
        default="",
        max_length=100,
        description="The same key is the same message, however often it is sent. Make a new one (a UUID) for each message.",
    )


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a route: everyone, whoever has a token, admins; or in the tenant of its address a role."""

    who: Who = "token"
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Whose request it is, and in which tenant."""

    principal: Principal
    tenant: str = ""


def call() -> Call:
    """What this request is about."""
    return cast(Call, g.call)


class Routes:
    """Adds routes to the application of the API."""

    def __init__(self, app: Quart, office: Office) -> None:
        self.app = app
        self.office = office
        self.access: dict[str, Access] = {}
        """Endpoint → who may."""
        self.problems: dict[str, tuple[str, ...]] = {}
        """Endpoint → problems of its own (problems.KINDS)."""

    def hidden(self, rule: str, view: View) -> None:
        """A page beside the resources, for everyone."""
        self.access[view.__name__] = Access("everyone")
        self.app.add_url_rule(f"{PREFIX}{rule}", view.__name__, hide(view), methods=["GET"])

    def add(
        self,
        method: str,
        rule: str,
        *,
        tags: str,
        role: Role | None = None,
        who: Who = "token",
        gives: Any = NoContent,
        status: int = 200,
        query: Any = None,
        takes: Any = None,
        headers: Any = None,
        problems: tuple[str, ...] = (),
    ) -> Callable[[View], View]:
        """With *role* the rule is one of a tenant. The view is given the parts of the path, then `query_args` and `data`."""

        def add(view: View) -> View:
            name = view.__name__
            if name in self.access:
                raise ValueError(f"two routes are called {name}")
            self.access[name] = Access(who, role)
            self.problems[name] = problems
            made = view
            if takes is not None:
                made = validate_request(takes)(made)
            if query is not None:
                made = validate_querystring(query)(made)
            if headers is not None:
                made = document_headers(headers)(made)
            made = tag([tags])(document_response(gives, status)(made))
            base = TENANT if role is not None else PREFIX
            self.app.add_url_rule(f"{base}{rule}", name, made, methods=[method])
            return view

        return add

    def get(self, rule: str, **more: Any) -> Callable[[View], View]:
        return self.add("GET", rule, **more)

    def post(self, rule: str, **more: Any) -> Callable[[View], View]:
        return self.add("POST", rule, **more)

    def put(self, rule: str, **more: Any) -> Callable[[View], View]:
        return self.add("PUT", rule, **more)

    def patch(self, rule: str, **more: Any) -> Callable[[View], View]:
        return self.add("PATCH", rule, **more)

    def delete(self, rule: str, **more: Any) -> Callable[[View], View]:
        return self.add("DELETE", rule, status=204, **more)
