"""A conversation as operators read it: messages of all its parts, with notes and changes of owner between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from ..model import Conversation, Message, Note, Passing
from ..people import followed
from ..store import Between, In, Repository, Store
from ..store.collections import CONVERSATIONS, MESSAGES, NOTES
from ..turn.recall import quoted

PAGE = 40
"""Messages of one page."""
MOST_NOTES = 200
"""Notes between the messages of one page."""
UNSAID = ("proposed",)
"""A turn's draft that was never adopted is no part of the conversation; what was withdrawn is shown as such."""
_SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the thread; exactly one of `message`, `note`, `passing` is there. `id` is unique in the thread."""

    id: str
    at: datetime
    message: Message | None = None
    note: Note | None = None
    passing: Passing | None = None
    answers: Message | None = None
    """The message that `message` refers to (a quoted reply, the press of a button), if it is stored."""
    again: bool = False
    """`message` was said once more, because it did not arrive at first."""

    @property
    def kind(self) -> Literal["message", "note", "passing"]:
        return "message" if self.message is not None else "note" if self.note is not None else "passing"


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a thread, oldest first."""

    entries: tuple[Entry, ...]
    before: str
    """The cursor of what came before it; empty: this is the beginning."""


class BadCursor(ValueError):
    """The cursor is none that a page gave."""


class Threads:
    """Reads threads of any tenant."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def conversation(self, tenant: str, id: str) -> Conversation | None:
        """The conversation, or the one that it became a part of; None: the tenant has none such, or it is being erased."""
        return await followed(self._store.for_tenant(tenant), id)

    async def page(self, tenant: str, conversation: Conversation, *, before: str = "", limit: int = PAGE) -> Page:
        """The newest page, or the one that ends where the cursor *before* stands. Raises BadCursor."""
        repository = self._store.for_tenant(tenant)
        after = _of_cursor(before) if before else None
        found = await repository.find(
            MESSAGES,
            {"conversation": In(conversation.parts)},
            order_by="at",
            descending=True,
            limit=limit + 1,
            after=after,
        )
        messages, more = found[:limit][::-1], len(found) > limit
        since = messages[0].at if more else None
        until = after.at if after is not None else None
        notes = await _notes(repository, conversation.parts, since, until)
        passings = _within(await _passings(repository, conversation), since, until)
        entries = [*_spoken(messages, await quoted(repository, conversation, messages, messages)), *notes, *passings]
        entries.sort(key=lambda entry: (entry.at, entry.message.place if entry.message is not None else 0, entry.id))
        return Page(tuple(entries), _cursor(messages[0]) if more else "")

    async def message(self, tenant: str, conversation: Conversation, id: str) -> Message | None:
        """A message of this conversation; None: it has none such."""
        found = await self._store.for_tenant(tenant).get(MESSAGES, id)
        return found if found is not None and found.conversation in conversation.parts else None


def _spoken(messages: Sequence[Message], known: dict[str, Message]) -> Iterable[Entry]:
    originals = {message.again_of for message in messages if message.again_of}
    for message in messages:
        if message.state in UNSAID:
            continue
        answers = known.get(str(message.data.get("replied_to", "")))
        yield Entry(f"m-{message.id}", message.at, message=message, answers=answers, again=message.id in originals)


async def _notes(
    repository: Repository, parts: Sequence[str], since: datetime | None, until: datetime | None
) -> list[Entry]:
    found: list[Note] = []
    for part in parts:
        where = {"conversation": part, "at": Between(since, until)} if since or until else {"conversation": part}
        found += await repository.find(NOTES, where, order_by="at", descending=True, limit=MOST_NOTES)
    return [Entry(f"n-{note.id}", note.at, note=note) for note in found]


async def _passings(repository: Repository, conversation: Conversation) -> list[Entry]:
    """Of all its parts: one that became a part of it keeps what it was."""
    parts = [conversation]
    for id in conversation.merged:
        if (part := await repository.get(CONVERSATIONS, id)) is not None:
            parts += [part]
    return [
        Entry(f"p-{part.id}-{passing.at.isoformat()}", passing.at, passing=passing)
        for part in parts
        for passing in part.passings
    ]


def _within(entries: Iterable[Entry], since: datetime | None, until: datetime | None) -> list[Entry]:
    return [e for e in entries if (since is None or e.at >= since) and (until is None or e.at < until)]


def _cursor(message: Message) -> str:
    return f"{message.at.isoformat()}{_SEPARATOR}{message.id}"


def _of_cursor(cursor: str) -> Message:
    """What stands for the message of a cursor, which may be gone by now: its time and its id say where it was."""
    time, separator, id = cursor.partition(_SEPARATOR)
    try:
        at = datetime.fromisoformat(time)
    except ValueError as err:
        raise BadCursor(f"no cursor of a thread: {cursor[:40]!r}") from err
    if not separator or not id or at.tzinfo is None:
        raise BadCursor(f"no cursor of a thread: {cursor[:40]!r}")
    return replace(_NOWHERE, id=id, at=at)


_NOWHERE = Message(id="", conversation="", direction="inbound", state="received", at=datetime.min.replace(tzinfo=UTC))
