"""Where Google comes to, below /plugins/gcal_scheduler/TENANT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from quart import Blueprint, Response, abort, redirect, request

from frontdesk import NeedsAttention, Refused, RetryLater, current_plugin

if TYPE_CHECKING:
    from . import GoogleCalendars

COOKIE = "frontdesk_google"
COOKIE_SECONDS = 600


def add(blueprint: Blueprint) -> None:
    """Add the views."""
    blueprint.after_request(_guard)
    blueprint.add_url_rule("/google/connect", "google_connect", _connect)
    blueprint.add_url_rule("/google/back", "google_back", _back)
    blueprint.add_url_rule("/google/changed", "google_changed", _changed, methods=["POST"])


def _google() -> GoogleCalendars:
    keeper = cast(Any, current_plugin()).calendars
    if not hasattr(keeper, "consent"):
        abort(404, "This tenant keeps no calendar at Google (backend: google).")
    return cast("GoogleCalendars", keeper)


async def _guard(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    # The address of Google's answer has a code in it.
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


async def _connect() -> Response:
    """An operator follows the link on the settings page."""
    google = _google()
    try:
        address, verifier = await google.consent.begin(request.args.get("ticket", ""))
    except (Refused, NeedsAttention, RetryLater) as err:
        return _sentence(str(err), 403)
    response = cast(Response, redirect(address, 303))
    # Lax: the way back begins on Google's page.
    response.set_cookie(COOKIE, verifier, max_age=COOKIE_SECONDS, **_cookie(google))
    return response


async def _back() -> Response:
    """They are back from Google."""
    google = _google()
    try:
        await google.consent.finish(request.cookies.get(COOKIE, ""), request.args)
        response = _sentence("Google Calendar is connected. You can close this page.", 200)
        await google.look_at_all()
    except Refused as err:
        response = _sentence(err.reason, 403)
    except (RetryLater, NeedsAttention) as err:
        response = _sentence(str(err), 503)
    response.delete_cookie(COOKIE, **_cookie(google))
    return response


async def _changed() -> Response:
    """Google says that something in a calendar has changed. The body is empty and is not read."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Response("", 204 if await _google().channels.heard(headers) else 403)


def _cookie(google: GoogleCalendars) -> dict[str, Any]:
    return {
        "path": f"{request.path.rpartition('/')[0]}",
        "secure": google.consent.redirect.startswith("https://"),
        "httponly": True,
        "samesite": "Lax",
    }


def _sentence(text: str, status: int) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")
