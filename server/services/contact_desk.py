"""The people of a tenant: who they are, what is known of them and what they consent to; export, erasure, retention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from frontdesk.config import ConfigError
from frontdesk.config.fields import duration_text

from .. import consent, core_tasks
from ..auth import Audit, Principal
from ..model import Consent, Contact, Conversation, Identity, Task
from ..plugin import Channel
from ..queue import Wake
from ..records import Appointment, Lead
from ..speech import Wish
from ..store import Collection, In, Repository
from ..store.collections import (
    APPOINTMENTS,
    CONSENTS,
    CONTACTS,
    CONVERSATIONS,
    IDENTITIES,
    LEADS,
    MESSAGES,
    NOTES,
    SUMMARIES,
    TASKS,
    TURNS,
)
from ..store.words import NUMBER, digits_of, words_of
from . import exporting
from .history_import import region_of
from .memory import MemoryDesk
from .syncs import Sync, SyncDesk

if TYPE_CHECKING:
    from ..app import Server

PAGE = 50
MOST_WORDS = 10
KEPT: tuple[str, ...] = ("messages", "turns", "notes", "tasks")
"""What has an age of its own (config/retention.py)."""
ERASED = "contact.erased"

Going = Literal["messages", "turns", "summaries", "notes", "consents", "names", "appointments", "leads", "memories"]


class UnknownContact(Exception):
    """The tenant has no such contact."""


@dataclass(frozen=True, slots=True)
class Person:
    """A contact in the list."""

    contact: Contact
    conversation: Conversation | None


@dataclass(frozen=True, slots=True)
class People:
    """A page of the list, the newest contacts first. `after`: where the next one begins; empty: this is the last."""

    people: tuple[Person, ...] = ()
    after: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """All that the page of a contact shows."""

    contact: Contact
    conversation: Conversation | None
    parts: tuple[str, ...]
    """The ids under which they are known, the conversation's own first."""
    identities: tuple[Identity, ...]
    consents: tuple[Consent, ...]
    """The newest first."""
    may_set: tuple[str, ...]
    """`stop`, `start`: what an operator may say for them now."""
    lead: Lead | None
    appointments: tuple[Appointment, ...]
    """The latest first."""
    syncs: tuple[Sync, ...] = ()
    """How far it is at the systems that it is pushed to."""
    voice: Literal["", "like_for_like", "voice", "text"] = ""
    """How the tenant answers who has not said what they want; empty: none of its plugins speaks."""

    @property
    def confirmation(self) -> str:
        """What one types to have this contact erased."""
        return " ".join(self.contact.name.split()) or self.contact.phone or self.contact.id[:8]

    def confirmed(self, typed: str) -> bool:
        """Whether it was typed, in whatever case and with or without diacritics."""
        told = words_of(self.confirmation)
        return typed.strip() == self.confirmation or (bool(told) and words_of(typed) == told)


@dataclass(frozen=True, slots=True)
class Erasable:
    """What an erasure deletes, and who takes part."""

    going: Mapping[Going, int]
    providers: tuple[str, ...]
    """Channels that delete the messages at their provider."""
    plugins: tuple[str, ...]
    """Plugins that delete what they keep."""
    silent: tuple[str, ...]
    """Plugins that say nothing of what they keep: whatever it is stays."""


@dataclass(frozen=True, slots=True)
class ErasureState:
    """How far an erasure is."""

    state: Literal["waiting", "done"]
    left: int
    """Messages."""
    heard: tuple[str, ...]
    """Plugins that have deleted what they keep."""
    trouble: str
    """Why it does not go on just now; empty: it does."""
    asked_at: datetime | None
    asked_by: str
    before: Mapping[str, Any]
    """What there was when it was asked for."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long documents of one kind are kept."""

    name: str
    value: str
    """As it is written in a tenants file, `365 d`; empty: for good."""
    declared: str
    """What the file says, if something stands before it."""
    changed: bool


class ContactDesk:
    """Of any tenant."""

    def __init__(self, server: Server, audit: Audit, syncs: SyncDesk) -> None:
        self._syncs = syncs
        self._server = server
        self._store = server.store
        self._audit = audit
        self._memory = MemoryDesk(server.store)

    async def list(self, tenant: str, search: str = "", after: str = "") -> People:
        """Contacts; *search*: beginnings of the name's words, with or without diacritics, the last digits of a number, or
        the beginning of an id."""
        repository = self._store.for_tenant(tenant)
        if search.strip():
            return await self._found(tenant, repository, search.strip(), after)
        last: Contact | None = None
        if after:
            last = await repository.get(CONTACTS, after)
        page = await repository.find(CONTACTS, {}, order_by="created_at", descending=True, limit=PAGE + 1, after=last)
        more = page[PAGE - 1].id if len(page) > PAGE else ""
        return People(await _with_conversations(repository, page[:PAGE]), more)

    async def newest(self, tenant: str, *, limit: int, after: Any = None) -> Sequence[Contact]:
        """So many, the newest first; *after*: the last one of the page before."""
        return await self._store.for_tenant(tenant).find(
            CONTACTS, {}, order_by="created_at", descending=True, limit=limit, after=after
        )

    async def there(self, tenant: str, contacts: Sequence[Contact]) -> Sequence[Contact]:
        """Those of *contacts* who are somebody of their own, and are not just being erased."""
        found = await _with_conversations(self._store.for_tenant(tenant), contacts)
        return [each.contact for each in found]

    async def get(self, tenant: str, id: str) -> Contact:
        """The contact, or the one that they turned out to be. Raises UnknownContact."""
        contact, _ = await self._who(self._store.for_tenant(tenant), id)
        return contact

    async def card(self, tenant: str, id: str) -> Card:
        """Raises UnknownContact; who is being erased is not shown any more."""
        repository = self._store.for_tenant(tenant)
        contact, conversation = await self._who(repository, id)
        parts = conversation.parts if conversation is not None else (contact.id,)
        identities = [each for part in parts for each in await repository.find(IDENTITIES, {"contact": part})]
        ledger = [
            each
            for part in parts
            for by in ("contact", "provider", "operator")
            for each in await repository.find(
                CONSENTS, {"contact": part, "by": by}, order_by="at", descending=True, limit=50
            )
        ]
        lead = await repository.get(LEADS, contact.id)
        syncs = await self._syncs.of(tenant, contact.id)
        return Card(
            contact,
            conversation,
            parts,
            tuple(identities),
            tuple(sorted(ledger, key=lambda each: each.at, reverse=True)),
            consent.may_be_set(contact) if contact.kind == "customer" else (),
            lead,
            tuple(await self._server.appointments.of(tenant, contact.id, limit=20)),
            tuple(syncs),
            self._voice(tenant),
        )

    def _voice(self, tenant: str) -> Literal["", "like_for_like", "voice", "text"]:
        declared = self._server.declared[tenant]
        speaks = any("synthesize" in kind.hooks for kind, _ in declared.plugins)
        return declared.tenant.voice.answers if speaks else ""

    async def set_consent(self, tenant: str, who: Principal, id: str, word: Literal["stop", "start"]) -> bool:
        """An operator says for a contact that they want no more, or takes that back. False: the rules of consent do not
        allow it, and nothing was changed. Raises UnknownContact."""
        repository = self._store.for_tenant(tenant)
        contact, conversation = await self._who(repository, id)
        channel = conversation.channel if conversation is not None else ""
        happened = await consent.by_hand(repository, contact.id, word, who.name, channel, self._store.now())
        if happened:
            await self._audit.wrote(
                tenant, who, "consent.stopped" if word == "stop" else "consent.restored", contact.id
            )
        return happened

    async def set_answers(self, tenant: str, who: Principal, id: str, how: Wish | Literal[""]) -> None:
        """How the contact is answered from now on; empty: as the tenant does. Raises UnknownContact."""
        repository = self._store.for_tenant(tenant)
        while True:
            contact, _ = await self._who(repository, id)
            if contact.answers == how:
                return
            if await repository.update(CONTACTS, contact, answers=how) is not None:
                await self._audit.wrote(tenant, who, "contact.answers", contact.id, how=how)
                return

    async def correct(
        self, tenant: str, who: Principal, id: str, no: int, text: str, *, was: str | None = None
    ) -> None:
        """Put *text* in the place of memory *no* (from 1) if it still is *was*. Raises memory.NotChanged, UnknownContact."""
        contact, _ = await self._who(self._store.for_tenant(tenant), id)
        await self._memory.correct(tenant, contact.id, no, text, who.name, was=was)
        await self._audit.wrote(tenant, who, "memory.corrected", contact.id, no=no)

    async def forget(self, tenant: str, who: Principal, id: str, no: int, *, was: str | None = None) -> None:
        """Delete memory *no* (from 1), if it still is *was*. Raises memory.NotChanged, UnknownContact."""
        contact, _ = await self._who(self._store.for_tenant(tenant), id)
        await self._memory.forget(tenant, contact.id, no, was=was)
        await self._audit.wrote(tenant, who, "memory.forgotten", contact.id, no=no)

    async def export(self, tenant: str, who: Principal, id: str) -> Mapping[str, Any]:
        """All that is kept of a contact; `troubles` has what a plugin could not say. Raises UnknownContact."""
        contact, conversation = await self._who(self._store.for_tenant(tenant), id)
        if conversation is None:
            raise UnknownContact(id)
        async with self._server.runtimes.use(tenant) as runtime:
            told, troubles = await exporting.export(runtime, self._store, conversation)
        await self._audit.wrote(tenant, who, "contact.exported", contact.id)
        return {**told, "troubles": troubles}

    async def erasable(self, tenant: str, id: str) -> Erasable:
        """What would go. Raises UnknownContact."""
        repository = self._store.for_tenant(tenant)
        contact, conversation = await self._who(repository, id)
        parts = conversation.parts if conversation is not None else (contact.id,)
        of_part: tuple[tuple[Going, Collection[Any]], ...] = (
            ("messages", MESSAGES),
            ("turns", TURNS),
            ("summaries", SUMMARIES),
            ("notes", NOTES),
        )
        going: dict[Going, int] = {}
        for name, collection in of_part:
            going[name] = sum([await repository.count(collection, {"conversation": part}) for part in parts])
        going["consents"] = len((await self.card(tenant, id)).consents)
        going["names"] = sum([await repository.count(IDENTITIES, {"contact": part}) for part in parts])
        going["appointments"] = sum([await repository.count(APPOINTMENTS, {"contact": part}) for part in parts])
        going["leads"] = int(await repository.get(LEADS, contact.id) is not None)
        going["memories"] = len(contact.memories)
        kinds = [kind for kind, _ in self._server.declared[tenant].plugins]
        providers = [kind.name for kind in kinds if "erase_message" in kind.hooks]
        plugins = [kind.name for kind in kinds if "erase_contact" in kind.hooks]
        silent = [kind.name for kind in kinds if kind.name not in providers and kind.name not in plugins]
        return Erasable(going, tuple(providers), tuple(plugins), tuple(silent))

    async def erase(self, tenant: str, who: Principal, id: str) -> None:
        """From now on the contact is being erased, whatever happens. Raises UnknownContact."""
        contact, _ = await self._who(self._store.for_tenant(tenant), id)
        there = await self.erasable(tenant, contact.id)
        task = await self._server.erasing.begin(tenant, contact.id)
        details = {"going": dict(there.going), "providers": list(there.providers), "plugins": list(there.plugins)}
        await self._audit.wrote(tenant, who, ERASED, contact.id, **details)
        await self._server.queue.wake(Wake("task", tenant, task.id))

    async def erasure(self, tenant: str, id: str) -> ErasureState | None:
        """How far the erasure of a contact is; None: there is none."""
        repository = self._store.for_tenant(tenant)
        task: Task | None = await repository.get(TASKS, core_tasks.erase(id, self._store.now()).id)
        if task is None:
            return None
        asked = next((e for e in await self._audit.entries(tenant, what=ERASED, limit=200) if e.about == id), None)
        return ErasureState(
            "done" if task.state != "waiting" else "waiting",
            await self._server.erasing.left(tenant, id),
            tuple(task.data.get("heard", ())),
            task.error,
            asked.at if asked is not None else None,
            asked.who if asked is not None else "",
            asked.details if asked is not None else {},
        )

    async def retention(self, tenant: str) -> Sequence[Kept]:
        """How long what is kept, with what was changed over the file."""
        declared = self._server.written[tenant].tenant.retention
        # What was just saved is in force within seconds.
        shadows = {each.key: each.value for each in await self._server.overlays.shadows(self._server.written, tenant)}
        kept = []
        for name in KEPT:
            changed = shadows.get(f"retention.{name}")
            written = _text(getattr(declared, name))
            kept.append(Kept(name, written if changed is None else str(changed), written, changed is not None))
        return kept

    async def keep(self, tenant: str, who: Principal, name: str, value: str) -> str:
        """Have documents of a kind kept for *value* (`365 d`; empty: what the file says). What is wrong, or empty."""
        key, overlays, written = f"retention.{name}", self._server.overlays, self._server.written
        try:
            if value.strip():
                await overlays.set(written, tenant, key, value.strip(), who.name)
            elif not await overlays.revert(written, tenant, key, who.name):
                return ""
        except ConfigError as err:
            return "; ".join(f"{problem.found}; {problem.right}" for problem in err.problems)
        await self._audit.wrote(tenant, who, "setting.changed", key, value=value.strip())
        return ""

    async def _who(self, repository: Repository, id: str) -> tuple[Contact, Conversation | None]:
        """The contact, or the one whom they turned out to be."""
        conversation = await repository.get(CONVERSATIONS, id)
        while conversation is not None and conversation.merged_into:
            conversation = await repository.get(CONVERSATIONS, conversation.merged_into)
        if conversation is not None and conversation.erased_at is not None:
            raise UnknownContact(id)
        contact = await repository.get(CONTACTS, conversation.contact if conversation is not None else id)
        if contact is None:
            raise UnknownContact(id)
        return contact, conversation

    async def _found(self, tenant: str, repository: Repository, search: str, after: str) -> People:
        number = digits_of(search)
        words = (number,) if len(number) >= NUMBER.start else words_of(search)[:MOST_WORDS]
        last: Contact | None = None
        if after:
            last = await repository.get(CONTACTS, after)
        page = await repository.search(CONTACTS, words, limit=PAGE + 1, after=last) if words else []
        if not page and not after:
            ids = [conversation.contact for conversation in await self._named(tenant, repository, search)]
            page = await repository.find(CONTACTS, {"id": In(ids)}, limit=PAGE) if ids else []
        more = page[PAGE - 1].id if len(page) > PAGE else ""
        return People(await _with_conversations(repository, page[:PAGE]), more)

    async def _named(self, tenant: str, repository: Repository, search: str) -> Sequence[Conversation]:
        """By a number or whatever else a channel calls them, else by the beginning of the id."""
        config = self._server.declared[tenant].tenant
        for kind, settings in self._server.declared[tenant].plugins:
            if issubclass(kind.cls, Channel):
                who = kind.cls.written_contact(settings, search, region_of(config))
                name = who.external_id if who is not None else search
                if (found := await self._server.people.known(repository, tenant, kind.name, name)) is not None:
                    return [found]
        return await self._server.ownership.named(tenant, search) if len(search) >= 4 and search.isalnum() else []


async def _with_conversations(repository: Repository, contacts: Sequence[Contact]) -> tuple[Person, ...]:
    found: dict[str, Conversation] = {}
    if contacts:
        ids = tuple(contact.id for contact in contacts)
        found = {each.id: each for each in await repository.find(CONVERSATIONS, {"id": In(ids)}, limit=len(ids))}
    shown = [Person(contact, found.get(contact.id)) for contact in contacts]
    return tuple(
        each
        for each in shown
        if each.conversation is None or not (each.conversation.merged_into or each.conversation.erased_at)
    )


def _text(value: timedelta | None) -> str:
    return duration_text(value) if value is not None else ""
