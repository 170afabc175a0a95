"""The phone's page and what it asks for, under `/plugins/simulator/TENANT/`."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any, cast

from quart import Blueprint, Response, abort, jsonify, make_response, render_template, request

from frontdesk import WebhookRefused, current_plugin

from . import gate
from .events import stream
from .files import KINDS, MAX_BYTES, content_type_of
from .posted import PostedGiveBack, PostedReceipts, is_name, understand
from .words import language_of, words_in

if TYPE_CHECKING:
    from . import Simulator

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
FILE_POLICY = "default-src 'none'; sandbox"
"""A contact's file must never run as a page of ours."""
SUGGESTIONS = 3
RECEIPTS_BYTES = 64 * 1024
BODY_SECONDS = 30.0
"""The longest wait for what the page posts."""


def add(blueprint: Blueprint) -> None:
    """Give the core's blueprint its views."""
    blueprint.template_folder = "templates"
    blueprint.static_folder = "static"
    blueprint.before_request(_check)
    blueprint.after_request(_guard)
    blueprint.add_url_rule("/", "phone", _phone)
    blueprint.add_url_rule("/events", "events", _events)
    blueprint.add_url_rule("/receipts", "receipts", _receipts, methods=["POST"])
    blueprint.add_url_rule("/give-back", "give_back", _give_back, methods=["POST"])
    blueprint.add_url_rule("/media", "upload", _upload, methods=["POST"])
    blueprint.add_url_rule("/media/<key>", "file", _file)


def _simulator() -> Simulator:
    return cast("Simulator", current_plugin())


def _sender() -> tuple[str, dict[str, str]]:
    """The other end of the request's connection, and its headers with lower-case names."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return (request.scope.get("client") or ("",))[0], headers


async def _check() -> Response | None:
    simulator = _simulator()
    peer, headers = _sender()
    if not simulator.may_use(peer, headers):
        return _sentence(gate.closed_sentence(simulator.tenant.id), 403)
    if request.method == "POST" and gate.OURS not in headers:
        return _sentence(f"Only the phone's own page may post here: the header {gate.OURS} is missing.", 403)
    return None


async def _guard(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


async def _phone() -> str:
    simulator = _simulator()
    tenant = simulator.tenant
    words = words_in(tenant.language)
    config: dict[str, Any] = {
        "tenant": tenant.id,
        "plugin": simulator.name,
        "assistant": tenant.persona.name,
        "locale": tenant.language,
        "zone": tenant.time_zone,
        "webhook": f"/webhooks/{simulator.name}/{tenant.id}",
        "types": list(KINDS),
        "maxBytes": MAX_BYTES,
        "mayGiveBack": simulator.among_ourselves,
        "words": words,
    }
    own = [fact for fact in tenant.facts if fact.questions and fact.language in ("", tenant.language)]
    return await render_template(
        "simulator/phone.html",
        tenant=tenant,
        language=language_of(tenant.language),
        words=words,
        config=config,
        initials="".join(word[0] for word in tenant.name.split())[:2].upper(),
        suggestions=[fact.questions[0] for fact in own[:SUGGESTIONS]] or [words["hello"]],
    )


async def _events() -> Response:
    contact = request.args.get("contact", "")
    if not is_name(contact):
        abort(400, "contact: the name the page has made for its contact is missing")
    response = cast(Response, await make_response(stream(_simulator(), contact)))
    response.timeout = None
    response.content_type = "text/event-stream; charset=utf-8"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _receipts() -> Response:
    try:
        receipts = understand(PostedReceipts, await _body(RECEIPTS_BYTES))
    except WebhookRefused as err:
        return _sentence(err.reason, err.status)
    await _simulator().take_receipts(receipts)
    return Response("", 204)


async def _give_back() -> Response:
    simulator = _simulator()
    if not simulator.among_ourselves:
        return _sentence("Only operators give a conversation back, and this phone is open to everyone.", 403)
    try:
        posted = understand(PostedGiveBack, await _body(RECEIPTS_BYTES))
    except WebhookRefused as err:
        return _sentence(err.reason, err.status)
    if not await simulator.give_back(posted):
        return _sentence("Somebody else answers by now; look who, and decide again.", 409)
    return Response("", 204)


async def _upload() -> Response:
    simulator = _simulator()
    try:
        peer, _ = _sender()
        simulator.count_message(peer)
        content = await _body(MAX_BYTES)
        content_type = content_type_of(content)
        if content_type is None:
            return _sentence(f"This is none of {', '.join(KINDS)}.", 415)
        simulator.count_upload(len(content))
        key = await simulator.media.put(content, content_type)
    except WebhookRefused as err:
        return _sentence(err.reason, err.status)
    except OSError as err:
        if err.errno != errno.EFBIG:
            raise
        return _sentence(f"The file is larger than this server takes: {err.strerror}.", 413)
    return jsonify(key=key, kind=KINDS[content_type])


async def _file(key: str) -> Response:
    found = await _simulator().media.get(key)
    if found is None:
        return _sentence("There is no such file.", 404)
    content_type, content = found
    response = Response(content, content_type=content_type)
    response.headers["Content-Security-Policy"] = FILE_POLICY
    response.headers["Content-Disposition"] = "inline" if content_type.partition(";")[0] in KINDS else "attachment"
    response.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return response


async def _body(limit: int) -> bytes:
    """The request's body. Ends the request with 413 when it is larger than *limit* (bytes), 408 when it does not come."""
    if (request.content_length or 0) > limit:
        abort(413)
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.body:
                content += chunk
                if len(content) > limit:
                    abort(413)
    except TimeoutError:
        abort(408)
    return bytes(content)


def _sentence(text: str, status: int) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")
