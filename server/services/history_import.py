"""Puts the messages of an earlier bot in front of a tenant's conversations: answered, so that they start nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources

from frontdesk.config import TenantConfig

from ..channel import Inbound, WrittenContact
from ..clock import milliseconds
from ..model import Message
from ..people import People
from ..store import Insert, Store
from ..store.collections import MESSAGES
from .history_file import Said

PREFIX = "im-"
"""Begins the id of an imported message."""
STEP = timedelta(minutes=1)
"""Between two messages of which nobody knows the time."""
BATCH = 100
_TICK = timedelta(milliseconds=1)


def region_of(tenant: TenantConfig) -> str:
    """The country (ISO 3166) whose national numbers are meant: that of the tenant's time zone, else of its language."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    for line in table.splitlines():
        columns = line.split("\t")
        if not line.startswith("#") and columns[2:3] == [tenant.time_zone]:
            return columns[0]
    region = tenant.language.rpartition("-")[2]
    return region if len(region) == 2 and region.isupper() else ""


@dataclass(frozen=True)
class Counted:
    """What an import of one contact came to."""

    added: int
    there: int
    """Imported before."""
    erased: int = 0
    """Left out: the contact has been erased since."""


class HistoryImport:
    """One import into one tenant's conversations over one channel."""

    def __init__(
        self, store: Store, people: People, tenant: TenantConfig, channel: str, *, dry_run: bool = False
    ) -> None:
        self._people = people
        self._store = store
        self._repository = store.for_tenant(tenant.id)
        self._tenant = tenant
        self._channel = channel
        self._dry_run = dry_run

    async def add(self, who: WrittenContact, said: Sequence[Said]) -> Counted:
        """Write what is not there yet. A longer list adds its new end; the same one adds nothing."""
        conversation = await self._people.known(self._repository, self._tenant.id, self._channel, who.external_id)
        names = (self._repository, self._tenant.id, self._channel)
        if await self._people.erased(*names, (who.external_id,)):
            return Counted(0, 0, len(said))
        id = conversation.id if conversation is not None else self._people.id_of(*names[1:], who.external_id)
        ids = list(_ids(id, said))
        there = await self._there(ids)
        upper = self._store.now() if conversation is None else await self._first_live(id)
        fixed = [there.get(each, one.at) for each, one in zip(ids, said, strict=True)]
        times = placed(fixed, upper, {number for number, each in enumerate(ids) if each in there})
        messages = [
            _message(each, id, one, at) for each, one, at in zip(ids, said, times, strict=True) if each not in there
        ]
        if messages and not self._dry_run:
            inbound = Inbound(
                provider_id="", external_id=who.external_id, address=who.address, name=who.name, phone=who.phone
            )
            await self._people.meet(self._repository, self._tenant, self._channel, inbound, times[0])
            await self._write(messages)
        return Counted(len(messages), len(there))

    async def _there(self, ids: Sequence[str]) -> dict[str, datetime]:
        """The times of those that were imported before."""
        found: dict[str, datetime] = {}
        for begin in range(0, len(ids), BATCH):
            page = await asyncio.gather(*map(self._message, ids[begin : begin + BATCH]))
            found |= {message.id: message.at for message in page if message is not None}
        return found

    async def _message(self, id: str) -> Message | None:
        return await self._repository.get(MESSAGES, id)

    async def _first_live(self, conversation: str) -> datetime:
        """When the first message came that was not imported; now, if none has."""
        after: Message | None = None
        where = {"conversation": conversation}
        while page := await self._repository.find(MESSAGES, where, order_by="at", limit=1000, after=after):
            for message in page:
                if not message.id.startswith(PREFIX):
                    return message.at
            after = page[-1]
        return self._store.now()

    async def _write(self, messages: Sequence[Message]) -> None:
        writes = [Insert(MESSAGES, message) for message in messages]
        while writes:
            # What did not take is there: somebody imports the same file.
            took = await self._repository.write(*writes[:BATCH])
            del writes[: took + (took < len(writes[:BATCH]))]


def _ids(conversation: str, said: Sequence[Said]) -> Iterator[str]:
    """By content and how often it was said before: a message keeps its id when the file gets longer at either end."""
    seen: Counter[tuple[str, str]] = Counter()
    for one in said:
        key = (one.direction, one.text)
        parts = "\0".join((conversation, *key, str(seen[key])))
        yield PREFIX + hashlib.sha256(parts.encode()).hexdigest()[:24]
        seen[key] += 1


def _message(id: str, conversation: str, said: Said, at: datetime) -> Message:
    inbound = said.direction == "inbound"
    return Message(
        id=id,
        conversation=conversation,
        direction=said.direction,
        text=said.text,
        author="contact" if inbound else "bot",
        state="answered" if inbound else "sent",
        at=at,
        announced=True,
    )


def placed(fixed: Sequence[datetime | None], upper: datetime, kept: Set[int] = frozenset()) -> list[datetime]:
    """A time for each message, in order and before *upper*: its own if it has one and that can be, else one between its
    neighbours'. Those in the places *kept* are stored already."""
    highest = [upper - (len(fixed) - number) * _TICK for number in range(len(fixed))]
    for number in reversed(range(len(fixed) - 1)):
        own = fixed[number + 1]
        highest[number] = min(highest[number], highest[number + 1] - _TICK, (own or upper) - _TICK)
    times: list[datetime] = []
    for number, own in enumerate(fixed):
        if own is not None and number in kept:
            times.append(own)
            continue
        at = own if own is not None else _between(times[-1] if times else None, fixed, number, upper)
        at = min(at, highest[number])
        times.append(milliseconds(max(at, times[-1] + _TICK) if times else at))
    return times


def _between(before: datetime | None, fixed: Sequence[datetime | None], number: int, upper: datetime) -> datetime:
    """A plausible time for a message that has none, *before* being the one in front of it."""
    run = next((more for more, own in enumerate(fixed[number:]) if own is not None), len(fixed) - number)
    following = fixed[number + run] if number + run < len(fixed) else None
    end = min(following, upper) if following is not None else upper
    if before is None:
        return end - run * STEP
    return before + min(STEP, max(_TICK, (end - before) / (run + 1)))
