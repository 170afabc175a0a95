"""A phone in the browser: one chats with a tenant through the same pipeline that WhatsApp uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

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
    choices_of,
    hookimpl,
    is_local,
)

from . import gate, pages
from .events import MESSAGES, Typing
from .files import KINDS
from .limits import Allowance, visitor
from .posted import PostedGiveBack, PostedMessage, PostedReceipts, Tapped, as_inbound, provider_id, understand

if TYPE_CHECKING:
    from quart import Blueprint

SENDABLE = frozenset({"text", "template", "button", "image", "voice", "document"})


class SimulatorSettings(Settings):
    """What a tenant decides about its phone in the browser."""

    open_to: Literal["loopback", "everyone"] = "loopback"
    """Who may use it: `loopback`, only browsers on the machine where Frontdesk runs; `everyone`, whoever reaches it."""
    messages_per_minute: int = Field(default=20, ge=1)
    """How many messages and files one visitor (by address) may send in a minute, with `everyone`."""
    conversations_per_hour: int = Field(default=60, ge=1)
    """How many conversations all visitors together may begin in an hour, with `everyone`."""
    megabytes_per_hour: int = Field(default=100, ge=1)
    """How much all visitors together may upload in an hour, with `everyone`."""
    max_body_bytes: int = Field(default=65536, ge=1024)
    """The largest body of a posted message. 4,096 characters need at most 49,152, each escaped."""


class Simulator(Channel):
    """Carries messages between the page and Frontdesk. It keeps no messages: the page shows those of the conversation."""

    settings: SimulatorSettings
    messages_per_second = 100.0
    shows_choices = True
    voice_types = ("audio/ogg", "audio/mpeg")

    def __init__(self, name: str, settings: SimulatorSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self._watching: dict[str, set[asyncio.Event]] = {}
        self._messages = Allowance(settings.messages_per_minute, 60, self.clock)
        self._conversations = Allowance(settings.conversations_per_hour, 3600, self.clock)
        self._bytes = Allowance(settings.megabytes_per_hour * 1024 * 1024, 3600, self.clock)

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
        if len(request.body) > self.settings.max_body_bytes:
            raise WebhookRefused(413, f"larger than max_body_bytes of the simulator ({self.settings.max_body_bytes})")
        self.count_message(request.peer)
        message = understand(PostedMessage, request.body)
        await self._count_conversation(message.contact)
        return (as_inbound(message, await self._media(message), await self._tapped(message)),)

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
        update = StatusUpdate(provider_id=provider_id(message.id), state="sent", message=message.id)
        await self.conversations.status(self.name, (update,))
        return update.provider_id

    @hookimpl
    async def find_sent(self, message: Outgoing, since: datetime) -> tuple[Found, ...]:
        """Nothing: to take a message is to write that it was sent, so one that is still asked for was not taken."""
        return ()

    @hookimpl
    async def erase_contact(self, conversation: Conversation) -> None:
        for part in conversation.parts:
            await self.store.delete("typing", part)

    def may_use(self, peer: str, headers: Mapping[str, str]) -> bool:
        """Whether a request (header names in lower case) may reach the phone."""
        return self.settings.open_to == "everyone" or is_local(peer, headers)

    @property
    def among_ourselves(self) -> bool:
        """Whether whoever may use the phone is trusted like an operator: may read what is meant for them, and give a
        conversation back to the bot."""
        return self.settings.open_to == "loopback"

    def count_message(self, peer: str) -> None:
        """A visitor sends a message or a file. Raises WebhookRefused(429) when it is one too many."""
        most = self.settings.messages_per_minute
        if self.settings.open_to == "everyone" and not self._messages.take(visitor(peer)):
            raise WebhookRefused(429, f"more than {most} messages in a minute from one address; wait a minute")

    def count_upload(self, size: int) -> None:
        """A visitor's file of *size* bytes is to be kept. Raises WebhookRefused(429) when it is too much."""
        most = self.settings.megabytes_per_hour
        if self.settings.open_to == "everyone" and not self._bytes.take(amount=size):
            raise WebhookRefused(429, f"more than {most} MB of files in an hour; try again in an hour")

    async def _count_conversation(self, contact: str) -> None:
        if self.settings.open_to != "everyone" or await self.conversations.of(self.name, contact) is not None:
            return
        if not self._conversations.take():
            most = self.settings.conversations_per_hour
            raise WebhookRefused(429, f"more than {most} new conversations in an hour; try again in an hour")

    async def give_back(self, posted: PostedGiveBack) -> bool:
        """The bot answers again; False if the owner is not any more who the phone showed."""
        conversation = await self.conversations.of(self.name, posted.contact)
        if conversation is None or conversation.owner_epoch != posted.epoch:
            return conversation is not None and conversation.owner == "bot"
        return await self.conversations.give_back(conversation)

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
            StatusUpdate(provider_id=provider_id(id), state=state, message=id)
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

    async def _tapped(self, posted: PostedMessage) -> Tapped | None:
        """The choice of a message of ours, as it was offered: what the page says of it is its name alone."""
        if posted.choice is None:
            return None
        conversation = await self.conversations.of(self.name, posted.contact)
        offered = await self.conversations.messages(conversation.id, limit=MESSAGES) if conversation is not None else ()
        for message in offered:
            if message.direction == "outbound" and message.id == posted.choice.message:
                for choice in choices_of(message.data):
                    if choice.id == posted.choice.id:
                        return Tapped(choice, provider_id(message.id))
        raise WebhookRefused(400, "choice: no message of this conversation offers it any more; write what you want")


def _is_json(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
