"""Mounts plugins' pages (and WebSockets) at `/plugins/NAME/TENANT…`; tenant and instance are found before a view runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from quart import Blueprint, Quart, abort, g, has_request_context, request, websocket
from werkzeug.exceptions import HTTPException

from .. import blame
from ..plugin import Plugin
from ..registry import PluginType
from ..runtime import Runtimes, UnknownTenant
from ..step import Running, Stepped, running

log = structlog.get_logger(__name__)


def mount(app: Quart, kinds: Iterable[PluginType], runtimes: Runtimes) -> None:
    """Give each plugin class that has pages its blueprint. One that fails has no pages; the others have theirs."""
    _let_go_after(app, runtimes)
    for kind in kinds:
        if "routes" not in kind.hooks:
            continue
        pages = Blueprint(f"plugin_{kind.name}", kind.cls.__module__, url_prefix=f"/plugins/{kind.name}/<tenant>")
        _find_instance(pages, kind, runtimes)
        try:
            with running(Running("", kind.name, "routes")):
                kind.cls.routes(pages)  # type: ignore[attr-defined]  # checked by the registry
            app.register_blueprint(pages)
        except Exception as err:  # noqa: BLE001  the plugin's code: its pages are missing, the server starts
            log.error("plugin_without_pages", plugin=kind.name, hook="routes", reason=blame.in_words(err))
            continue
        for endpoint, view in app.view_functions.items():
            if endpoint.startswith(f"{pages.name}."):
                app.view_functions[endpoint] = _labelled(app, kind.name, view)


def _labelled(app: Quart, plugin: str, view: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """The view, with its name in the watchdog's report should it block the loop, and in the log should it fail."""

    async def labelled(**values: Any) -> Any:
        label = Running(g.tenant, plugin, "routes")
        try:
            return await Stepped(label, app.ensure_async(view), values)
        except HTTPException:
            raise
        except Exception as err:  # noqa: BLE001  the plugin's code; Quart would log the error with its text
            log.warning("hook_failed", **label._asdict(), reason=blame.in_words(err), trace=blame.trace(err))
            abort(500)

    return labelled


def _find_instance(pages: Blueprint, kind: PluginType, runtimes: Runtimes) -> None:
    @pages.before_request
    @pages.before_websocket
    async def find() -> None:
        """Views are not given the tenant as an argument: `current_plugin()` is already the right one's.

        It is taken here and not by a url_value_preprocessor, which Quart 0.22 cannot call for a WebSocket.
        """
        asked = request if has_request_context() else websocket
        g.tenant = (asked.view_args or {}).pop("tenant", "")
        try:
            g.runtime = await runtimes.get(g.tenant)
        except UnknownTenant:
            abort(404, f"There is no tenant {g.tenant}.")
        g.runtime.uses += 1
        plugin: Plugin | None = g.runtime.plugins.get(kind.name)
        if plugin is None:
            if kind.name in g.runtime.troubles:
                abort(503, f"{kind.name} is not running for {g.tenant}; the server's log says why.")
            abort(404, f"{kind.name} is not among the plugins of {g.tenant}.")
        g.plugin = plugin


def _let_go_after(app: Quart, runtimes: Runtimes) -> None:
    @app.teardown_request
    @app.teardown_websocket
    async def let_go(_error: BaseException | None) -> None:
        """A stream that the view opened goes on after this; it keeps the instance, not its start and stop.

        It is the application's and not the blueprint's, whose teardown_websocket Quart 0.22 does not call.
        """
        if (runtime := g.pop("runtime", None)) is not None:
            runtimes.let_go(runtime)
