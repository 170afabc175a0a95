"""Twilio's REST API through the `twilio` package, with time-outs, and with what its answers mean to the core."""

from __future__ import annotations

import json
import logging
import unicodedata
from base64 import b64encode
from collections.abc import Awaitable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from twilio.base import values
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from frontdesk import Found, MaybeSent, NeedsAttention, Outgoing, Refused, RetryLater, choices_of, numbered

from .catalogue import explanation
from .contents import Definition, definition, location
from .errors import translated

CLOCK_SKEW = timedelta(seconds=5)
"""Between our clock and Twilio's, whose times are whole seconds."""
_BEFORE_SENDING = frozenset({"accepted", "scheduled", "queued", "sending"})
LIST_PAGE = 1000
"""As many as Twilio lists at once."""
MAX_LISTED = 50
"""Pages of one look, at the most."""
PAGE_SIZE = 200
CONTENT_PAGE = 500
MAX_PAGES = 5
MAX_FILES = 10
NOT_FOUND = ("20404", "404")
NOT_FINAL = "20009"
"""Twilio deletes no message that is still on its way (Twilio: error 20009)."""
NOT_FINAL_SECONDS = 30.0


@dataclass(frozen=True)
class Credentials:
    """Who signs in to which account."""

    account_sid: str
    username: str
    """The account SID or an API key SID."""
    password: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The value of the Authorization header (aiohttp's BasicAuth is deprecated, its successor newer than 3.10)."""
        return basic_auth(self.username, self.password)


def basic_auth(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


class Transport(AsyncHttpClient):  # type: ignore[misc]  # twilio has no types
    """The package's HTTP client over the server's session, which has the time-outs of the table of times.

    Its own AsyncTwilioHttpClient (9.13) takes a timeout and never uses it, and logs recipients' numbers.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(logging.getLogger(__name__), True)
        self._session = session

    async def request(
        self,
        method: str,
        url: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Called by the package for every request; redirects are never followed."""
        signed = {**(headers or {}), **({"Authorization": basic_auth(*auth)} if auth else {})}
        as_json = signed.get("Content-Type") == "application/json"
        body: dict[str, Any] = {"json": data} if as_json else {"data": data}
        async with self._session.request(
            method, url, params=params, headers=signed, allow_redirects=False, **body
        ) as answer:
            return Response(answer.status, await answer.text(), answer.headers)


class _Body:
    """A request's JSON as the package asks for it; its own classes write a null for each kind that is not meant."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body

    def to_dict(self) -> dict[str, Any]:
        return self._body


class TwilioRest:
    """One account at one base URL. Every method raises the core's exceptions (see errors.py)."""

    def __init__(
        self,
        credentials: Credentials,
        api_base_url: str,
        messaging_base_url: str,
        session: aiohttp.ClientSession,
        content_base_url: str = "https://content.twilio.com",
    ) -> None:
        self.account_sid = credentials.account_sid
        self._client = Client(
            credentials.username,
            credentials.password,
            account_sid=credentials.account_sid,
            http_client=Transport(session),
            # Otherwise TWILIO_EDGE and TWILIO_REGION of the process would change the host behind our back.
            environment={"TWILIO_EDGE": "", "TWILIO_REGION": ""},
        )
        self._client.api.base_url = api_base_url
        self._client.messaging.base_url = messaging_base_url
        self._client.content.base_url = content_base_url

    @property
    def sdk(self) -> Client:
        """The package's client, for what is asked of other resources than messages."""
        return self._client

    async def send(self, message: Outgoing, sender: str, messaging_service_sid: str, content_sid: str = "") -> str:
        """Create a Message and return its SID. *content_sid*: buttons or a list in place of the text."""
        with translated(sending=True):
            created = await self._client.messages.create_async(
                to=message.external_id,
                from_=sender,
                messaging_service_sid=messaging_service_sid or values.unset,
                status_callback=message.callback_url or values.unset,
                **({"content_sid": content_sid} if content_sid else _content(message)),
            )
        if not created.sid:
            raise MaybeSent("Twilio answered without a message SID")
        return str(created.sid)

    async def create_content(self, body: dict[str, Any]) -> str:
        """Make a content (buttons, a list); its ContentSid. One that is made twice is only one too many."""
        with translated(sending=False):
            created = await self._client.content.v1.contents.create_async(_Body(body))
        if not created.sid:
            raise RetryLater("Twilio answered without a ContentSid")
        return str(created.sid)

    async def contents_called(self, names: Collection[str]) -> dict[str, list[str]]:
        """Name → the ContentSids of the account's contents of that name."""
        found: dict[str, list[str]] = {}
        with translated(sending=False):
            page = await self._client.content.v1.contents.page_async(page_size=CONTENT_PAGE)
            for _ in range(MAX_LISTED):
                for one in page:
                    if one.friendly_name in names:
                        found.setdefault(one.friendly_name, []).append(str(one.sid))
                if not page.next_page_url:
                    break
                page = await page.next_page_async()
        return found

    async def delete_content(self, content_sid: str) -> None:
        """Delete a content; one that is not there is as good."""
        try:
            with translated(sending=False):
                await self._client.content.v1.contents(content_sid).delete_async()
        except NeedsAttention as err:
            if err.code not in NOT_FOUND:
                raise

    async def definition(self, content_sid: str) -> Definition:
        """A template's placeholders, and what WhatsApp says of it. Refused: there is no such template."""
        try:
            with translated(sending=False):
                context = self._client.content.v1.contents(content_sid)
                content = await context.fetch_async()
                approval = await context.approval_fetch().fetch_async()
        except NeedsAttention as err:
            if err.code not in NOT_FOUND:
                raise
            raise Refused(explanation("21655", "en"), code="21655") from err
        return definition(content.types or {}, approval.whatsapp)

    async def show_typing(self, message_sid: str) -> None:
        """Show the typing indicator for up to 25 s as the answer to an inbound message (public beta)."""
        with translated(sending=False):
            await self._client.messaging.v2.typing_indicator.create_async(channel="whatsapp", message_id=message_sid)

    async def find_sent(self, message: Outgoing, since: datetime) -> tuple[Found, ...]:
        """What the account sent from this sender to this contact since a moment, oldest first.

        The list is not filtered by DateSent: a message that is still queued at Twilio has none yet, and it is just what
        is looked for. Newest come first (Twilio: Message resource).
        """
        earliest = since - CLOCK_SKEW
        found = []
        with translated(sending=False):
            page = await self._client.messages.page_async(to=message.external_id, page_size=PAGE_SIZE)
            for _ in range(MAX_PAGES):
                listed = list(page)
                found += [one for one in listed if _is_ours(one, message, earliest)]
                if not page.next_page_url or (listed and _created(listed[-1]) < earliest):
                    break
                page = await page.next_page_async()
        # Times are whole seconds: within one, the list's own order says which came first.
        found = sorted(reversed(found), key=_created)
        return tuple(Found(provider_id=one.sid, at=_created(one), matches=_matches(one, message)) for one in found)

    async def list_messages(self, since: datetime, **of: str) -> list[Any]:
        """The account's messages since a moment, newest first; *of*: `to` or `from_`, a sender. Each has its DateSent."""
        with translated(sending=False):
            page = await self._client.messages.page_async(
                date_sent_after=since, page_size=LIST_PAGE, **{name: value for name, value in of.items() if value}
            )
            listed = list(page)
            for _ in range(MAX_LISTED - 1):
                if not page.next_page_url:
                    return listed
                page = await page.next_page_async()
                listed += list(page)
        raise RetryLater(f"Twilio lists more than {MAX_LISTED * LIST_PAGE:,} messages; look at fewer hours")

    async def erase(self, message_sid: str, *, files: bool) -> None:
        """Delete a message, and first its files, which would stay without it. Gone already is done.

        Raises RetryLater also for one that is still on its way (20009): it is deleted once its status is final.
        """
        message = self._client.messages(message_sid)
        try:
            if files:
                for _, sid in await self.list_media(message_sid):
                    await _gone(message.media(sid).delete_async())
            await _gone(message.delete_async())
        except (NeedsAttention, Refused) as err:
            if err.code not in NOT_FOUND:
                raise

    async def list_media(self, message_sid: str) -> list[tuple[str, str]]:
        """Content type and SID of each file of a message. Refused: it was deleted at Twilio."""
        try:
            with translated(sending=False):
                found = await self._client.messages(message_sid).media.list_async(limit=MAX_FILES)
        except NeedsAttention as err:
            if err.code not in NOT_FOUND:
                raise
            raise Refused("it was deleted at Twilio", code=err.code) from err
        return [(str(one.content_type or ""), str(one.sid)) for one in found]


async def _gone(deleting: Awaitable[Any]) -> None:
    try:
        with translated(sending=False):
            await deleting
    except Refused as err:
        if err.code != NOT_FINAL:
            raise
        raise RetryLater("the message is still on its way", after=NOT_FINAL_SECONDS) from err
    except NeedsAttention as err:
        if err.code not in NOT_FOUND:
            raise


def _content(message: Outgoing) -> dict[str, Any]:
    if message.template:
        variables = message.template.variables
        return {
            "content_sid": message.template.id,
            "content_variables": json.dumps(variables, ensure_ascii=False) if variables else values.unset,
        }
    content: dict[str, Any] = {"body": _body(message) or values.unset}
    if message.kind == "location":
        content["persistent_action"] = [_action(message)]
    if message.media_urls:
        content["media_url"] = list(message.media_urls)
    return content


def _body(message: Outgoing) -> str:
    """The words that Twilio is given, unless they stand in a content."""
    if message.kind == "location":
        return message.text or str(message.data.get("label") or "") or _action(message).partition("|")[0]
    if message.data.get("spoken"):
        return ""  # WhatsApp shows no text with a voice message; what is said in it stays with us
    choices = choices_of(message.data) if message.kind == "button" else ()
    return numbered(message.text, choices) if choices else message.text


def _action(message: Outgoing) -> str:
    if (action := location(message.data)) is None:
        raise Refused("a location without latitude and longitude")
    return action


def _is_ours(listed: Any, message: Outgoing, earliest: datetime) -> bool:
    # Another tenant of the account may write to the same contact; a Messaging Service may not have chosen a sender yet.
    return listed.direction != "inbound" and listed.from_ in (message.address, None) and _created(listed) >= earliest


def _created(listed: Any) -> datetime:
    if not isinstance(listed.date_created, datetime):
        raise ValueError("a listed message without date_created")
    return listed.date_created


def _matches(listed: Any, message: Outgoing) -> bool | None:
    choices = choices_of(message.data) if message.kind == "button" else ()
    words = {_normal(message.text if message.template or choices else _body(message))}
    if choices:
        # Where there was no room for them they went as lines of the text.
        words.add(_normal(numbered(message.text, choices)))
    same_text = _normal(listed.body or "") in words
    if message.template or choices:
        # The list tells neither ContentSid nor variables, only the text WhatsApp shows, if that of a content at all.
        return True if message.text and same_text else None
    count = int(listed.num_media or 0)
    if same_text and not count and message.media_urls and listed.status in _BEFORE_SENDING:
        # Whether Twilio counts the media of a message it has not worked on yet is not confirmed.
        return None
    return same_text and count == len(message.media_urls)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
