"""A phone in the browser: one chats with a tenant through the same pipeline that WhatsApp uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from frontdesk import (
    Channel,
    Conversation,
    Found,
    Inbound,
    Media,
    Message,
    Outgoing,
    Refused,
    Services,
    Settings,
    StatusUpdate,
    WebhookRefused,
    WebhookRequest,
    hookimpl,
)

from . import gate, pages
from .events import Typing
from .files import KINDS
from .posted import PostedMessage, PostedReceipts, as_inbound, understand

if TYPE_CHECKING:
    from quart import Blueprint

SENDABLE = frozenset({"text", "template", "image", "voice", "document"})


class SimulatorSettings(Settings):
    """What a tenant decides about its phone in the browser."""

    open_to: Literal["loopback", "everyone"] = "loopback"
    """Who may use it: `loopback`, only browsers on the machine where Frontdesk runs; `everyone`, whoever reaches it."""


class Simulator(Channel):
    """Carries messages between the page and Frontdesk. It keeps no messages: the page shows those of the conversation."""

    settings: SimulatorSettings
    messages_per_second: ClassVar[float] = 100.0

    def __init__(self, name: str, settings: SimulatorSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self._watching: dict[str, set[asyncio.Event]] = {}

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Blueprint) -> None:
        pages.add(blueprint)

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        """Always well; says so if everyone may write."""
        return {"ok": True, "detail": "open to everyone" if self.settings.open_to == "everyone" else ""}

    @hookimpl
    async def parse_webhook(self, request: WebhookRequest) -> tuple[Inbound, ...]:
        """One message, posted by the page as JSON."""
        if not self.may_use(request.peer, request.headers):
            raise WebhookRefused(403, gate.closed_sentence(self.tenant.id))
        if gate.OURS not in request.headers or not _is_json(request.headers):
            raise WebhookRefused(403, f"not posted by the phone's page: needs JSON and the header {gate.OURS}")
        message = understand(PostedMessage, request.body)
        return (as_inbound(message, await self._media(message)),)

    @hookimpl
    async def show_typing(self, conversation: Conversation, message: Message) -> None:
        """Typing dots: kept in the store, because the page may hang on another process."""
        typing = Typing(at=self.clock.now(), heard_at=message.at)
        await self.store.put("typing", conversation.id, typing.as_stored())
        for event in self._watching.get(conversation.id, ()):
            event.set()

    @hookimpl
    async def send(self, message: Outgoing) -> str:
        """Take a message. The id is made from ours: taken twice, it is one message."""
        if message.kind not in SENDABLE:
            raise Refused(f"the phone cannot show a {message.kind}; it shows {', '.join(sorted(SENDABLE))}")
        update = StatusUpdate(provider_id=_provider_id(message.id), state="sent", message=message.id)
        await self.conversations.status(self.name, (update,))
        return update.provider_id

    @hookimpl
    async def find_sent(self, message: Outgoing, since: datetime) -> tuple[Found, ...]:
        """Nothing: to take a message is to write that it was sent, so one that is still asked for was not taken."""
        return ()

    def may_use(self, peer: str, headers: Mapping[str, str]) -> bool:
        """Whether a request (header names in lower case) may reach the phone."""
        return self.settings.open_to == "everyone" or gate.is_local(peer, headers)

    async def take_receipts(self, receipts: PostedReceipts) -> None:
        """The phone has received or shown messages of ours; ids that are not this contact's are passed over."""
        conversation = await self.conversations.of(self.name, receipts.contact)
        if conversation is None:
            return
        ours = {m.id for m in await self.conversations.messages(conversation.id) if m.direction == "outbound"}
        states: tuple[tuple[Literal["delivered", "read"], tuple[str, ...]], ...] = (
            ("delivered", receipts.delivered),
            ("read", receipts.read),
        )
        updates = [
            StatusUpdate(provider_id=_provider_id(id), state=state, message=id)
            for state, ids in states
            for id in ids
            if id in ours
        ]
        await self.conversations.status(self.name, updates)

    @asynccontextmanager
    async def watching(self, conversation: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the conversation may have changed, and at once when this process shows typing."""
        async with self.conversations.watch(conversation) as event:
            self._watching.setdefault(conversation, set()).add(event)
            try:
                yield event
            finally:
                self._watching[conversation].discard(event)
                if not self._watching[conversation]:
                    del self._watching[conversation]

    async def _media(self, message: PostedMessage) -> tuple[Media, ...]:
        """The file of a message, as it was found to be when it was uploaded."""
        if message.media is None:
            return ()
        found = await self.media.get(message.media.key)
        if found is None or KINDS.get(found[0]) != message.kind:
            raise WebhookRefused(400, f"media.key: no {message.kind} was uploaded under it; upload the file first")
        content_type, content = found
        return (Media(content_type=content_type, key=message.media.key, size=len(content)),)


def _provider_id(message: str) -> str:
    return f"sim-{message}"


def _is_json(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
