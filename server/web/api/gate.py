"""The door of the API: the token, its tenant and scope, its rate; and every error as a problem document."""

from __future__ import annotations

import structlog
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from quart import Quart, Response, g, request
from quart_schema import RequestSchemaValidationError
from quart_schema.validation import QuerystringValidationError
from werkzeug.exceptions import HTTPException

from frontdesk.config import ConfigError

from ...auth import Principal
from ...services.office import Office
from ...services.secrets import KeysMissing
from ...services.token_desk import SERVER
from ...store import StoreError
from .problems import MEDIA_TYPE, ApiProblem
from .rates import Rates, Room
from .routes import Call, Routes

log = structlog.get_logger(__name__)

SCHEME = "bearer "
REFUSED_SHARE = 10
"""From one address, a tenth of what a token may make may come without a token that is one."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
OF_STATUS = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "not-json",
}


class Gate:
    """Stands before and behind every view."""

    def __init__(self, app: Quart, routes: Routes, office: Office, rates: Rates) -> None:
        self._routes = routes
        self._office = office
        self._rates = rates
        app.before_request(self._check)
        app.after_request(self._finish)
        for kind, handler in (
            (ApiProblem, _own),
            (RequestSchemaValidationError, _invalid),
            (HTTPException, _http),
            (ConfigError, _config),
            (KeysMissing, _keys),
            (StoreError, _store),
            (Exception, _defect),
        ):
            app.register_error_handler(kind, handler)

    async def _check(self) -> None:
        access = self._routes.access.get(request.endpoint or "")
        if access is None or access.who == "everyone":
            return  # there is nothing here, or nothing to protect
        principal = await self._principal()
        self._count(principal)
        tenant = str((request.view_args or {}).pop("tenant", ""))
        if access.role is not None:
            # That there is such a business is nobody's concern whose token is another's.
            if self._office.tenant(tenant) is None or not principal.may(tenant, "viewer"):
                raise ApiProblem(
                    "not-found", "this token knows no such tenant; GET /api/v1/tenants lists those it knows"
                )
            if not principal.may(tenant, access.role):
                raise ApiProblem("scope-too-low", _SCOPES[access.role])
        elif access.who == "admin" and not principal.may(SERVER, "owner"):
            raise ApiProblem("scope-too-low", "this needs a token of the whole server, which an admin makes")
        g.call = Call(principal, tenant)
        if request.method in ("POST", "PUT", "PATCH"):
            try:
                await request.get_data(as_text=True)
            except UnicodeDecodeError as err:
                raise ApiProblem("bad-request", "the body is no UTF-8; send JSON in UTF-8") from err

    async def _principal(self) -> Principal:
        given = request.headers.get("Authorization", "")
        principal = None
        if given.lower().startswith(SCHEME):
            principal = await self._office.accounts.by_token(given[len(SCHEME) :].strip())
        if principal is not None:
            return principal
        peer = (request.scope.get("client") or ("",))[0]
        room = self._rates.take(f"peer {peer}", max(1, self._rates.per_minute // REFUSED_SHARE))
        if room.left < 0:
            raise _too_many(room)
        detail = (
            "send `Authorization: Bearer fdk_…` with a token that has not ended; an owner makes one on the page API and "
            "webhooks"
        )
        raise ApiProblem("no-token", detail, headers={"WWW-Authenticate": 'Bearer realm="Frontdesk"'})

    def _count(self, principal: Principal) -> None:
        room = g.room = self._rates.take(principal.id)
        if room.left < 0:
            raise _too_many(room)

    async def _finish(self, response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        room: Room | None = g.get("room")
        if room is not None:
            # draft-ietf-httpapi-ratelimit-headers: what there is, and what is left of it.
            response.headers["RateLimit-Policy"] = f'"token";q={self._rates.per_minute};w=60'
            response.headers["RateLimit"] = f'"token";r={max(0, room.left)};t={room.resets}'
        return response


_SCOPES = {
    "viewer": "a token with the scope `read` may do this",
    "agent": "a token with the scope `write` may do this",
    "manager": "a token with the scope `manage` may do this",
    "owner": "a token with the scope `manage` may do this",
}


def _too_many(room: Room) -> ApiProblem:
    detail = f"wait {room.resets} s; the header RateLimit of each answer says how many are left"
    return ApiProblem("too-many-requests", detail, headers={"Retry-After": str(room.resets)})


def _said(problem: ErrorDetails) -> str:
    """pydantic's sentence, without the names of our classes."""
    return "it is no object" if problem["type"] in ("model_type", "model_attributes_type") else problem["msg"]


async def _own(error: ApiProblem) -> Response:
    return error.response()


async def _invalid(error: RequestSchemaValidationError) -> Response:
    kind = "bad-query" if isinstance(error, QuerystringValidationError) else "invalid"
    found = error.validation_error
    if not isinstance(found, ValidationError):
        return ApiProblem(kind, "it is not what the OpenAPI document at /api/v1/openapi.json says").response()
    errors = {
        ".".join(map(str, each["loc"])): _said(each)
        for each in found.errors(include_url=False, include_input=False, include_context=False)
    }
    first = next(iter(errors.items()))
    named = f"{first[0]}: {first[1]}" if first[0] else f"{first[1]}; send a JSON object"
    return ApiProblem(kind, named, errors=errors).response()


async def _http(error: HTTPException) -> Response:
    code = error.code or 500
    detail = {
        404: "there is no such address; /api/v1/docs lists all of them",
        405: "the header Allow says which methods there are",
        413: "send less at once",
        415: "send JSON, with `Content-Type: application/json`",
    }.get(code, "the request cannot be read; send JSON in UTF-8")
    problem = ApiProblem(OF_STATUS.get(code, "bad-request" if code < 500 else "defect"), detail).response()
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        problem.headers["Allow"] = ", ".join(sorted(allowed))
    return problem


async def _config(error: ConfigError) -> Response:
    errors = {each.key: f"{each.found}; {each.right}" if each.right else each.found for each in error.problems}
    key, first = next(iter(errors.items()), ("", "the tenant's configuration would not be right"))
    return ApiProblem("invalid", f"{key}: {first}" if key else first, errors=errors).response()


async def _keys(error: KeysMissing) -> Response:
    return ApiProblem("conflict", str(error)).response()


async def _store(error: StoreError) -> Response:
    log.warning("store_away", reason=str(error), kind="api")
    return ApiProblem("unavailable", "repeat the request in a few seconds", headers={"Retry-After": "5"}).response()


async def _defect(error: Exception) -> Response:
    log.error("api_failed", endpoint=request.endpoint, exc_info=error)
    return ApiProblem("defect", "the server's log says more; repeat the request later").response()


__all__ = ["MEDIA_TYPE", "Gate"]
