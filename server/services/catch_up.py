"""Asks the providers for what no webhook brought, and for what was sent and never recorded.

A provider gives a webhook up after seconds; its list of messages keeps them. What is known already changes nothing, so a
look may be repeated. It begins where the last one ended; the first look of a tenant only marks where the next one begins:
what came before was somebody else's to answer.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from .. import blame, dispatch
from ..channel import Listed, StatusUpdate
from ..clock import Clock, milliseconds
from ..errors import NeedsAttention, PluginError, Refused
from ..inbox import Inbox, inbound_id
from ..model import Message, PluginDocument
from ..outbox.record import RANK
from ..outbox.status import StatusDesk
from ..people import People
from ..plugin import CORE
from ..runtime import Runtime, Runtimes, UnknownTenant
from ..store import In, Repository, Store
from ..store.collections import MESSAGES, PLUGIN_DATA
from ..tenants import Address, Declared
from . import rounds

log = structlog.get_logger(__name__)

NAME = "catch_up"
EVERY = timedelta(minutes=10)
GRACE = timedelta(seconds=60)
"""What is younger may still come by its webhook, which tells more of it."""
OVERLAP = timedelta(minutes=2)
"""A provider's list lags, and its times are whole seconds."""
LONGEST = timedelta(days=3)
"""As far back as is looked, however long nobody did."""
MANY = 200
"""With more tenants than these a round takes its time, so that not all of them are in use at once."""
PAUSE = 3.0
"""Seconds between two of so many tenants."""
CLOCK_SKEW = timedelta(seconds=5)
_BATCH = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Caught:
    """What a look found; `trouble`: why it found no more."""

    received: int = 0
    """Messages of contacts that no webhook had brought."""
    bound: int = 0
    """Parked messages of ours that the provider has sent after all."""
    reported: int = 0
    """Messages of ours of which no callback had told what became of them."""
    elsewhere: int = 0
    """Messages that somebody else sent in our name, now in the conversation."""
    trouble: tuple[str, ...] = ()

    def __add__(self, other: Caught) -> Caught:
        return Caught(
            received=self.received + other.received,
            bound=self.bound + other.bound,
            reported=self.reported + other.reported,
            elsewhere=self.elsewhere + other.elsewhere,
            trouble=(*self.trouble, *other.trouble),
        )


class CatchUpDesk:
    """Looks at start, after webhooks were refused, every EVERY, and when asked."""

    def __init__(
        self,
        store: Store,
        tenants: Callable[[], tuple[Declared, Declared]],
        runtimes: Runtimes,
        people: People,
        inbox: Inbox,
        status: StatusDesk,
        clock: Clock,
    ) -> None:
        """*tenants*: those that are declared now, and those that are suspended."""
        self._store = store
        self._tenants = tenants
        self._runtimes = runtimes
        self._people = people
        self._inbox = inbox
        self._status = status
        self._clock = clock
        self._refused: dict[str, float] = {}
        self._begun = False

    def refused(self, tenant: str) -> None:
        """A webhook of *tenant* was not taken (the store is away, say): it is asked for as soon as the list shows it."""
        self._refused[tenant] = self._clock.monotonic()

    async def go_on(self) -> None:
        """What is due now: who had a webhook refused, and the round of all. Raises StoreError."""
        for tenant, at in list(self._refused.items()):
            if self._clock.monotonic() - at > (GRACE + OVERLAP / 4).total_seconds():
                await self.look(tenant)
                # Not if another one was refused meanwhile.
                if self._refused.get(tenant) == at:
                    del self._refused[tenant]
        if not self._begun:
            if len(self._concerned()) <= MANY:
                await rounds.hurry(self._store, NAME)
            self._begun = True
        await self._round()

    def _concerned(self) -> list[str]:
        """The tenants with a channel that keeps a list, in order. Ten thousand take some 20 ms."""
        declared = self._tenants()[0]
        return sorted(id for id in declared if any("list_messages" in kind.hooks for kind in declared.kinds(id)))

    async def _round(self) -> None:
        held = await rounds.take(self._store, NAME)
        if held is None:
            return
        concerned = self._concerned()
        for tenant in concerned:
            if tenant < held.after:
                continue
            await self.look(tenant)
            if len(concerned) > MANY:
                await self._clock.sleep(PAUSE)
            held = await rounds.renewed(self._store, held, tenant)
            if held is None:
                return
        await rounds.done(self._store, held, EVERY)

    async def look(self, tenant: str, since: datetime | None = None) -> Caught:
        """Ask each channel of *tenant* for what it has since the last look, or *since* a moment. Raises StoreError."""
        caught = Caught()
        try:
            async with self._runtimes.use(tenant) as runtime:
                for bound in runtime.hook("list_messages"):
                    caught += await self._channel(runtime, bound.label.plugin, since)
        except UnknownTenant:
            return caught
        if caught != Caught():
            log.info(
                "caught_up",
                tenant=tenant,
                received=caught.received,
                bound=caught.bound,
                reported=caught.reported,
                elsewhere=caught.elsewhere,
                trouble="; ".join(caught.trouble),
            )
        return caught

    async def _channel(self, runtime: Runtime, channel: str, since: datetime | None) -> Caught:
        repository = self._store.for_tenant(runtime.tenant.id)
        now = self._store.now()
        until, mark = milliseconds(now - GRACE), await _mark(repository, channel)
        if mark is None and since is None:
            await _set_mark(repository, channel, until)
            return Caught()
        begin = since if since is not None else max(mark - OVERLAP if mark else now, now - LONGEST)
        caught = Caught()
        try:
            everything = await runtime.ask("list_messages", channel, since=begin, until=until)
            # A pool of senders may be several tenants'.
            listed = [one for one in everything if self._is_of(runtime.tenant.id, (channel, one.key))]
            for start in range(0, len(listed), _BATCH):
                caught += await self._unknown(runtime, repository, channel, listed[start : start + _BATCH])
        except (PluginError, dispatch.HookFailed) as err:
            caught += _trouble(runtime, channel, err)
        # With trouble the mark stays: the next look begins where this one did.
        if not caught.trouble and (mark is None or until > mark):
            await _set_mark(repository, channel, until)
        return caught

    def _is_of(self, tenant: str, address: Address) -> bool:
        """Whether no other tenant has *address* to itself."""
        return all(each.addresses.get(address, tenant) == tenant for each in self._tenants())

    async def _unknown(
        self, runtime: Runtime, repository: Repository, channel: str, listed: Sequence[Listed]
    ) -> Caught:
        caught = Caught()
        received = {inbound_id(channel, one.provider_id): one for one in listed if one.direction == "inbound"}
        sent = {one.provider_id: one for one in listed if one.direction == "outbound"}
        if received:
            for known in await repository.find(MESSAGES, {"id": In(tuple(received))}, limit=_BATCH):
                del received[known.id]
        for one in received.values():
            caught += await self._receive(runtime, channel, one)
        if sent:
            for known in await repository.find(MESSAGES, {"provider_id": In(tuple(sent))}, limit=1000):
                if known.provider_id in sent:
                    caught += await self._reported(runtime.tenant.id, known, sent.pop(known.provider_id))
        for one in sent.values():
            caught += await self._sent(runtime, repository, channel, one)
        return caught

    async def _receive(self, runtime: Runtime, channel: str, listed: Listed) -> Caught:
        try:
            inbound = await runtime.ask("recover_message", channel, listed=listed)
        except Refused as err:
            log.warning("message_not_recovered", tenant=runtime.tenant.id, channel=channel, reason=err.reason)
            return Caught()
        except (NeedsAttention, dispatch.HookFailed) as err:
            # It is tried again at the next look, and keeps no other away.
            return _trouble(runtime, channel, err)
        inbound = replace(inbound, data={**inbound.data, "sent_at": listed.at.isoformat()})
        new = await self._inbox.accept(runtime.tenant, channel, inbound)
        return Caught(received=int(new))

    async def _reported(self, tenant: str, known: Message, listed: Listed) -> Caught:
        """A message of ours whose callback was lost: a failure that nobody was told of, say."""
        update = listed.update
        if update is None or known.author == "elsewhere" or RANK[update.state] <= RANK.get(known.state, 0):
            return Caught()
        await self._status.take(tenant, (replace(update, message=known.id),))
        return Caught(reported=1)

    async def _sent(self, runtime: Runtime, repository: Repository, channel: str, listed: Listed) -> Caught:
        """A message of ours whose answer and callbacks were all lost, or one that somebody else sent in our name."""
        tenant = runtime.tenant.id
        conversation = await self._people.known(repository, tenant, channel, listed.external_id)
        if conversation is None:
            return Caught()
        open_ = await _without_provider_id(repository, conversation.parts)
        same = [message for message in open_ if _is(message, listed)]
        at_work = any(_is_at_work(message, listed) for message in open_)
        if at_work or any(message.state != "parked" for message in same) or len(same) > 1:
            return Caught()  # the lane finds out itself, or nobody can
        if same:
            state = listed.state or "accepted"
            update = listed.update or StatusUpdate(provider_id=listed.provider_id, state=state)
            await self._status.take(tenant, (replace(update, message=same[0].id),))
            return Caught(bound=1)
        erased = conversation.again and await self._people.was_erased(repository, tenant, listed.provider_id)
        if listed.state in (None, "failed") or erased:
            return Caught()
        id = "found-" + hashlib.sha256(f"{channel}\0{listed.provider_id}".encode()).hexdigest()[:24]
        message = Message(
            id=id,
            conversation=conversation.id,
            direction="outbound",
            text=unicodedata.normalize("NFC", listed.text),
            author="elsewhere",
            state=listed.state,
            at=milliseconds(listed.at),
            provider_id=listed.provider_id,
        )
        return Caught(elsewhere=int(await repository.insert(MESSAGES, message)))


def _trouble(runtime: Runtime, channel: str, err: Exception) -> Caught:
    log.warning("catch_up_failed", tenant=runtime.tenant.id, channel=channel, reason=blame.in_words(err))
    return Caught(trouble=(f"{channel}: {err}",))


async def _without_provider_id(repository: Repository, conversations: Sequence[str]) -> list[Message]:
    found: list[Message] = []
    for conversation in conversations:
        for state in ("queued", "sending", "parked"):
            where = {"conversation": conversation, "direction": "outbound", "state": state}
            found += await repository.find(MESSAGES, where, order_by="at", limit=_BATCH)
    return [message for message in found if not message.provider_id]


def _is(message: Message, listed: Listed) -> bool:
    """Whether it may be the one that the provider lists."""
    same = _normal(message.text) == _normal(listed.text) and len(message.media) == listed.files
    return _tried(message, listed) and same


def _is_at_work(message: Message, listed: Listed) -> bool:
    """Whether a lane has yet to find out what became of it, and its words alone do not say that it is another one: its
    channel shows it in a way of its own. What is bound to something else is not looked for any more, and is sent again."""
    shown_otherwise = message.template is not None or message.kind in ("button", "location")
    return message.state == "sending" and shown_otherwise and _tried(message, listed)


def _tried(message: Message, listed: Listed) -> bool:
    return message.intent_at is not None and message.intent_at - CLOCK_SKEW <= listed.at


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


async def _mark(repository: Repository, channel: str) -> datetime | None:
    kept = await repository.get(PLUGIN_DATA, _mark_id(channel))
    return datetime.fromisoformat(kept.data["until"]) if kept is not None else None


async def _set_mark(repository: Repository, channel: str, until: datetime) -> None:
    """Until when everything is known. Of two that look at once either is right: it is looked again from there."""
    data: dict[str, Any] = {"until": until.isoformat()}
    kept = await repository.get(PLUGIN_DATA, _mark_id(channel))
    if kept is not None:
        await repository.update(PLUGIN_DATA, kept, data=data)
        return
    document = PluginDocument(id=_mark_id(channel), plugin=CORE, collection=NAME, key=channel, data=data)
    await repository.insert(PLUGIN_DATA, document)


def _mark_id(channel: str) -> str:
    return f"{CORE}/{NAME}/{channel}"
