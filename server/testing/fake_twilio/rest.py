"""Twilio's REST protocol: Messages (2010-04-01), their media, and the typing indicator."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64decode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from .callbacks import CallbackPlan
from .contents import FakeContent, check_content
from .faults import Fault, Operation
from .messages import API_VERSION, FakeMessage
from .state import State
from .validation import ApiError, check_send, violations

ON_THEIR_WAY = frozenset({"accepted", "scheduled", "queued", "sending"})
_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rest:
    """The routes of api.twilio.com and messaging.twilio.com on one port, and of the storage behind media."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        account = f"/{API_VERSION}/Accounts/{{account}}"
        return [
            web.post(f"{account}/Messages.json", answering_errors(self.send)),
            web.get(f"{account}/Messages.json", answering_errors(self.list_messages)),
            web.get(f"{account}/Messages/{{sid}}.json", answering_errors(self.fetch)),
            web.delete(f"{account}/Messages/{{sid}}.json", answering_errors(self.delete)),
            web.get(f"{account}/Messages/{{sid}}/Media.json", answering_errors(self.list_media)),
            web.get(f"{account}/Messages/{{sid}}/Media/{{media}}", answering_errors(self.media)),
            web.delete(f"{account}/Messages/{{sid}}/Media/{{media}}.json", answering_errors(self.delete_media)),
            web.get("/storage/{media}", self.storage),
            web.post("/v2/Indicators/Typing.json", answering_errors(self.typing)),
            web.post("/v1/Content", answering_errors(self.create_content)),
            web.get("/v1/Content", answering_errors(self.list_contents)),
            web.delete("/v1/Content/{sid}", answering_errors(self.delete_content)),
            web.get("/v1/Content/{sid}", answering_errors(self.content)),
            web.get("/v1/Content/{sid}/ApprovalRequests", answering_errors(self.approval)),
        ]

    async def send(self, request: web.Request) -> web.StreamResponse:
        state, account = self._state, self.authenticated(request)
        fields = await _form(request)
        state.attempt(account, fields)
        for violation in violations(fields):
            state.violation(violation)
        fault = state.faults.take("send", dict(fields))
        if fault and fault.phase == "before" and (ended := await self._interrupted(request, fault)):
            return ended
        check_send(fields, state.senders)
        state.contents.check(account, dict(fields))
        message = state.accept(account, fields)
        plan = state.callbacks.take(message)
        if not state.in_window(message):
            state.violation(f"free-form message {message.sid} outside the service window")
            plan = CallbackPlan(statuses=("failed",), error_code=63016)
        if plan.before_answer:
            await state.run_callbacks(plan, message)
        if fault and fault.phase == "after":
            if not plan.before_answer:
                state.start_callbacks(plan, message)
            return await self._interrupted(request, fault) or web.Response(status=500)
        response = web.json_response(message.to_json(), status=201)
        with suppress(ConnectionResetError):  # whoever hangs up is told by callbacks all the same
            await response.prepare(request)
            await response.write_eof()
        if not plan.before_answer:
            state.start_callbacks(plan, message)
        return response

    async def list_messages(self, request: web.Request) -> web.StreamResponse:
        account = self.authenticated(request)
        query = dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
        if ended := await self._fault(request, "list", query):
            return ended
        size = int(query.get("PageSize", "50"))
        if not 1 <= size <= 1000:
            raise ApiError(400, 20001, f"PageSize must be 1 to 1000: {size}")
        found = [message for message in self._state.listed(account) if _matches(message, query)]
        if token := query.get("PageToken"):
            start = [message.sid for message in found].index(token.removeprefix("PA")) + 1
            found = found[start:]
        page = found[:size]
        following = {**query, "Page": str(int(query.get("Page", "0")) + 1)}
        uri = f"/{API_VERSION}/Accounts/{account}/Messages.json"
        return web.json_response(
            {
                "messages": [message.to_json() for message in page],
                "page": int(query.get("Page", "0")),
                "page_size": size,
                "uri": f"{uri}?{urlencode(query)}",
                "first_page_uri": f"{uri}?{urlencode({**query, 'Page': '0'})}",
                "previous_page_uri": None,
                "next_page_uri": f"{uri}?{urlencode({**following, 'PageToken': 'PA' + page[-1].sid})}"
                if len(found) > size
                else None,
                "start": 0,
                "end": max(len(page) - 1, 0),
            }
        )

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        message = self._message(request)
        return await self._fault(request, "fetch", {"To": message.to}) or web.json_response(message.to_json())

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Twilio deletes no message that is still on its way (20009), and keeps the files of one that it deletes."""
        message = self._message(request)
        if ended := await self._fault(request, "delete", {"To": message.to}):
            return ended
        if message.status in ON_THEIR_WAY:
            raise ApiError(409, 20009, "Cannot delete this record: its status is not final")
        if message.media:
            self._state.violation(f"{message.sid} deleted before its files, which stay at Twilio")
        del self._state.messages[message.sid]
        self._state.world.record("deleted", sid=message.sid)
        return web.Response(status=204)

    async def delete_media(self, request: web.Request) -> web.StreamResponse:
        message = self._message(request)
        if ended := await self._fault(request, "delete", {"To": message.to}):
            return ended
        kept = [media for media in message.media if media.sid != request.match_info["media"]]
        if len(kept) == len(message.media):
            raise ApiError(404, 20404, f"The requested resource {request.path} was not found")
        message.media[:] = kept
        self._state.world.record("deleted", sid=request.match_info["media"])
        return web.Response(status=204)

    async def list_media(self, request: web.Request) -> web.StreamResponse:
        message = self._message(request)
        if ended := await self._fault(request, "list", {"To": message.to}):
            return ended
        shown = [{"sid": one.sid, "content_type": one.content_type, "parent_sid": message.sid} for one in message.media]
        return web.json_response({"media_list": shown, "uri": request.path, "next_page_uri": None, "page_size": 50})

    async def media(self, request: web.Request) -> web.StreamResponse:
        """Twilio enforces basic auth here and redirects to a storage host, which wants none."""
        message = self._message(request)
        if ended := await self._fault(request, "media", {"To": message.to}):
            return ended
        if not any(media.sid == request.match_info["media"] for media in message.media):
            raise ApiError(404, 20404, "The requested media was not found")
        raise web.HTTPTemporaryRedirect(self._state.storage_url(request.match_info["media"]))

    async def storage(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            self._state.violation("credentials sent to the storage host")
            return web.Response(status=400, text="Only one auth mechanism allowed")
        for message in self._state.messages.values():
            for media in message.media:
                if media.sid == request.match_info["media"]:
                    return web.Response(body=media.content, content_type=media.content_type)
        return web.Response(status=404)

    async def typing(self, request: web.Request) -> web.StreamResponse:
        self.authenticated(request)
        given = dict(await _form(request))
        if ended := await self._fault(request, "typing", given):
            return ended
        message = given.get("messageId", "")
        if given.get("channel") != "whatsapp" or not _MESSAGE_SID.fullmatch(message):
            raise ApiError(400, 20001, "channel must be whatsapp, messageId the SID of an inbound message")
        self._state.typing_shown(message)
        return web.json_response({"success": True})

    async def create_content(self, request: web.Request) -> web.StreamResponse:
        """The Content API takes JSON and answers a ContentSid; it judges form and limits when the content is made."""
        account = self.authenticated(request)
        if ended := await self._fault(request, "content", {}):
            return ended
        try:
            body = json.loads(await request.read())
        except ValueError:
            raise ApiError(400, 20001, "The request body is not JSON") from None
        check_content(body)
        content = self._state.contents.add(account, body)
        return web.json_response(content.to_json(), status=201)

    async def content(self, request: web.Request) -> web.StreamResponse:
        content = self._content_of(request)
        return await self._fault(request, "content", {}) or web.json_response(content.to_json())

    async def list_contents(self, request: web.Request) -> web.StreamResponse:
        """The account's contents, newest first, in pages."""
        account = self.authenticated(request)
        if ended := await self._fault(request, "content", {}):
            return ended
        size, page = int(request.query.get("PageSize", 50)), int(request.query.get("Page", 0))
        known = [content.to_json() for content in self._state.contents.known.values() if content.account_sid == account]
        shown = known[::-1][page * size : (page + 1) * size]
        more = f"{request.url.origin()}/v1/Content?PageSize={size}&Page={page + 1}"
        meta = {
            "key": "contents",
            "page": page,
            "page_size": size,
            "next_page_url": more if (page + 1) * size < len(known) else None,
        }
        return web.json_response({"contents": shown, "meta": meta})

    async def delete_content(self, request: web.Request) -> web.StreamResponse:
        """204, and 404 the second time. A template's deletion is told apart: nobody but an operator should do that."""
        found = self._state.contents.known.get(request.match_info["sid"])
        if ended := await self._fault(request, "content", {}):
            return ended
        if found is None or found.account_sid != self.authenticated(request):
            raise ApiError(404, 20404, f"The requested resource {request.path} was not found")
        if found.status:
            self._state.violation(f"the template {found.sid} was deleted")
        del self._state.contents.known[found.sid]
        return web.Response(status=204)

    async def approval(self, request: web.Request) -> web.StreamResponse:
        content = self._content_of(request)
        return await self._fault(request, "content", {}) or web.json_response(content.approval())

    def _content_of(self, request: web.Request) -> FakeContent:
        found = self._state.contents.get(self.authenticated(request), request.match_info["sid"])
        if found is None:
            raise ApiError(404, 20404, f"The requested resource {request.path} was not found")
        return found

    def authenticated(self, request: web.Request) -> str:
        """The account of the credentials; it must be the one in the path."""
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            login, _, password = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            raise ApiError(401, 20003, "Authenticate") from None
        world = self._state.world
        secret, account = world.api_keys.get(login, (world.accounts.get(login, ""), login))
        if (
            scheme != "Basic"
            or not secret
            or secret != password
            or request.match_info.get("account", account) != account
        ):
            raise ApiError(401, 20003, "Authenticate")
        return account

    def _message(self, request: web.Request) -> FakeMessage:
        account = self.authenticated(request)
        message = self._state.messages.get(request.match_info["sid"])
        if message is None or message.account_sid != account:
            raise ApiError(404, 20404, f"The requested resource {request.path} was not found")
        return message

    async def _fault(self, request: web.Request, operation: Operation, given: dict[str, str]) -> web.Response | None:
        fault = self._state.faults.take(operation, given)
        return await self._interrupted(request, fault) if fault else None

    async def _interrupted(self, request: web.Request, fault: Fault) -> web.Response | None:
        """Let the fault happen; None: it was a delay and the request goes on."""
        self._state.world.record("fault", kind=fault.kind, operation=fault.operation, to=fault.to)
        match fault.kind:
            case "delay":
                await asyncio.sleep(fault.seconds)
                return None
            case "error" | "error_after" if fault.html:
                return web.Response(status=fault.status, text="<html>Bad gateway</html>", content_type="text/html")
            case "error" | "error_after":
                error = ApiError(fault.status, fault.code or fault.status, fault.message)
                return web.json_response(error.to_json(), status=fault.status)
            case "hang_before" | "hang_after":
                await self._state.hang(fault.seconds)
        if request.transport:
            request.transport.abort()
        return web.Response(status=500)


def _matches(message: FakeMessage, query: dict[str, str]) -> bool:
    """Filters of the list. A message that was not sent yet has no DateSent, so no filter on it finds it."""
    if query.get("To", message.to) != message.to or query.get("From", message.from_) != message.from_:
        return False
    if not any(name in query for name in ("DateSent", "DateSent>", "DateSent<")):
        return True
    sent = message.sent_at
    if sent is None:
        return False
    if "DateSent" in query and sent.date() != _moment(query["DateSent"]).date():
        return False
    since, until = query.get("DateSent>"), query.get("DateSent<")
    return (not since or sent >= _moment(since)) and (not until or sent < _moment(until) + timedelta(days=1))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, 20001, f"Invalid date: {text}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _form(request: web.Request) -> list[tuple[str, str]]:
    body = await request.read()
    return parse_qsl(body.decode("utf-8"), keep_blank_values=True)


def answering_errors(handler: Handler) -> Handler:
    """Twilio's JSON for an ApiError."""

    async def answering(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as err:
            return web.json_response(err.to_json(), status=err.status)

    return answering
