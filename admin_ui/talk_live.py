"""A conversation as it changes: one stream of events for each open page, with the parts of it that are new, drawn here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quart import g, render_template, request

from frontdesk.services.office import Office

from .gate import Pages

if TYPE_CHECKING:
    from .talk import Talk

HEARTBEAT = 10.0
"""Seconds after which an open page is looked after: its row among the onlookers, its session, and that the line is open."""
PARTS = ("standing", "onlookers", "parked", "templates")
"""What is told anew whenever it is drawn otherwise."""
GATHER = 0.05
"""Seconds in which several changes are told as one."""


class Live:
    """What one open page of *conversation* has been told."""

    def __init__(self, pages: Pages, office: Office, talk: Talk, conversation: str) -> None:
        self._pages = pages
        self._office = office
        self._talk = talk
        self._id = conversation
        self._here = pages.here()
        self._told: dict[str, object] = {}
        """Entry or part → what it was made from when it was told last."""

    async def stream(self) -> AsyncIterator[bytes]:
        """Server-sent events until the page goes, its session ends, or the conversation is erased."""
        here, desk = self._here, self._talk.desk
        tenant, name = here.business.id, here.me.name
        # A stream has a context of its own, in which nobody has said yet what the request is about.
        g.here, g.language = here, here.language
        try:
            async with desk.changes.watch(tenant, self._id) as changed:
                while await self._may_go_on():
                    changed.clear()
                    await desk.onlookers.look(tenant, self._id, name)
                    news = await self._news()
                    if news is None:
                        break
                    yield _event("change", news) if news else b": here\n\n"
                    with suppress(TimeoutError):
                        async with asyncio.timeout(HEARTBEAT):
                            await changed.wait()
                    await asyncio.sleep(GATHER)
            yield _event("end", {})
        finally:
            await desk.onlookers.leave(tenant, self._id, name)

    async def _may_go_on(self) -> bool:
        """A session that was ended, and a role that was taken away, end what is open."""
        principal = await self._office.accounts.signed_in(request.cookies.get(self._pages.cookie, ""))
        here = self._pages.here()
        if principal is None or not principal.may(here.business.id, "viewer"):
            return False
        g.here = replace(here, principal=principal, now=self._office.now())
        return True

    async def _news(self) -> dict[str, Any] | None:
        """What has changed since it was told last; None: the conversation is gone."""
        here, desk = self._pages.here(), self._talk.desk
        conversation = await desk.threads.conversation(here.business.id, self._id)
        if conversation is None or conversation.id != self._id:
            return None
        page = await desk.threads.page(here.business.id, conversation)
        values = {**await self._talk.standing(conversation), **await self._talk.thread(conversation, page)}
        entries = []
        for entry in page.entries:
            made_from = (entry.message and entry.message.version, entry.again)
            if self._told.get(entry.id) != made_from:
                self._told[entry.id] = made_from
                html = await self._drawn("talk/_entry.html", {**values, "entry": entry})
                entries.append({"id": entry.id, "at": entry.at.isoformat(), "html": html, "kind": _kind(entry)})
        parts = {}
        for part in PARTS:
            html = await self._drawn(f"talk/_{part}.html", values)
            if self._told.get(part) != html:
                self._told[part] = html
                parts[part] = html
        return {"entries": entries, "parts": parts} if entries or parts else {}

    async def _drawn(self, template: str, values: Mapping[str, Any]) -> str:
        here = self._pages.here()
        shown = {"here": here, "language": here.language, "csrf_token": here.me.csrf}
        return await render_template(template, **shown, **values)


def _kind(entry: Any) -> str:
    """`theirs` makes the sound of something new; what we said ourselves does not."""
    return "theirs" if entry.message is not None and entry.message.direction == "inbound" else "ours"


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
