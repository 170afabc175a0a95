"""The whole server, for its admins: how it is, and who works on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quart import Response, request

from frontdesk.services.office import Office

from .gate import Pages
from .language import _, mark

STATES: Mapping[str, tuple[str, str]] = {
    "ok": (mark("Works"), "good"),
    "not ok": (mark("Does not work"), "alarm"),
    "refused": (mark("A change was refused"), "alarm"),
    "away": (mark("Its storage is away"), "warn"),
    "quarantined": (mark("Quarantined"), "alarm"),
    "not started": (mark("Not started"), "alarm"),
    "switched off": (mark("Rests after failures"), "warn"),
    "not well": (mark("Not well"), "warn"),
}
"""State → (in words, the tag's kind)."""
KINDS: Mapping[str, str] = {
    "turn": mark("Answers to give"),
    "lane": mark("Messages to send"),
    "task": mark("Tasks to do"),
}


def add(pages: Pages, office: Office) -> None:
    """The page, its tenants, and the release of a quarantined plugin."""
    desk = office.server

    @pages.page("/server", who="admin")
    async def server_page() -> Response:
        search, after = request.args.get("q", ""), request.args.get("after", "")
        state, tenants = await desk.state(), await desk.tenants(search, after)
        values: dict[str, Any] = {"state": state, "tenants": tenants, "states": STATES, "kinds": KINDS}
        return await pages.render("server/page.html", search=search, after=after, **values)

    @pages.page("/server/release", who="admin", methods=["POST"])
    async def server_release() -> Response:
        form = await request.form
        happened = await desk.release(pages.here().me, form.get("of", ""), form.get("plugin", ""))
        said = _("It starts again within half a minute.") if happened else _("It was not quarantined any more.")
        return pages.go("server_page", said=said)
