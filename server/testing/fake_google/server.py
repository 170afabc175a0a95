"""The server: every request held against the discovery document, answered as Google does, or with a fault.

It also runs as a program, for several processes:

    python -m frontdesk.testing.fake_google --port 8400
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from ...clock import Clock, SystemClock
from .accounts import Accounts, OauthClient, Who
from .calendars import Calendar, Calendars
from .discovery import Call, checked, understand
from .errors import Invalid, TokenRefused, Wrong
from .faults import Fault, Faults
from .push import Push

R = TypeVar("R", bound=web.StreamResponse)
MOST_CALENDARS = 50
"""Of one freeBusy query."""


class FakeGoogle:
    """The server, in process: `async with FakeGoogle() as google:`; `google.url` is where everything is."""

    def __init__(self, *, port: int = 0, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self.faults = Faults()
        self.accounts = Accounts(clock)
        self.calendars = Calendars(clock)
        self.push = Push(clock)
        self.calls: list[Call] = []
        """What was asked and found to be valid, in order."""
        self.refused: list[str] = []
        """Why requests were found to be wrong: a plugin that works well leaves it empty."""
        self.consenting = ""
        """Who sits before the consent page and says yes; empty: says no."""
        self.consent_lasts = 0
        """Seconds for which refresh tokens live; 0: no end."""
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self._runner is not None, "it is not started"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes(
            [
                web.post("/token", self._token),
                web.get("/o/oauth2/v2/auth", self._consent),
                web.route("*", "/calendar/v3/{rest:.*}", self._serve),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.accounts.token_uri = f"{self.url}/token"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.push.told()
        if self._runner is not None:
            await self._runner.cleanup()

    # What a test arranges, and what people do in their calendars.

    def add_calendar(self, id: str, **rights: str) -> Calendar:
        """A calendar of its own person. *rights*: accessRole → e-mail, e.g. `writer="desk@…"`."""
        found = Calendar(id, {id: "owner", **{email: role for role, email in rights.items()}})
        self.calendars.all[id] = found
        return found

    def service_account(self, email: str) -> str:
        """The key file of a service account."""
        return json.dumps(self.accounts.service_account(email))

    def oauth_client(self, *redirect_uris: str) -> OauthClient:
        client = OauthClient("1234.apps.googleusercontent.com", "GOCSPX-secret-of-the-client", redirect_uris)
        self.accounts.clients[client.id] = client
        return client

    def person_adds(self, calendar: str, begin: datetime, minutes: int, title: str = "Họp", **more: Any) -> str:
        """Its id."""
        body = {"summary": title, "start": _time(begin), "end": _time(begin + timedelta(minutes=minutes)), **more}
        there = self.calendars.all[calendar]
        made = self.calendars.insert(there, body, calendar)
        self.push.changed(calendar)
        return str(made["id"])

    def person_changes(self, calendar: str, id: str, **body: Any) -> None:
        """E.g. `start={"dateTime": …}, end=…`."""
        self.calendars.change(self.calendars.all[calendar], id, body, "", whole=False)
        self.push.changed(calendar)

    def person_moves(self, calendar: str, id: str, begin: datetime, minutes: int) -> None:
        self.person_changes(calendar, id, start=_time(begin), end=_time(begin + timedelta(minutes=minutes)))

    def person_deletes(self, calendar: str, id: str) -> None:
        self.calendars.delete(self.calendars.all[calendar], id)
        self.push.changed(calendar)

    def forget_changes(self, calendar: str) -> None:
        """Its sync tokens are too old from now on: 410."""
        self.calendars.all[calendar].epoch += 1

    def event(self, calendar: str, id: str) -> dict[str, Any] | None:
        return self.calendars.all[calendar].events.get(id)

    # The wire.

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        fault = self.faults.take("token")
        if fault is not None and (failed := await self._before(request, fault)) is not None:
            return failed
        try:
            answer = web.json_response(self.accounts.token(form))
        except TokenRefused as err:
            answer = web.json_response(err.body, status=err.status)
        return await self._after(request, fault, _closing(answer))

    async def _consent(self, request: web.Request) -> web.StreamResponse:
        asked = dict(request.query)
        back = {"state": asked.get("state", "")}
        try:
            if not self.consenting:
                raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode({**back, 'error': 'access_denied'})}")
            code = self.accounts.consent(self.consenting, asked, self.consent_lasts)
        except TokenRefused as err:
            return web.json_response(err.body, status=400)
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode({**back, 'code': code})}")

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            raw = request.rel_url.raw_path
            call = understand(request.method, raw, list(request.query.items()), body)
        except Invalid as err:
            self.refused.append(err.message)
            return _wrong(err)
        fault = self.faults.take(call.method)
        if fault is not None and (failed := await self._before(request, fault)) is not None:
            return failed
        return await self._after(request, fault, self._answer(request, call))

    def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        try:
            who = self.accounts.who(request.headers.get("Authorization", ""))
            if who is None:
                raise Wrong(401, "authError", location="Authorization")
            if not who.scopes & set(call.scopes):
                raise Wrong(403, "insufficientPermissions", "Insufficient Permission")
            answer = self._do(call, who, request.headers.get("If-Match", ""))
        except Wrong as err:
            if err.status == 400:
                self.refused.append(err.message)
            return _wrong(err)
        self.calls.append(call)
        if answer is None:
            return _closing(web.Response(status=204))
        return _closing(web.json_response(checked(call.method, answer)))

    def _do(self, call: Call, who: Who, if_match: str) -> dict[str, Any] | None:
        """Raises Wrong."""
        given, body = call.given, call.body
        match call.method:
            case "freebusy.query":
                return self._busy(body, who)
            case "channels.stop":
                self.push.stop(body)
                return None
            case "events.list":
                calendar = self.calendars.of(given["calendarId"], who.email, "freeBusyReader")
                return self.calendars.list(calendar, given, who.email)
            case "events.watch":
                calendar = self.calendars.of(given["calendarId"], who.email, "reader")
                return self.push.watch(calendar.id, body)
            case "events.get":
                calendar = self.calendars.of(given["calendarId"], who.email, "reader")
                found = calendar.events.get(given["eventId"])
                if found is None:
                    raise Wrong(404, "notFound", "Not Found")
                return found
        if call.method not in ("events.insert", "events.update", "events.patch", "events.delete"):
            raise Wrong(400, "invalid", f"the stand-in does not do {call.method}")
        calendar = self.calendars.of(given["calendarId"], who.email, "writer")
        if body.get("attendees") and who.email in self.accounts.service_accounts:
            sentence = "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority."
            raise Wrong(403, "forbiddenForServiceAccounts", sentence)
        answer = self._write(call, calendar, who, if_match)
        self.push.changed(calendar.id)
        return answer

    def _write(self, call: Call, calendar: Calendar, who: Who, if_match: str) -> dict[str, Any] | None:
        match call.method:
            case "events.insert":
                return self.calendars.insert(calendar, call.body, who.email)
            case "events.delete":
                self.calendars.delete(calendar, call.given["eventId"], if_match)
                return None
        whole = call.method == "events.update"
        return self.calendars.change(calendar, call.given["eventId"], call.body, if_match, whole=whole)

    def _busy(self, body: Mapping[str, Any], who: Who) -> dict[str, Any]:
        if not body.get("timeMin") or not body.get("timeMax"):
            raise Wrong(400, "required", "timeMin and timeMax are needed")
        begin, end = (datetime.fromisoformat(body[key]).astimezone(UTC) for key in ("timeMin", "timeMax"))
        if begin >= end:
            raise Wrong(400, "timeRangeEmpty", "The specified time range is empty.")
        most = int(body.get("calendarExpansionMax", MOST_CALENDARS))
        too_many = {"errors": [{"domain": "calendar", "reason": "tooManyCalendarsRequested"}], "busy": []}
        found = {
            item["id"]: self.calendars.busy(item["id"], who.email, begin, end) if place < most else too_many
            for place, item in enumerate(body.get("items", []))
        }
        return {
            "kind": "calendar#freeBusy",
            "timeMin": body["timeMin"],
            "timeMax": body["timeMax"],
            "calendars": found,
        }

    async def _before(self, request: web.Request, fault: Fault) -> web.StreamResponse | None:
        match fault.kind:
            case "error":
                return _wrong(Wrong(fault.status, fault.reason))
            case "garbage":
                return _closing(web.Response(body=b"<html>Wi-Fi login</html>", content_type="text/html"))
            case "drop_before":
                return _dropped(request)
            case "hang_before":
                await asyncio.sleep(fault.seconds)
                return _dropped(request)
        return None

    async def _after(self, request: web.Request, fault: Fault | None, answer: web.StreamResponse) -> web.StreamResponse:
        if fault is not None and fault.kind == "hang_after":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "drop_after":
            return _dropped(request)
        return answer


def _time(moment: datetime) -> dict[str, str]:
    return {"dateTime": moment.isoformat(timespec="seconds")}


def _wrong(err: Wrong) -> web.StreamResponse:
    return _closing(web.json_response(err.body(), status=err.status))


def _dropped(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _closing(response: R) -> R:
    # A client keeps connections: the stand-in's end would find them.
    response.force_close()
    return response
