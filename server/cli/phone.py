"""One contact's phone for `frontdesk chat`: what it says goes into the inbox, what reaches it is shown."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

import click

from frontdesk.config import TenantConfig

from ..app import Server
from ..channel import Inbound
from ..choices import choices_of, numbered
from ..model import BOT, NOBODY, Conversation, Message
from ..store import StoreUnavailable
from ..store.collections import CONVERSATIONS, IDENTITIES
from ..turn.recall import history
from .terminal import Terminal

CHANNEL = "simulator"
_ADDRESS = "simulator"
_ON_ITS_WAY = ("proposed", "queued", "sending")
_ARRIVED = ("accepted", "sent", "delivered", "read")
SHORT = 8
"""Characters of an id that tell it from the others."""
_LOOK_BACK = 50
"""Messages that are looked through for new ones."""


class Phone:
    """Says and shows, as *contact*, who is called *name*. `look` first: what came before is not shown again."""

    def __init__(self, server: Server, tenant: TenantConfig, contact: str, terminal: Terminal, name: str) -> None:
        self._server = server
        self._tenant = tenant
        self._contact = contact
        self._name = name
        self._terminal = terminal
        self._repository = server.store.for_tenant(tenant.id)
        self._conversation = server.people.id_of(tenant.id, CHANNEL, contact)
        self._shown: set[str] = set()
        self._owner = BOT
        self._said = 0
        self._settled = asyncio.Event()
        self._changed = asyncio.Event()

    async def look(self) -> None:
        """Take note of what is there already."""
        identity = await self._repository.get(IDENTITIES, f"{CHANNEL}:{self._contact}")
        if identity is not None:
            self._conversation = identity.contact
        else:
            people = self._server.people
            self._conversation = await people.id_for(self._repository, self._tenant.id, CHANNEL, self._contact)
        messages = await self._messages()
        self._shown = {message.id for message in messages if message.state in _ARRIVED}

    async def say(self, text: str) -> None:
        """Send one message; it is in the store when this returns."""
        inbound = Inbound(
            provider_id=f"{self._contact}:{uuid.uuid4().hex}",
            external_id=self._contact,
            address=_ADDRESS,
            text=text,
            name=self._name,
        )
        await self._server.inbox.accept(self._tenant, CHANNEL, inbound)
        self._said += 1
        if self._owner != BOT:
            self._terminal.hint(self._quiet())
        self._settled.clear()
        self._changed.set()

    async def answered(self, seconds: float) -> None:
        """Wait until everything said has its answer on the phone, or a person is to give it. Raises ClickException."""
        try:
            async with asyncio.timeout(seconds):
                await self._settled.wait()
        except TimeoutError as err:
            raise click.ClickException(f"no answer within {seconds:g} s; `frontdesk parked` may say why") from err

    async def watch(self) -> None:
        """Show what arrives, for as long as this runs."""
        async with self._server.changes.watch(self._tenant.id, self._conversation) as self._changed:
            while True:
                self._changed.clear()
                try:
                    await self._show()
                except StoreUnavailable as err:
                    self._terminal.hint(f"the store is away: {err}")
                await self._changed.wait()

    async def _show(self) -> None:
        said = self._said
        conversation = await self._repository.get(CONVERSATIONS, self._conversation)
        messages = await self._messages()
        for message in messages:
            if message.direction == "outbound" and message.state in _ARRIVED and message.id not in self._shown:
                self._shown.add(message.id)
                text = numbered(message.text, choices_of(message.data))
                self._terminal.heard(text or f"[{message.kind}]", _person(message))
        if conversation is None or said != self._said:
            return
        self._show_owner(conversation)
        if _settled(conversation, messages):
            self._settled.set()
        elif conversation.owner == BOT:
            self._terminal.typing()

    def _show_owner(self, conversation: Conversation) -> None:
        if conversation.owner != self._owner:
            self._owner = conversation.owner
            who = {BOT: "the bot answers again", NOBODY: "a person is called"}
            said = who.get(self._owner, f"{self._owner.partition(':')[2]} answers from now on")
            self._terminal.hint(said if self._owner == BOT else f"{said}; {self._quiet()}")

    def _quiet(self) -> str:
        give_back = f"frontdesk conversations release {self._conversation[:SHORT]} --tenant {self._tenant.id}"
        return f"the bot is quiet until `{give_back}`"

    async def _messages(self) -> Sequence[Message]:
        newest = await history(self._repository, self._conversation, limit=_LOOK_BACK)
        return sorted(newest, key=lambda message: message.place)


def _settled(conversation: Conversation, messages: Sequence[Message]) -> bool:
    """Nothing is on its way, and nothing waits for the bot."""
    waiting = conversation.owner == BOT and any(message.state == "received" for message in messages)
    return not waiting and not any(message.state in _ON_ITS_WAY for message in messages)


def _person(message: Message) -> str:
    kind, _, name = message.author.partition(":")
    return name if kind == "operator" else ""
