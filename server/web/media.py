"""`/media/TENANT/KEY?expires=…&signature=…`: how a provider fetches a file from us; nothing else opens it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

import structlog
from quart import Blueprint, Response, request
from quart.wrappers.response import ResponseBody

from ..media import MediaStore, MediaUrls, Medium

log = structlog.get_logger(__name__)

RETRY_AFTER = 5
"""Seconds after which who was answered 503 may come again."""


class _Passed(ResponseBody):
    """A file, piece by piece: the next is read when the one before has gone out."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium

    async def __aenter__(self) -> AsyncIterator[bytes]:
        return self._pieces()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._medium.close()

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := await self._medium.read():
            yield piece


def blueprint(files: MediaStore, urls: MediaUrls) -> Blueprint:
    pages = Blueprint("media", __name__)

    @pages.get("/media/<tenant>/<key>")
    async def file(tenant: str, key: str) -> Response:
        allowed = urls.allows(tenant, key, request.args.get("expires", ""), request.args.get("signature", ""))
        try:
            found = await files.open(tenant, key) if allowed else None
        except OSError as err:
            log.warning("media_away", tenant=tenant, reason=str(err))
            return _said(503, "The file cannot be read now; try again.", {"Retry-After": str(RETRY_AFTER)})
        if found is None:
            return _said(404, "This link has expired, or was never ours.", {})
        if request.method == "HEAD":
            await found.close()
        body = b"" if request.method == "HEAD" else _Passed(found)
        response = Response(body, content_type=found.content_type)
        response.headers["Content-Length"] = str(found.size)
        # What a contact uploaded must never run as a page of ours.
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Disposition"] = "attachment"
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response

    return pages


def _said(status: int, text: str, headers: dict[str, str]) -> Response:
    return Response(text, status, headers, content_type="text/plain; charset=utf-8")
