"""The API under /api/v1: an application of its own, so that its errors and its headers are no page's.

What a request may do is said where each route is added (`Routes`), and done by the services that the screens use, too.
"""

from __future__ import annotations

from quart import Quart

from frontdesk.config import ServerConfig

from ...clock import Clock
from ...services.office import Office
from . import (
    account,
    audit,
    contacts,
    conversations,
    docs,
    failures,
    insights,
    records,
    settings,
    webhooks,
    whole_server,
)
from .gate import Gate
from .openapi import extension
from .rates import Rates
from .routes import Routes

MODULES = (account, conversations, contacts, records, failures, insights, settings, webhooks, audit, whole_server)
MAX_BODY = 256 * 1024
"""Bytes of a request's body."""


def make_api(office: Office, clock: Clock, config: ServerConfig) -> Quart:
    """The ASGI application for every path below /api/."""
    app = Quart("frontdesk.api", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.url_map.strict_slashes = False
    routes = Routes(app, office)
    app.extensions["frontdesk.routes"] = routes
    schema = extension(app, routes, config.public_url)
    Gate(app, routes, office, Rates(clock, config.api.requests_per_minute))
    for module in MODULES:
        module.add(routes)
    docs.add(routes, schema)
    return app


__all__ = ["make_api"]
