"""The operators' list of conversations: filtered, searched, in pages, the one whose contact wrote last first.

Each list is one walk along an index that has what is asked for in the order in which it is shown (`_sources` chooses it);
what else is asked is looked at while walking. So a page costs what it shows and not what is stored.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from ..model import BOT, NOBODY, OPERATOR, Conversation, Message, Turn
from ..outbox.again import UNDELIVERED, unheard
from ..people import followed
from ..registry import Registry
from ..store import Between, In, Repository, Store
from ..store.codec import milliseconds_of, time_of
from ..store.collections import CONTACTS, CONVERSATIONS, MESSAGES, TURNS
from ..store.queries import MAX_IN, MAX_WORDS
from ..store.words import digits_of, words_of
from .conversation_rows import Row, RowReader, is_parked
from .ownership import operator

PAGE = 40
"""Rows of a page."""
AT_ONCE = 100
"""Documents of an index that are read together."""
TURNS_AT_ONCE = 40
"""They are large: what the model was told is in them."""
MOST_LOOKED_AT = 1_000
"""Documents that are looked at for one page; a rare combination is then looked for further by whoever wants it."""
SHORTEST = 2
"""Letters or digits that are searched for."""

WhoseOwner = Literal["", "bot", "me", "nobody", "others"]
Temperature = Literal["", "hot", "warm", "cold"]


class BadCursor(ValueError):
    """The cursor is none that a page gave."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What is asked for; all of it at once."""

    owner: WhoseOwner = ""
    temperature: Temperature = ""
    unanswered: bool = False
    parked: bool = False
    failed: bool = False
    text: str = ""
    """A name, a phone number in any spelling, or words of what was said."""

    @property
    def any(self) -> bool:
        return self != Filters()

    @property
    def words(self) -> tuple[str, ...]:
        """The words of `text`; those of a phone number are its digits."""
        if digits := digits_of(self.text):
            return (digits,)
        return words_of(self.text)[:MAX_WORDS]

    @property
    def searches(self) -> bool:
        """Whether there is something in `text` to search for."""
        return max(map(len, self.words), default=0) >= SHORTEST


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of the list."""

    rows: tuple[Row, ...]
    after: str = ""
    """The cursor of the next page; empty: this is the last."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Conversations that wait for somebody."""

    mine: int
    nobody: int
    parked: int


class _Found(NamedTuple):
    """Something on an index that leads to a conversation."""

    place: str
    """The cursor behind it."""
    conversation: Conversation | None
    message: Message | None = None


class ConversationList:
    """Lists the conversations of any tenant, for an operator."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._reader = RowReader(store, registry)

    async def page(self, tenant: str, me: str, filters: Filters, *, after: str = "", limit: int = PAGE) -> Page:
        """The first page, or the one behind the cursor *after*. *me*: the operator's name. Raises BadCursor."""
        repository = self._store.for_tenant(tenant)
        taken: dict[str, _Found] = {}
        looked_at, place, more = 0, "", False
        async with aclosing(_walk(repository, me, filters, after)) as walk:
            async for found in walk:
                if len(taken) == limit or looked_at == MOST_LOOKED_AT:
                    more = True
                    break
                looked_at, place = looked_at + 1, found.place
                conversation = found.conversation
                if conversation is not None and conversation.id not in taken and matches(conversation, me, filters):
                    taken[conversation.id] = found
        messages = {id: found.message for id, found in taken.items() if found.message is not None}
        conversations = [found.conversation for found in taken.values() if found.conversation is not None]
        rows = [
            row
            for start in range(0, len(conversations), MAX_IN)
            for row in await self._reader.rows(tenant, conversations[start : start + MAX_IN], messages)
        ]
        if filters.failed:
            rows = (
                [replace(row, failed=True) for row in rows] if not filters.searches else [r for r in rows if r.failed]
            )
        return Page(tuple(rows), place if more else "")

    async def row(self, tenant: str, id: str) -> Row | None:
        """The row of one conversation, or of the one that it became a part of; None: there is none."""
        return (await self.rows(tenant, (id,))).get(id)

    async def rows(self, tenant: str, ids: Sequence[str]) -> dict[str, Row]:
        """Rows by id, of those that are still there (at most 100 are asked for)."""
        repository = self._store.for_tenant(tenant)
        stored = await repository.find(CONVERSATIONS, {"id": In(tuple(ids))}, limit=MAX_IN)
        there = [each for each in stored if is_listed(each)]
        return {row.id: row for row in await self._reader.rows(tenant, there)}

    async def counts(self, tenant: str, me: str) -> Counts:
        """How many wait for this operator, for anybody, and for a cure."""
        repository = self._store.for_tenant(tenant)
        mine, nobody = [await repository.count(CONVERSATIONS, {"owner": owner}) for owner in (operator(me), NOBODY)]
        return Counts(mine, nobody, await repository.count(TURNS, {"state": "parked"}))


def is_listed(conversation: Conversation) -> bool:
    """Whether it is a conversation of its own, and not just being erased."""
    return not conversation.merged_into and conversation.erased_at is None


def matches(conversation: Conversation, me: str, filters: Filters) -> bool:
    """Whether the conversation is one of those asked for; what was said, and what failed, is not looked at."""
    return (
        is_listed(conversation)
        and _owned(conversation.owner, me, filters.owner)
        and filters.temperature in ("", conversation.temperature)
        and (not filters.unanswered or conversation.unanswered_since is not None)
        and (not filters.parked or is_parked(conversation))
    )


def row_matches(row: Row, me: str, filters: Filters) -> bool:
    """The same of a row that may have changed; of a search it is not known."""
    return matches(row.conversation, me, filters) and (not filters.failed or row.failed)


def _owned(owner: str, me: str, whose: WhoseOwner) -> bool:
    match whose:
        case "bot":
            return owner == BOT
        case "nobody":
            return owner == NOBODY
        case "me":
            return owner == operator(me)
        case "others":
            return owner.startswith(OPERATOR) and owner != operator(me)
    return True


def _walk(repository: Repository, me: str, filters: Filters, after: str) -> AsyncGenerator[_Found]:
    """Everything on the narrowest index that has all of what is asked for, the newest first."""
    if filters.searches:
        return _search(repository, filters, after)
    if filters.failed:
        return _of_messages(repository, {"direction": "outbound", "state": In(UNDELIVERED)}, after, heard=False)
    if filters.parked:
        return _of_turns(repository, after)
    if filters.unanswered:
        return _of_messages(repository, {"direction": "inbound", "state": "received"}, after)
    if filters.owner == "others":
        return _of_others(repository, me, after)
    if filters.owner and not (filters.owner == "bot" and filters.temperature):
        owner = {"bot": BOT, "nobody": NOBODY, "me": operator(me)}[filters.owner]
        return _of_conversations(repository, {"owner": owner}, after)
    where = {"temperature": filters.temperature} if filters.temperature else {}
    return _of_conversations(repository, where, after)


async def _of_conversations(repository: Repository, where: Mapping[str, Any], cursor: str) -> AsyncGenerator[_Found]:
    at, id = _place(cursor)
    after = replace(_NO_CONVERSATION, id=id, last_inbound_at=at) if cursor else None
    while page := await repository.find(
        CONVERSATIONS, where, order_by="last_inbound_at", descending=True, limit=AT_ONCE, after=after
    ):
        for each in page:
            yield _Found(_cursor(each.last_inbound_at, each.id), each)
        after = page[-1]
        if len(page) < AT_ONCE:
            return


async def _of_others(repository: Repository, me: str, cursor: str) -> AsyncGenerator[_Found]:
    """What operators have taken goes back after a while, so that it is never much: it is sorted here."""
    taken = await repository.find(
        CONVERSATIONS, {"owner": Between(OPERATOR, OPERATOR + "\U0010ffff")}, order_by="owner", limit=MOST_LOOKED_AT
    )
    taken.sort(key=lambda each: (each.last_inbound_at or _NEVER, each.id), reverse=True)
    behind = (_place(cursor)[0] or _NEVER, _place(cursor)[1]) if cursor else None
    for each in taken:
        if behind is None or (each.last_inbound_at or _NEVER, each.id) < behind:
            yield _Found(_cursor(each.last_inbound_at, each.id), each)


async def _of_turns(repository: Repository, cursor: str) -> AsyncGenerator[_Found]:
    at, id = _place(cursor)
    after = replace(_NO_TURN, id=id, opened_at=at or _NEVER) if cursor else None
    while page := await repository.find(
        TURNS, {"state": "parked"}, order_by="opened_at", descending=True, limit=TURNS_AT_ONCE, after=after
    ):
        there = await _conversations(repository, [each.conversation for each in page])
        for each in page:
            yield _Found(_cursor(each.opened_at, each.id), there.get(each.conversation))
        after = page[-1]
        if len(page) < TURNS_AT_ONCE:
            return


async def _of_messages(
    repository: Repository, where: Mapping[str, Any], cursor: str, *, heard: bool = True
) -> AsyncGenerator[_Found]:
    """A conversation comes with the newest of its messages that are so. *heard*: also those that were said again."""
    at, id = _place(cursor)
    after = replace(_NO_MESSAGE, id=id, at=at or _NEVER) if cursor else None
    while page := await repository.find(MESSAGES, where, order_by="at", descending=True, limit=AT_ONCE, after=after):
        there = await _conversations(repository, [each.conversation for each in page])
        counts = {each.id for each in (page if heard else await unheard(repository, page))}
        for each in page:
            conversation = there.get(each.conversation) if each.id in counts else None
            if conversation is not None and cursor and not await _is_newest(repository, where, each):
                conversation = None
            yield _Found(_cursor(each.at, each.id), conversation)
        after = page[-1]
        if len(page) < AT_ONCE:
            return


async def _is_newest(repository: Repository, where: Mapping[str, Any], message: Message) -> bool:
    """Whether no page before has shown the conversation for a newer one."""
    asked = {"conversation": message.conversation, **where}
    newest = await repository.find(MESSAGES, asked, order_by="at", descending=True, limit=1)
    return not newest or newest[0].id == message.id


async def _search(repository: Repository, filters: Filters, cursor: str) -> AsyncGenerator[_Found]:
    """First whose name or number is asked for, then those in whose conversation it was said."""
    named = await repository.search(CONTACTS, filters.words, limit=AT_ONCE)
    people = list((await _conversations(repository, [each.id for each in named])).values())
    at, id = _place(cursor)
    if not cursor or id.startswith(_PERSON):
        shown = id.removeprefix(_PERSON)
        begun = int(shown) if shown.isdecimal() and len(shown) < 10 else 0
        people.sort(key=lambda each: (each.last_inbound_at or _NEVER, each.id), reverse=True)
        for number, each in enumerate(people[begun:], start=begun + 1):
            yield _Found(f"~{_PERSON}{number}", each)
        cursor = ""
    known = {each.id for each in people}
    asked = words_of(filters.text)[:MAX_WORDS]
    after = replace(_NO_MESSAGE, id=id, at=at or _NEVER) if cursor else None
    while page := await repository.search(MESSAGES, asked, limit=AT_ONCE, after=after):
        there = await _conversations(repository, [each.conversation for each in page])
        for message in page:
            conversation = there.get(message.conversation)
            new = conversation is not None and conversation.id not in known
            yield _Found(_cursor(message.at, message.id), conversation if new else None, message)
        after = page[-1]
        if len(page) < AT_ONCE:
            return


async def _conversations(repository: Repository, ids: Sequence[str]) -> dict[str, Conversation]:
    """By id, at most 100: the conversation, or the one that it became a part of."""
    asked = tuple(dict.fromkeys(ids))
    found = {each.id: each for each in await repository.find(CONVERSATIONS, {"id": In(asked)}, limit=MAX_IN)}
    for id, each in list(found.items()):
        if each.merged_into and (whole := await followed(repository, id)) is not None:
            found[id] = whole
    return found


def _cursor(at: datetime | None, id: str) -> str:
    return f"{'' if at is None else milliseconds_of(at)}~{id}"


def _place(cursor: str) -> tuple[datetime | None, str]:
    """The time and id of a cursor: what stood there may have changed, or be gone. Raises BadCursor."""
    time, separator, id = cursor.partition("~")
    if not cursor:
        return None, ""
    # Fifteen digits reach beyond the year 9999, where a time ends.
    if not separator or not id or not (time == "" or (time.isascii() and time.isdigit() and len(time) < 15)):
        raise BadCursor(f"no cursor of a list: {cursor[:40]!r}")
    return (time_of(int(time)) if time else None), id


_PERSON = "@@"
"""What stands in a cursor before the number of people that were shown."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NO_CONVERSATION = Conversation(id="", contact="", channel="", created_at=_NEVER)
_NO_MESSAGE = Message(id="", conversation="", direction="inbound", state="received", at=_NEVER)
_NO_TURN = Turn(id="", conversation="", no=0, opened_at=_NEVER)
