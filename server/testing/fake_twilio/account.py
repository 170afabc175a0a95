"""What is entered at Twilio for an account: WhatsApp senders, Messaging Services, content templates and their approval."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from .messages import API_VERSION, new_sid
from .state import State
from .validation import ApiError


@dataclass(kw_only=True)
class FakeSender:
    """A WhatsApp sender (Channels Senders resource)."""

    number: str
    status: str = "ONLINE"
    webhook: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=lambda: {"about": "kept"})
    sid: str = field(default_factory=lambda: new_sid("XE"))
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        reasons = [{"code": "63020", "message": self.reason}] if self.reason else None
        shown = {"sid": self.sid, "sender_id": self.number, "status": self.status, "offline_reasons": reasons}
        return {**shown, "webhook": self.webhook, "profile": self.profile}


@dataclass(kw_only=True)
class Account:
    """Everything of one fake account; a test fills it."""

    status: str = "active"
    type: str = "Full"
    senders: list[FakeSender] = field(default_factory=list)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    """SID → the fields of the resource."""
    templates: list[dict[str, Any]] = field(default_factory=list)
    """As /v1/ContentAndApprovals shows them."""


_OF_SERVICE = {
    "InboundRequestUrl": "inbound_request_url",
    "InboundMethod": "inbound_method",
    "FallbackUrl": "fallback_url",
    "FallbackMethod": "fallback_method",
}


class AccountRest:
    """The routes of api, messaging and content on one port. *authenticated* gives a request's account."""

    def __init__(self, state: State, account: Account, authenticated: Any, answering_errors: Any) -> None:
        self._state = state
        self.account = account
        self._authenticated = authenticated
        self._answering = answering_errors

    def routes(self) -> list[web.RouteDef]:
        made = self._answering
        return [
            web.get(f"/{API_VERSION}/Accounts/{{account}}.json", made(self.fetch_account)),
            web.get("/v2/Channels/Senders", made(self.list_senders)),
            web.post("/v2/Channels/Senders/{sid}", made(self.update_sender)),
            web.get("/v1/Services/{sid}", made(self.fetch_service)),
            web.post("/v1/Services/{sid}", made(self.update_service)),
            web.get("/v1/ContentAndApprovals", made(self.list_contents)),
        ]

    async def fetch_account(self, request: web.Request) -> web.StreamResponse:
        sid = self._authenticated(request)
        return web.json_response({"sid": sid, "status": self.account.status, "type": self.account.type})

    async def list_senders(self, request: web.Request) -> web.StreamResponse:
        self._authenticated(request)
        if request.query.get("Channel") != "whatsapp":
            raise ApiError(400, 20001, "Channel is required")
        return _page("senders", [sender.to_json() for sender in self.account.senders])

    async def update_sender(self, request: web.Request) -> web.StreamResponse:
        self._authenticated(request)
        sender = next((each for each in self.account.senders if each.sid == request.match_info["sid"]), None)
        if sender is None:
            raise ApiError(404, 20404, "The requested resource was not found")
        if request.content_type != "application/json":
            raise ApiError(400, 20001, "this resource takes JSON")
        for name, value in (await request.json()).items():
            if value is None:
                self._state.violation(f"an update of a sender sets {name} to null")
            setattr(sender, name, value)
        return web.json_response(sender.to_json(), status=202)

    async def fetch_service(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._service(request))

    async def update_service(self, request: web.Request) -> web.StreamResponse:
        service = self._service(request)
        given = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        service |= {_OF_SERVICE[name]: value for name, value in given.items()}
        return web.json_response(service)

    async def list_contents(self, request: web.Request) -> web.StreamResponse:
        self._authenticated(request)
        return _page("contents", self.account.templates)

    def _service(self, request: web.Request) -> dict[str, Any]:
        self._authenticated(request)
        sid = request.match_info["sid"]
        if sid not in self.account.services:
            raise ApiError(404, 20404, "The requested resource was not found")
        service = self.account.services[sid]
        service["sid"] = sid
        return service


def _page(key: str, shown: list[dict[str, Any]]) -> web.StreamResponse:
    return web.json_response({key: shown, "meta": {"key": key, "page": 0, "page_size": 50, "next_page_url": None}})
