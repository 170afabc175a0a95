"""The inbox: the list of conversations, and the frame of three panes in which it stands.

The two other panes are filled by the page that opens a conversation. It extends `inbox/frame.html` with what `listed` gives
(blocks `conversation` and `contact`); a row of the list asks for it with the header `HX-Target: conversation`, and is then
answered with the content of <section id="conversation">, and out of band with that of <aside id="contact">.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal, cast, get_args
from urllib.parse import urlencode

from babel.dates import format_timedelta
from quart import Response, abort, g, make_response, render_template, request, stream_with_context, url_for

from frontdesk.services.conversation_list import BadCursor, Counts, Filters, Temperature, WhoseOwner, row_matches
from frontdesk.services.conversation_rows import Row
from frontdesk.services.office import Office

from .gate import Here, Pages
from .language import _, current

Pane = Literal["list", "conversation", "contact"]
AGAIN = 10
"""Rows that are sent when a list connects: what has changed since its page was made is among them."""
ALIVE_EVERY = 15.0
"""Seconds without news after which the stream says that it is there."""
MAY_EVERY = 1.0
"""Seconds after which the stream looks again whether it may tell what is new: sessions end, roles are taken away."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter as a link."""

    text: str
    address: str
    """With the filter put on; taken off, if it is on."""
    on: bool
    count: int = 0


def add(pages: Pages, office: Office) -> None:
    """The list, a part of it, and the stream of its changes."""

    @pages.tenant_page("/inbox", role="viewer")
    async def inbox_list() -> Response:
        shown = await listed(pages, office)
        match request.headers.get("HX-Target", ""):
            case "inbox-results":
                return await pages.render("inbox/_results.html", **shown)
            case "inbox-more":
                return await pages.render("inbox/_rows.html", **shown)
        return await pages.render("inbox/frame.html", **shown)

    @pages.tenant_page("/inbox/events", role="viewer")
    async def inbox_events() -> Response:
        """Server-sent events: `row` (its HTML) and `gone` (a conversation's id)."""
        here, filters = pages.here(), asked()
        cookie = request.cookies.get(pages.cookie, "")

        @stream_with_context
        async def events() -> AsyncGenerator[str]:
            async for event in _events(office, here, filters, cookie):
                yield event

        headers = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        response = cast(Response, await make_response(events(), headers))
        response.timeout = None
        return response


async def listed(pages: Pages, office: Office, *, open_id: str = "", pane: Pane = "list") -> dict[str, Any]:
    """What `inbox/frame.html` shows beside a conversation: the list as the request's query asks for it.

    *open_id*: the conversation that is open; *pane*: which of the panes a phone shows.
    """
    here, filters = pages.here(), asked()
    tenant, me = here.business.id, here.me.name
    try:
        page = await office.conversations.page(tenant, me, filters, after=request.args.get("after", ""))
    except BadCursor:
        abort(404)
    counts = await office.conversations.counts(tenant, me)
    return {
        "rows": page.rows,
        "filters": filters,
        "whose": _whose(tenant, filters, counts),
        "choices": _choices(tenant, filters, counts),
        "here_address": address(tenant, filters),
        "all_address": address(tenant, Filters()),
        "more_address": address(tenant, filters, after=page.after) if page.after else "",
        "events_address": "" if filters.searches else url_for("admin_ui.inbox_events", tenant=tenant) + query(filters),
        "carried": query(filters),
        "waiting": waiting,
        "open_id": open_id,
        "pane": pane,
    }


def asked() -> Filters:
    """The filters of the request's query; what is none is left out."""
    given = request.args
    owner, temperature = given.get("owner", ""), given.get("temperature", "")
    return Filters(
        owner=cast(WhoseOwner, owner if owner in get_args(WhoseOwner) else ""),
        temperature=cast(Temperature, temperature if temperature in get_args(Temperature) else ""),
        unanswered="unanswered" in given,
        parked="parked" in given,
        failed="failed" in given,
        text=given.get("q", "")[:200].strip(),
    )


def waiting(duration: timedelta) -> str:
    """How long somebody waits, in few letters: `8 min`."""
    return format_timedelta(max(duration, timedelta(minutes=1)), "minute", 1.0, format="short", locale=current())


def query(filters: Filters, **more: str) -> str:
    """The filters as the query of an address; empty if there are none."""
    pairs = {"owner": filters.owner, "temperature": filters.temperature, "q": filters.text}
    pairs |= {name: "1" for name in ("unanswered", "parked", "failed") if getattr(filters, name)}
    given = {name: value for name, value in (pairs | more).items() if value}
    return f"?{urlencode(given)}" if given else ""


def address(tenant: str, filters: Filters, **more: str) -> str:
    """Where the list is shown so filtered."""
    return url_for("admin_ui.inbox_list", tenant=tenant) + query(filters, **more)


def _whose(tenant: str, filters: Filters, counts: Counts) -> list[Choice]:
    names: tuple[tuple[WhoseOwner, str, int], ...] = (
        ("", _("All"), 0),
        ("me", _("Mine"), counts.mine),
        ("nobody", _("Nobody"), counts.nobody),
        ("others", _("Others"), 0),
        ("bot", _("Bot"), 0),
    )
    return [
        Choice(text, address(tenant, replace(filters, owner=owner)), filters.owner == owner, count=count)
        for owner, text, count in names
    ]


def _choices(tenant: str, filters: Filters, counts: Counts) -> list[Choice]:
    switches: tuple[tuple[str, str, int], ...] = (
        ("unanswered", _("Unanswered"), 0),
        ("parked", _("Parked"), counts.parked),
        ("failed", _("Failed"), 0),
    )
    temperatures: tuple[tuple[Temperature, str], ...] = (("hot", _("Hot")), ("warm", _("Warm")), ("cold", _("Cold")))
    found = []
    for name, text, count in switches:
        on = bool(getattr(filters, name))
        changes: dict[str, Any] = {name: not on}
        found.append(Choice(text, address(tenant, replace(filters, **changes)), on, count))
    for value, text in temperatures:
        on = filters.temperature == value
        found.append(Choice(text, address(tenant, replace(filters, temperature="" if on else value)), on))
    return found


async def _events(office: Office, here: Here, filters: Filters, cookie: str) -> AsyncGenerator[str]:
    tenant, me = here.business.id, here.me.name
    yield "retry: 1000\n\n"
    async with office.conversation_feed.watch(tenant) as watcher:
        page = await office.conversations.page(tenant, me, filters, limit=AGAIN)
        yield await _told(office, here, filters, reversed(page.rows))
        clock, looked_at = asyncio.get_running_loop().time, 0.0
        while True:
            rows = await watcher.changed(ALIVE_EVERY)
            if clock() - looked_at >= MAY_EVERY:
                principal = await office.accounts.signed_in(cookie)
                if principal is None or not principal.may(tenant, "viewer"):
                    return
                looked_at = clock()
            if not rows:
                yield ": here\n\n"
                continue
            there = [row for row in rows.values() if row is not None and row_matches(row, me, filters)]
            gone = rows.keys() - {row.id for row in there}
            yield await _told(office, here, filters, there) + "".join(f"event: gone\ndata: {id}\n\n" for id in gone)


async def _told(office: Office, here: Here, filters: Filters, rows: Iterable[Row]) -> str:
    """Rows as events."""
    # The stream outlives its request: what templates know of that is given to them once more.
    g.here, g.language = replace(here, now=office.now()), here.language
    told = ""
    shown = {"here": g.here, "carried": query(filters), "filters": filters, "waiting": waiting}
    for row in rows:
        html = await render_template("inbox/_row.html", row=row, **shown)
        told += f"event: row\ndata: {' '.join(html.split())}\n\n"
    return told
