"""The services a plugin instance is given: each knows its tenant and its plugin, so neither can be got wrong."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from frontdesk.config import SecretUnavailable, TenantConfig

from .. import alerts, leases, phones
from ..changes import Changes
from ..channel import Inbound, StatusUpdate, WrittenContact
from ..choices import Choice, as_data
from ..clock import milliseconds
from ..errors import NeedsAttention, Refused, RetryLater
from ..events.post import post_signed
from ..media import MediaStore, MediaUrls
from ..model import BOT, Contact, Conversation, Media, Message, MessageKind, Note, PluginDocument, Task, Template
from ..outbox.record import outbound_id
from ..outbox.status import StatusDesk
from ..people import People, followed
from ..plugin import Channel, Services
from ..queue import Queue, Wake
from ..records import Appointment, AppointmentState, Lead
from ..runtime import Runtimes, UnknownTenant
from ..scheduling import schedule
from ..store import Between, Store
from ..store.collections import CONTACTS, IDENTITIES, MESSAGES, NOTES, PLUGIN_DATA, TASKS
from ..turn.recall import history
from .appointments import AppointmentDesk, NotPossible, id_of
from .days import PluginDays
from .leads import LeadDesk
from .ownership import Ownership, UnknownConversation
from .questions import ask
from .recording import Conflict, Unknown
from .secrets import KeysMissing, SecretDesk
from .spending import SpendingOfTenant, teller

if TYPE_CHECKING:
    from ..app import Server

log = structlog.get_logger(__name__)


def _id(plugin: str, group: str, key: str) -> str:
    """The id of what a plugin keeps. Whatever stands in *group* and *key*, two of them are never the same."""
    return f"{plugin}/{group.replace('%', '%25').replace('/', '%2F')}/{key}"


def _moment(what: str, moment: datetime) -> datetime:
    """*moment* as every store keeps it: UTC, cut to whole milliseconds. Raises ValueError, naming *what*, if it is naive."""
    try:
        return milliseconds(moment)
    except ValueError as err:
        raise ValueError(f"{what}: {err}") from None


class PluginDocuments:
    """`self.store`."""

    def __init__(self, store: Store, tenant: str, plugin: str) -> None:
        self._repository = store.for_tenant(tenant)
        self._plugin = plugin

    async def get(self, collection: str, key: str) -> dict[str, Any] | None:
        found = await self._repository.get(PLUGIN_DATA, _id(self._plugin, collection, key))
        return found.data if found is not None else None

    async def put(self, collection: str, key: str, data: Mapping[str, Any]) -> None:
        while not await self.insert(collection, key, data):
            found = await self._repository.get(PLUGIN_DATA, _id(self._plugin, collection, key))
            if found is not None and await self._repository.update(PLUGIN_DATA, found, data=dict(data)) is not None:
                return

    async def insert(self, collection: str, key: str, data: Mapping[str, Any]) -> bool:
        document = PluginDocument(
            id=_id(self._plugin, collection, key), plugin=self._plugin, collection=collection, key=key, data=dict(data)
        )
        return await self._repository.insert(PLUGIN_DATA, document)

    async def delete(self, collection: str, key: str) -> bool:
        while (found := await self._repository.get(PLUGIN_DATA, _id(self._plugin, collection, key))) is not None:
            if await self._repository.delete(PLUGIN_DATA, found):
                return True
        return False

    async def list(self, collection: str, *, after: str = "", limit: int = 100) -> list[tuple[str, dict[str, Any]]]:
        where: dict[str, Any] = {"plugin": self._plugin, "collection": collection}
        if after:
            where["key"] = Between(after + "\0")
        found = await self._repository.find(PLUGIN_DATA, where, order_by="key", limit=limit)
        return [(document.key, document.data) for document in found]


class PluginTasks:
    """`self.tasks`."""

    def __init__(self, store: Store, queue: Queue, tenant: str, plugin: str) -> None:
        self._store = store
        self._queue = queue
        self._tenant = tenant
        self._plugin = plugin

    async def schedule(
        self,
        name: str,
        key: str,
        at: datetime,
        data: Mapping[str, Any] | None = None,
        *,
        conversation: str = "",
        useful_until: datetime | None = None,
    ) -> bool:
        at = _moment("tasks.schedule: at", at)
        task = Task(
            id=_id(self._plugin, name, key),
            plugin=self._plugin,
            name=name,
            at=at,
            conversation=conversation,
            data=dict(data or {}),
            useful_until=_moment("tasks.schedule: useful_until", useful_until) if useful_until else None,
        )
        now = self._store.now()
        new = await schedule(self._store.for_tenant(self._tenant), self._tenant, task, now)
        if new:
            await self._queue.wake(Wake("task", self._tenant, task.id), (at - now).total_seconds())
        return new

    async def cancel(self, name: str, key: str) -> bool:
        repository = self._store.for_tenant(self._tenant)
        while (task := await repository.get(TASKS, _id(self._plugin, name, key))) is not None:
            if task.state != "waiting":
                return False
            if await repository.update(TASKS, task, state="cancelled") is not None:
                return True
        return False


def _kind(
    template: Template | None, media: Sequence[str], choices: Sequence[Choice], place: Mapping[str, Any] | None
) -> MessageKind:
    """Raises ValueError for what does not go together in one message."""
    kinds: list[tuple[MessageKind, object]] = [
        ("template", template),
        ("document", media),
        ("button", choices),
        ("location", place),
    ]
    given = [kind for kind, what in kinds if what]
    if len(given) > 1:
        raise ValueError(f"conversations.send: {' and '.join(given)} are several messages; send one after the other")
    return given[0] if given else "text"


def _position(place: Mapping[str, Any]) -> dict[str, Any]:
    latitude, longitude = float(place["latitude"]), float(place["longitude"])
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ValueError("conversations.send: place: latitude is -90 to 90 degrees, longitude -180 to 180")
    label = unicodedata.normalize("NFC", str(place.get("label", "")))
    return {"latitude": latitude, "longitude": longitude, "label": label}


class PluginMedia:
    """`self.media`."""

    def __init__(self, files: MediaStore, urls: MediaUrls, tenant: str) -> None:
        self._files = files
        self._urls = urls
        self._tenant = tenant

    async def put(self, content: bytes, content_type: str) -> str:
        return await self._files.put(self._tenant, content, content_type)

    async def get(self, key: str) -> tuple[str, bytes] | None:
        return await self._files.get(self._tenant, key)

    def url(self, key: str, *, seconds: float = 6 * 3600) -> str:
        return self._urls.make(self._tenant, key, seconds)


class PluginModel:
    """`self.model`."""

    def __init__(self, runtimes: Callable[[], Runtimes], store: Store, tenant: str) -> None:
        self._runtimes = runtimes
        self._store = store
        self._tenant = tenant

    async def complete(self, instruction: str, text: str) -> str:
        try:
            async with self._runtimes().use(self._tenant) as runtime:
                return await ask(runtime, self._store.now(), instruction, text)
        except UnknownTenant:
            raise RetryLater("the tenant was suspended meanwhile", after=30) from None


class PluginConversations:
    """`self.conversations`."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        ownership: Ownership,
        status: StatusDesk,
        changes: Changes,
        tenant: TenantConfig,
        plugin: str,
        people: People,
        runtimes: Callable[[], Runtimes],
    ) -> None:
        self._config = tenant
        self._people = people
        self._runtimes = runtimes
        self._store = store
        self._queue = queue
        self._ownership = ownership
        self._status = status
        self._changes = changes
        self._repository = store.for_tenant(tenant.id)
        self._tenant = tenant.id
        self._useful_for = tenant.useful_for
        self._plugin = plugin

    async def get(self, id: str) -> Conversation | None:
        return await followed(self._repository, id)

    async def contact(self, id: str) -> Contact | None:
        return await self._repository.get(CONTACTS, id)

    async def of(self, channel: str, external_id: str) -> Conversation | None:
        identity = await self._repository.get(IDENTITIES, f"{channel}:{external_id}")
        return await self.get(identity.contact) if identity is not None else None

    async def messages(self, conversation: str, *, limit: int = 100) -> Sequence[Message]:
        found = await self.get(conversation)
        if found is None:
            return []
        return await history(self._repository, found.id, merged=found.merged, limit=limit)

    async def with_staff(self, phone: str) -> Conversation:
        if not phones.among(phone, self._config.staff):
            raise Refused(f"{phone} is none of the tenant's `staff`; add it there")
        async with self._runtimes().use(self._tenant) as runtime:
            channels = [each for each in runtime.plugins.values() if isinstance(each, Channel)]
        for channel in channels:
            written = channel.written_contact(channel.settings, phone, "")
            if written is not None:
                return await self._met(channel.name, written)
        raise Refused(f"no channel of this tenant reaches the number {phone}")

    async def _met(self, channel: str, written: WrittenContact) -> Conversation:
        inbound = Inbound(
            provider_id="", external_id=written.external_id, address=written.address, kind="text", phone=written.phone
        )
        met = await self._people.meet(self._repository, self._config, channel, inbound, self._store.now())
        contact = await self._repository.get(CONTACTS, met.contact)
        while contact is not None and contact.kind != "staff":
            if await self._repository.update(CONTACTS, contact, kind="staff") is not None:
                break
            contact = await self._repository.get(CONTACTS, met.contact)
        return met

    async def send(
        self,
        conversation: str,
        key: str,
        text: str = "",
        *,
        template: Template | None = None,
        fallback: Template | None = None,
        media: Sequence[str] = (),
        choices: Sequence[Choice] = (),
        place: Mapping[str, Any] | None = None,
        useful_until: datetime | None = None,
    ) -> bool:
        now = self._store.now()
        until = _moment("conversations.send: useful_until", useful_until) if useful_until else now + self._useful_for
        found = await self.get(conversation)
        if found is None:
            raise leases.ConversationGone(conversation)
        message = Message(
            id=outbound_id(self._plugin, key),
            conversation=found.id,
            direction="outbound",
            kind=_kind(template, media, choices, place),
            data={**(as_data(choices) if choices else {}), **(_position(place) if place else {})},
            text=unicodedata.normalize("NFC", text),
            template=template or fallback,
            media=tuple(Media(content_type="", key=item) for item in media),
            author=f"plugin:{self._plugin}",
            state="queued",
            # A take-over from now on voids it.
            owner_epoch=found.owner_epoch,
            useful_until=until,
            at=now,
        )
        _, new = await self._ownership.put_in_parts(self._tenant, message)
        await self._queue.wake(Wake("lane", self._tenant, found.id))
        return new

    async def withdraw(self, key: str, reason: str) -> bool:
        id = outbound_id(self._plugin, key)
        while (message := await self._repository.get(MESSAGES, id)) is not None and message.state == "queued":
            if await self._repository.update(MESSAGES, message, state="withdrawn", error=reason) is not None:
                return True
        return False

    async def give_back(self, conversation: Conversation) -> bool:
        by, epoch = f"plugin:{self._plugin}", conversation.owner_epoch
        try:
            changed = await self._ownership.release(self._tenant, conversation.id, by, epoch=epoch)
        except UnknownConversation:
            return False
        return changed.owner == BOT

    async def status(self, channel: str, updates: Sequence[StatusUpdate]) -> None:
        await self._status.take(self._tenant, updates)

    def watch(self, conversation: str) -> Any:
        return self._changes.watch(self._tenant, conversation)


@contextmanager
def _answered() -> Iterator[None]:
    """What speaks against a change of a record, as plugins are told it."""
    try:
        yield
    except Conflict as err:
        raise RetryLater(str(err), after=1.0) from err
    except (Unknown, NotPossible) as err:
        raise Refused(str(err)) from err


class PluginLeads:
    """`self.leads`."""

    def __init__(self, desk: LeadDesk, tenant: str, plugin: str) -> None:
        self._desk = desk
        self._tenant = tenant
        self._plugin = plugin

    async def get(self, contact: str) -> Lead | None:
        return await self._desk.get(self._tenant, contact)

    async def newest(self, *, limit: int = 50) -> list[Lead]:
        return await self._desk.list(self._tenant, limit=limit)

    async def change(self, contact: str, key: str, **changes: Any) -> Lead:
        with _answered():
            return await self._desk.change(
                self._tenant, contact, key=f"{self._plugin}/{key}", by=f"plugin:{self._plugin}", **changes
            )


class PluginAppointments:
    """`self.appointments`."""

    def __init__(self, desk: AppointmentDesk, tenant: str, plugin: str) -> None:
        self._desk = desk
        self._tenant = tenant
        self._plugin = plugin

    async def get(self, id: str) -> Appointment | None:
        return await self._desk.get(self._tenant, id)

    def id_of(self, key: str) -> str:
        return id_of(self._plugin, f"{self._plugin}/{key}")

    async def of(self, contact: str) -> list[Appointment]:
        return await self._desk.of(self._tenant, contact)

    async def between(self, begin: datetime | None, end: datetime | None, *, limit: int = 500) -> list[Appointment]:
        return await self._desk.between(self._tenant, begin, end, limit=limit)

    async def book(self, contact: str, key: str, **given: Any) -> Appointment:
        with _answered():
            return await self._desk.book(self._tenant, contact, plugin=self._plugin, **self._who(key), **given)

    async def move(self, id: str, key: str, **given: Any) -> Appointment:
        with _answered():
            return await self._desk.move(self._tenant, id, **self._who(key), **given)

    async def become(self, id: str, state: AppointmentState, key: str, **given: Any) -> Appointment:
        with _answered():
            return await self._desk.become(self._tenant, id, state, **self._who(key), **given)

    async def note(self, id: str, key: str, **given: Any) -> Appointment:
        with _answered():
            return await self._desk.note(self._tenant, id, **self._who(key), **given)

    def _who(self, key: str) -> dict[str, Any]:
        return {"key": f"{self._plugin}/{key}", "by": f"plugin:{self._plugin}"}


class PluginSecrets:
    """`self.secrets`."""

    def __init__(self, desk: SecretDesk, tenant: str, plugin: str) -> None:
        self._desk = desk
        self._tenant = tenant
        self._plugin = plugin

    async def get(self, name: str) -> str | None:
        if not await self._desk.is_there(self._tenant, self._named(name)):
            return None
        try:
            return await self._desk.read(self._tenant, self._named(name))
        except SecretUnavailable as err:
            raise NeedsAttention(str(err)) from err

    async def put(self, name: str, value: str) -> None:
        try:
            await self._desk.set(self._tenant, self._named(name), value, f"plugin:{self._plugin}")
        except KeysMissing as err:
            raise NeedsAttention(str(err)) from err

    async def delete(self, name: str) -> bool:
        return await self._desk.delete(self._tenant, self._named(name))

    def _named(self, name: str) -> str:
        return f"{self._plugin.upper().replace('-', '_')}__{name}"


class PluginAlerts:
    """`self.tell_operators`."""

    def __init__(self, runtimes: Callable[[], Runtimes], store: Store, tenant: str, plugin: str) -> None:
        self._runtimes = runtimes
        self._store = store
        self._tenant = tenant
        self._plugin = plugin

    async def __call__(self, title: str, text: str, *, case: str, conversation: str = "") -> None:
        repository = self._store.for_tenant(self._tenant)
        if conversation:
            note = Note(
                id=_id(self._plugin, "note", case),
                conversation=conversation,
                text=f"{title}\n{text}",
                author=f"plugin:{self._plugin}",
                at=self._store.now(),
            )
            if not await repository.insert(NOTES, note):
                return
        runtime = await self._runtimes().get(self._tenant)
        case = _id(self._plugin, "alert", case)
        await alerts.alert(runtime, repository, self._store, title, text, case=case, conversation=conversation)


def services_of(server: Server, tenant: TenantConfig, plugin: str) -> Services:
    """Everything that an instance is given."""
    assert server.http is not None, "plugins are made when the server runs"
    return Services(
        tenant=tenant,
        clock=server.clock,
        store=PluginDocuments(server.store, tenant.id, plugin),
        tasks=PluginTasks(server.store, server.queue, tenant.id, plugin),
        media=PluginMedia(server.media, server.urls, tenant.id),
        model=PluginModel(lambda: server.runtimes, server.store, tenant.id),
        conversations=PluginConversations(
            server.store,
            server.queue,
            server.ownership,
            server.status,
            server.changes,
            tenant,
            plugin,
            server.people,
            lambda: server.runtimes,
        ),
        leads=PluginLeads(server.leads, tenant.id, plugin),
        appointments=PluginAppointments(server.appointments, tenant.id, plugin),
        days=PluginDays(server.store, tenant.id, plugin),
        spending=SpendingOfTenant(server.budgets, server.store, tenant, teller(lambda: server.runtimes, server.store)),
        post_signed=partial(post_signed, server.store.now, server.config.webhooks.private_addresses),
        http=server.http,
        shared=server.shared.of(plugin),
        secrets=PluginSecrets(server.secrets, tenant.id, plugin),
        tell_operators=PluginAlerts(lambda: server.runtimes, server.store, tenant.id, plugin),
        call_blocking=server.blocking.of(
            tenant.id, plugin, server.config.times.sdk_timeout, server.registry.load(plugin).cls.blocking_calls
        ),
        log=log.bind(tenant=tenant.id, plugin=plugin),
        public_url=server.config.public_url,
        count=partial(server.metrics.plugin_events.add, tenant.id, plugin),
    )
