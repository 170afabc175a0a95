"""`/media/TENANT/KEY?expires=…&signature=…`: how a provider fetches a file from us; nothing else opens it."""

from __future__ import annotations

from quart import Blueprint, Response, request

from ..media import MediaStore, MediaUrls


def blueprint(files: MediaStore, urls: MediaUrls) -> Blueprint:
    pages = Blueprint("media", __name__)

    @pages.get("/media/<tenant>/<key>")
    async def file(tenant: str, key: str) -> Response:
        allowed = urls.allows(tenant, key, request.args.get("expires", ""), request.args.get("signature", ""))
        found = await files.get(tenant, key) if allowed else None
        if found is None:
            return Response("This link has expired, or was never ours.", 404, content_type="text/plain; charset=utf-8")
        content_type, content = found
        response = Response(content, content_type=content_type)
        # What a contact uploaded must never run as a page of ours.
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Disposition"] = "attachment"
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response

    return pages
