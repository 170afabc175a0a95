"""The server: HubSpot's CRM API in its version 3 and in dated ones, every request held against HubSpot's shapes.

Shapes and limits as HubSpot's developer pages and its SDK's models tell them. It also runs as a program:

    python -m frontdesk.testing.fake_hubspot --port 8400
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, deque
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from aiohttp import web

from ...clock import Clock, SystemClock
from .account import SCOPES, Account
from .faults import Fault, Faults
from .operations import Operations, Problem, kind_of

_VERSION = r"(?P<version>20\d\d-\d\d)"
_PATHS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("objects", rf"/crm/(?:v3/objects|objects/{_VERSION})/(?P<kind>[a-z]+)/(?P<rest>[a-z/-]+)"),
        ("properties", rf"/crm/(?:v3/properties|properties/{_VERSION})/(?P<kind>[a-z]+)(?:/(?P<rest>groups))?"),
        (
            "associations",
            rf"/crm/(?:v4/associations|associations/{_VERSION})/(?P<of>[a-z]+)/(?P<to>[a-z]+)/(?P<rest>.+)",
        ),
        ("owners", rf"/crm/(?:v3/owners|owners/{_VERSION})"),
        ("pipelines", rf"/crm/(?:v3/pipelines/deals|pipelines/{_VERSION}/deals)"),
        ("account", rf"/account-info/(?:v3|{_VERSION})/details"),
    )
)


class FakeHubspot:
    """The server, in process: `async with FakeHubspot() as hubspot:`; `hubspot.url` is the plugin's `api_base_url`.

    `account` is what it knows; `calls` counts what it was asked; `refused` says why requests were
    found to be wrong: a plugin that works well leaves it empty.
    """

    def __init__(self, *, port: int = 0, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.account = Account(self.clock)
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, Any]] = []
        """(what, body) of those that were served, in order."""
        self.refused: list[str] = []
        self.versions: set[str] = set()
        self.ten_secondly = 100
        self.search_secondly = 5
        self.daily = 250_000
        self._recent: deque[float] = deque()
        self._searches: deque[float] = deque()
        self._of_day: Counter[str] = Counter()
        self._port = port
        self._runner: web.AppRunner | None = None
        self._operations = Operations(self.account)

    @property
    def url(self) -> str:
        assert self._runner is not None, "it does not run"
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        fault = self.faults.take(request.path)
        if fault is not None and fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if fault is not None and (answer := self._failed(request, fault)) is not None:
            return answer
        try:
            self._admit(request)
            status, body = self._done(request, raw, fault)
        except Problem as err:
            if err.status not in (401, 409, 429):
                self.refused.append(f"{request.method} {request.path}: {err}")
            return self._answer(request, err.status, err.body)
        if fault is not None and fault.kind == "accept_then_drop":
            _cut(request)
        if fault is not None and fault.kind == "hang_after":
            await asyncio.sleep(fault.seconds)
        return self._answer(request, status, body)

    def _failed(self, request: web.Request, fault: Fault) -> web.StreamResponse | None:
        match fault.kind:
            case "error":
                return self._answer(request, fault.status, fault.body, fault.headers)
            case "limit":
                return self._answer(request, 429, _limit(fault.policy), fault.headers)
            case "expired":
                return self._answer(request, 401, _expired())
            case "garbage":
                return web.Response(body=b"<html>", content_type="text/html")
            case "nonsense":
                return web.json_response(["no", "answer"])
            case "drop":
                _cut(request)
                return web.Response()
        return None

    def _admit(self, request: web.Request) -> None:
        """Raises Problem for a wrong token, and when a limit is reached."""
        if request.headers.get("Authorization") != f"Bearer {self.account.token}":
            raise _problem(401, _expired())
        now = self.clock.monotonic()
        if request.path.endswith("/search"):
            self._count(
                self._searches, now, 1.0, self.search_secondly, "SECONDLY", "You have reached your secondly limit."
            )
            return
        self._count(self._recent, now, 10.0, self.ten_secondly, "TEN_SECONDLY_ROLLING")
        day = self._today()
        self._of_day[day] += 1
        if self._of_day[day] > self.daily:
            raise _problem(429, _limit("DAILY"))

    def _count(
        self, calls: deque[float], now: float, seconds: float, most: int, policy: str, message: str = ""
    ) -> None:
        while calls and calls[0] <= now - seconds:
            calls.popleft()
        if len(calls) >= most:
            body = {**_limit(policy), "message": message} if message else _limit(policy)
            raise _problem(429, {name: value for name, value in body.items() if name != "policyName" or not message})
        calls.append(now)

    def _today(self) -> str:
        moment: datetime = self.clock.now()
        return moment.astimezone(ZoneInfo(self.account.zone)).date().isoformat()

    def _done(self, request: web.Request, raw: bytes, fault: Fault | None) -> tuple[int, Any]:
        name, found = _path(request.path)
        self.versions.add(found.get("version") or "v3")
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            raise Problem(400, "VALIDATION_ERROR", "Invalid input JSON") from None
        if not isinstance(body, dict):
            raise Problem(400, "VALIDATION_ERROR", "Invalid input JSON: no object")
        what = "/".join(found[each] for each in ("kind", "of", "to", "rest") if found.get(each)) or name
        if name == "properties":
            what = f"properties/{what}"
        self.calls[what] += 1
        self.requests.append((what, body))
        refused = self._hold_back(body, fault)
        status, told = self._operate(request.method, name, found, body)
        if refused is not None and fault is not None:
            error = {
                "status": "error",
                "category": fault.category,
                "message": "it was not taken",
                "context": {"ids": [refused]},
            }
            return 207, {**told, "numErrors": 1, "errors": [*told.get("errors", []), error]}
        return status, told

    def _hold_back(self, body: dict[str, Any], fault: Fault | None) -> str | None:
        """The id of the record that a fault takes out of a batch."""
        if fault is None or fault.kind != "partial" or len(body.get("inputs", [])) < 2:
            return None
        return str(body["inputs"].pop(0)["id"])

    def _operate(self, method: str, name: str, found: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any]:
        account, does = self.account, self._operations
        match name, method:
            case "account", "GET":
                return 200, {"portalId": account.portal, "timeZone": account.zone, "uiDomain": "app.hubspot.com"}
            case "owners", "GET":
                return 200, {"results": [{"id": id, "email": email} for email, id in account.owners.items()]}
            case "pipelines", "GET":
                stages = [{"id": id, "label": label} for id, label in account.stages.items()]
                return 200, {"results": [{"id": "default", "label": "Sales", "stages": stages}]}
            case "properties", "GET":
                self._scope(kind_of(found["kind"]))
                return 200, {"results": list(account.properties[found["kind"]].values())}
            case "properties", "POST":
                self._scope(kind_of(found["kind"]))
                make = does.make_group if found.get("rest") else does.make_property
                return make(found["kind"], body)
            case "associations", "POST":
                return does.associate(kind_of(found["of"]), kind_of(found["to"]), found["rest"], body)
            case "objects", "POST":
                return self._objects(kind_of(found["kind"]), found["rest"], body)
        raise Problem(405, "VALIDATION_ERROR", f"{method} is not taken here")

    def _objects(self, kind: str, rest: str, body: dict[str, Any]) -> tuple[int, Any]:
        self._scope(kind)
        match rest:
            case "search":
                return self._operations.search(kind, body)
            case "merge":
                return self._operations.merge(kind, body)
            case "gdpr-delete":
                return self._operations.gdpr_delete(kind, body)
        return self._operations.batch(kind, rest.removeprefix("batch/"), body)

    def _scope(self, kind: str) -> None:
        if SCOPES[kind] not in self.account.scopes:
            raise Problem(403, "MISSING_SCOPES", f"This app lacks the scope {SCOPES[kind]}")

    def _answer(
        self, request: web.Request, status: int, body: Any, headers: dict[str, str] | None = None
    ) -> web.StreamResponse:
        told = dict(headers or {})
        if not request.path.endswith("/search"):  # its answers carry none
            left = max(0, self.ten_secondly - len(self._recent))
            told |= {
                "X-HubSpot-RateLimit-Max": str(self.ten_secondly),
                "X-HubSpot-RateLimit-Remaining": str(left),
                "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
                "X-HubSpot-RateLimit-Daily": str(self.daily),
                "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.daily - self._of_day[self._today()])),
            }
        if status == 204:
            return web.Response(status=204, headers=told)
        return web.json_response(body, status=status, headers=told)


def _path(path: str) -> tuple[str, dict[str, Any]]:
    for name, pattern in _PATHS:
        if found := pattern.fullmatch(path):
            return name, found.groupdict()
    raise Problem(404, "OBJECT_NOT_FOUND", f"no endpoint {path}")


def _problem(status: int, body: dict[str, Any]) -> Problem:
    problem = Problem(status, str(body.get("category", "")), str(body.get("message", "")))
    problem.body = body
    return problem


def _limit(policy: str) -> dict[str, Any]:
    return {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "policyName": policy,
        "correlationId": "c0",
    }


def _expired() -> dict[str, Any]:
    message = "Authentication credentials not found or expired."
    return {"status": "error", "message": message, "category": "EXPIRED_AUTHENTICATION", "correlationId": "c0"}


def _cut(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()
