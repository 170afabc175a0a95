"""What operators do in a conversation: every act in one place, for screens and the API, each with its line in the audit."""

from __future__ import annotations

import asyncio
import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ..auth import Audit, Principal
from ..model import OPERATOR, Contact, Conversation, Message, Note, Turn
from ..outbox.record import outbound_id
from ..plugin import Plugin
from ..store import Between
from ..store.collections import IDENTITIES, MESSAGES, NOTES, TURNS
from .brief import Brief, brief
from .memory import MemoryDesk
from .onlookers import Onlookers
from .operator_names import OperatorNames
from .ownership import NotYours, UnknownConversation, operator
from .standing import Standing, channel_of, contact_of, standing
from .templates import TemplateDesk, filled
from .threads import Threads
from .timeline import Timeline, timeline
from .uploads import as_media

if TYPE_CHECKING:
    from ..app import Server

LONGEST_NOTE = 4000
LONGEST_TEXT = 8000
"""Characters of what is written at once; it goes in parts that the channel takes."""


class TakenByAnother(NotYours):
    """An operator answers it, and it was not said that it is to be taken from them."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} answers this conversation; take it from them first")
        self.name = name


class NoSuchTemplate(ValueError):
    """The channel offers no template with this id (any more)."""


class KeyReused(ValueError):
    """The key was another message's, or another note's; nothing was sent."""

    def __init__(self) -> None:
        super().__init__("this key was another message's; make a new one for each message")


class ConversationDesk:
    """Of any tenant. *who* is asked for by the caller: whether they may is decided before (admin_ui/gate.py)."""

    def __init__(self, server: Server, audit: Audit) -> None:
        self._server = server
        self._store = server.store
        self._audit = audit
        self._memories = MemoryDesk(server.store)
        self._acting: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self.threads = Threads(server.store)
        self.people = OperatorNames(server.store)
        self.onlookers = Onlookers(server.store)
        self.templates = TemplateDesk(server.runtimes, server.clock)
        self.changes = server.changes
        self.media = server.media

    async def standing(self, tenant: str, conversation: Conversation) -> Standing:
        """Who answers next, and what may be sent now. Raises UnknownConversation if the tenant is served no more."""
        declared = self._server.declared.get(tenant)
        if declared is None:
            raise UnknownConversation(f"tenant {tenant} is not served any more")
        return await standing(self._store, declared, self.templates, conversation)

    def channel_of(self, tenant: str, channel: str) -> type[Plugin] | None:
        """The class of a channel, which explains its provider's codes."""
        return channel_of(self._server.declared.get(tenant), channel)

    async def brief(self, tenant: str, conversation: Conversation) -> Brief:
        """The conversation in short."""
        return await brief(self._store, tenant, conversation)

    async def identities(self, tenant: str, conversation: Conversation) -> list[tuple[str, str]]:
        """What channels call the contact: (channel, external id)."""
        where = {"contact": conversation.contact}
        found = await self._store.for_tenant(tenant).find(IDENTITIES, where, limit=32)
        return [(each.channel, each.external_id) for each in found]

    async def turn(self, tenant: str, conversation: Conversation, id: str) -> Turn | None:
        """A turn of this conversation."""
        found = await self._store.for_tenant(tenant).get(TURNS, id)
        return found if found is not None and found.conversation in conversation.parts else None

    async def timeline(self, tenant: str, part: str, no: int | None = None) -> Timeline | None:
        """What happened in a turn of *part*, one of a conversation's, or in the newest; None: there is none."""
        return await timeline(self._store.for_tenant(tenant), part, no)

    async def neighbours(self, tenant: str, turn: Turn) -> tuple[int | None, int | None]:
        """The numbers of the turns before and after *turn*; None: there is none, or it is gone by its age."""
        repository = self._store.for_tenant(tenant)
        before = {"conversation": turn.conversation, "no": Between(None, turn.no)}
        after = {"conversation": turn.conversation, "no": Between(turn.no + 1, None)}
        earlier = await repository.find(TURNS, before, order_by="no", descending=True, limit=1)
        later = await repository.find(TURNS, after, order_by="no", limit=1)
        return (earlier[0].no if earlier else None, later[0].no if later else None)

    async def contact(self, tenant: str, conversation: Conversation) -> Contact:
        """Who is met in it."""
        return await contact_of(self._store.for_tenant(tenant), conversation)

    async def take(self, who: Principal, tenant: str, id: str, *, from_another: bool = False) -> Conversation:
        """*who* answers from now on. Raises TakenByAnother, UnknownConversation."""
        async with self._alone(tenant, id):
            return await self._take(who, tenant, id, from_another)

    async def _take(self, who: Principal, tenant: str, id: str, from_another: bool = False) -> Conversation:
        before = await self._found(tenant, id)
        if _is_anothers(before, who) and not from_another:
            raise TakenByAnother(before.owner.removeprefix(OPERATOR))
        taken = await self._server.ownership.take(tenant, before.id, who.name)
        if taken.owner_epoch != before.owner_epoch:
            await self._done(who, tenant, taken, "conversation.taken", before=before.owner)
        return taken

    async def give_back(self, who: Principal, tenant: str, id: str, *, from_another: bool = False) -> Conversation:
        """The bot answers again. Raises TakenByAnother, UnknownConversation."""
        before = await self._found(tenant, id)
        if _is_anothers(before, who) and not from_another:
            raise TakenByAnother(before.owner.removeprefix(OPERATOR))
        given = await self._server.ownership.release(tenant, before.id, who.name)
        if given.owner_epoch != before.owner_epoch:
            await self._done(who, tenant, given, "conversation.given_back", before=before.owner)
        return given

    async def write(self, who: Principal, tenant: str, id: str, text: str, *, key: str) -> Message:
        """Say *text* to the contact; who has not taken the conversation takes it by this, unless another operator has it.

        The same *key* is the same message. Raises TakenByAnother, UnknownConversation, KeyReused, ValueError.
        """
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"at most {LONGEST_TEXT:,} characters at once; this has {len(text):,}")
        return await self._say(who, tenant, id, key, text=text)

    async def send_file(
        self, who: Principal, tenant: str, id: str, content: bytes, name: str, text: str = "", *, key: str
    ) -> Message:
        """Send a file that the operator has at hand, with *text* below it.

        Raises uploads.NotSendable for what WhatsApp does not show, OSError as MediaStore.put, and what `write` raises.
        """
        found = await self._found(tenant, id)
        if _is_anothers(found, who):
            raise TakenByAnother(found.owner.removeprefix(OPERATOR))
        media, filename = as_media(content, name)
        stored = replace(media, key=await self._server.media.put(tenant, content, media.content_type))
        return await self._say(who, tenant, id, key, text=text, file=stored, filename=filename)

    async def send_template(
        self, who: Principal, tenant: str, id: str, template: str, values: Mapping[str, str], *, key: str
    ) -> Message:
        """Send a template that the channel offers. Raises NoSuchTemplate, templates.NotFilled, and what `write` raises."""
        found = await self._found(tenant, id)
        offered = (await self.templates.known(tenant, found.channel)).get(template)
        if offered is None:
            raise NoSuchTemplate(f"the channel offers no template {template} any more")
        made, text = filled(offered, values)
        return await self._say(who, tenant, id, key, text=text, template=made)

    async def note(self, who: Principal, tenant: str, id: str, text: str, *, key: str) -> Note:
        """Write a note, which only operators see. The same *key* is the same note.

        Raises KeyReused, ValueError, UnknownConversation.
        """
        text = unicodedata.normalize("NFC", text.strip())
        if not 0 < len(text) <= LONGEST_NOTE:
            raise ValueError(f"a note has 1 to {LONGEST_NOTE:,} characters; this has {len(text):,}")
        found = await self._found(tenant, id)
        digest = hashlib.sha256(f"{who.id}\0{key}".encode()).hexdigest()[:24]
        note = Note(
            id=f"{found.id}.note.{digest}",
            conversation=found.id,
            text=text,
            author=operator(who.name),
            at=self._store.now(),
        )
        repository = self._store.for_tenant(tenant)
        if await repository.insert(NOTES, note):
            await self._done(who, tenant, found, "note.written", note=note.id)
            return note
        there = await repository.get(NOTES, note.id) or note
        if there.text != text:
            raise KeyReused
        return there

    async def replay(self, who: Principal, tenant: str, id: str, parked: str, *, from_another: bool = False) -> bool:
        """Answer a parked turn, or send a parked message, of this conversation after all. False: it is not parked.

        Raises NotYours, UnknownConversation.
        """
        found = await self._found(tenant, id)
        if not await self._is_of(tenant, found, parked):
            return False
        done = await self._server.parked.replay(tenant, parked, take=from_another, by=operator(who.name))
        if done:
            await self._done(who, tenant, found, "parked.replayed", parked=parked)
        return done

    async def dismiss(self, who: Principal, tenant: str, id: str, parked: str) -> bool:
        """Leave a message of this conversation unsent. False: nothing is to be decided of it. Raises UnknownConversation."""
        found = await self._found(tenant, id)
        if not await self._is_of(tenant, found, parked):
            return False
        done = await self._server.parked.dismiss(tenant, parked)
        if done:
            await self._done(who, tenant, found, "parked.dismissed", parked=parked)
        return done

    async def correct_memory(
        self, who: Principal, tenant: str, id: str, no: int, text: str, *, was: str | None = None
    ) -> None:
        """Put *text* in the place of memory *no*, if it still is *was*. Raises memory.NotChanged, UnknownConversation."""
        found = await self._found(tenant, id)
        await self._memories.correct(tenant, found.contact, no, text, who.name, was=was)
        await self._done(who, tenant, found, "memory.corrected", no=no)

    async def forget_memory(self, who: Principal, tenant: str, id: str, no: int, *, was: str | None = None) -> None:
        """Delete memory *no*, if it still is *was*. Raises memory.NotChanged, UnknownConversation."""
        found = await self._found(tenant, id)
        await self._memories.forget(tenant, found.contact, no, was=was)
        await self._done(who, tenant, found, "memory.forgotten", no=no)

    def _alone(self, tenant: str, id: str) -> asyncio.Lock:
        """One act at a time in a conversation, in this process: a double click is one act, also in the audit."""
        lock = self._acting.get((tenant, id))
        if lock is None:
            lock = self._acting[tenant, id] = asyncio.Lock()
        return lock

    async def _say(self, who: Principal, tenant: str, id: str, key: str, **what: object) -> Message:
        async with self._alone(tenant, id):
            return await self._said(who, tenant, id, key, what)

    async def _said(self, who: Principal, tenant: str, id: str, key: str, what: Mapping[str, object]) -> Message:
        found = await self._found(tenant, id)
        there = await self._store.for_tenant(tenant).get(MESSAGES, outbound_id("op", f"{who.id}.{key}"))
        if there is not None and not (there.conversation in found.parts and _says(there, what)):
            raise KeyReused
        if there is None:
            found = await self._take(who, tenant, found.id)
        said = await self._server.ownership.say(
            tenant,
            found.id,
            who.name,
            key=f"{who.id}.{key}",
            **what,  # type: ignore[arg-type]
        )
        await self.onlookers.stopped_writing(tenant, found.id, who.name)
        if there is None:
            await self._done(who, tenant, found, "message.written", message=said.id, kind=said.kind)
        return said

    async def _found(self, tenant: str, id: str) -> Conversation:
        found = await self.threads.conversation(tenant, id)
        if found is None:
            raise UnknownConversation(f"there is no conversation {id} at this tenant")
        return found

    async def _is_of(self, tenant: str, conversation: Conversation, id: str) -> bool:
        message = await self.threads.message(tenant, conversation, id)
        return message is not None or await self.turn(tenant, conversation, id) is not None

    async def _done(
        self, who: Principal, tenant: str, conversation: Conversation, what: str, **details: object
    ) -> None:
        await self._audit.wrote(tenant, who, what, conversation.id, **details)
        self.changes.announce(tenant, conversation.id)


def _says(there: Message, what: Mapping[str, Any]) -> bool:
    """Whether *there*, the first part of what was said, is *what* is to be said now."""
    text = unicodedata.normalize("NFC", what["text"].strip())
    template, file = what.get("template"), what.get("file")
    return (
        text.startswith(there.text)
        and (template and template.id) == (there.template and there.template.id)
        and (file and file.key) == (there.media[0].key if there.media else None)
    )


def _is_anothers(conversation: Conversation, who: Principal) -> bool:
    return conversation.owner.startswith(OPERATOR) and conversation.owner != operator(who.name)
