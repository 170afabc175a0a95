"""`/metrics` in Prometheus' text format, to whoever may read it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from quart import Blueprint, Response, request

from ..locality import is_local
from ..observe.backlog import Backlog
from ..observe.metrics import Metrics

_TEXT = "text/plain; charset=utf-8"


def allows(token: str, peer: str, headers: Mapping[str, str]) -> bool:
    """Whether a request may read: with *token* (not empty), by it alone; else if it comes from this machine.

    *headers* have lower-case names.
    """
    if not token:
        return is_local(peer, headers)
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def blueprint(metrics: Metrics, backlog: Backlog, token: str) -> Blueprint:
    pages = Blueprint("metrics", __name__)

    @pages.get("/metrics")
    async def page() -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not allows(token, request.remote_addr or "", headers):
            if token:
                refused = Response("Send the header Authorization: Bearer TOKEN.", 401, content_type=_TEXT)
                refused.headers["WWW-Authenticate"] = "Bearer"
                return refused
            return Response("Only this machine may read it; see server.metrics.token.", 403, content_type=_TEXT)
        await backlog.refresh()
        return Response(metrics.page(), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    return pages
