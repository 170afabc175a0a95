"""The contents that were made for choices: the same one is made once, and one that nobody needs for a while is deleted.

Each has a document, by the name that it has at Twilio, too: `{"sid", "used"}`, the day of its last use. The document is
there before the content, and goes after it, so that a crash leaves nothing at Twilio that is not found by its name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Protocol

from .client import TwilioRest

COLLECTION = "contents"
TASK = "delete_choices"
PAGE = 100
WORK_SECONDS = 5.0
"""How long one run deletes (the hook has 10 s); the next one goes on."""

Rest = Callable[[Callable[[TwilioRest], Awaitable[Any]]], Awaitable[Any]]
"""Does something with the account's client."""


class Documents(Protocol):
    """What is asked of the plugin's store here."""

    async def get(self, collection: str, key: str) -> dict[str, Any] | None: ...
    async def put(self, collection: str, key: str, data: Mapping[str, Any]) -> None: ...
    async def delete(self, collection: str, key: str) -> bool: ...
    async def list(self, collection: str, *, after: str = "", limit: int = 100) -> list[tuple[str, dict[str, Any]]]: ...


class Tasks(Protocol):
    """What is asked of the plugin's tasks here."""

    async def schedule(self, name: str, key: str, at: datetime) -> bool: ...


class Clock(Protocol):
    """What is asked of the clock here."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...


class KeptContents:
    """Those of one tenant. *days*: how long one is kept after its last use."""

    def __init__(self, documents: Documents, tasks: Tasks, clock: Clock, rest: Rest, days: int) -> None:
        self._documents = documents
        self._tasks = tasks
        self._clock = clock
        self._rest = rest
        self._days = days

    async def sid_of(self, content: dict[str, Any]) -> str:
        """The ContentSid of the request's body *content*, made if there is none. Raises what the REST API raises."""
        name, today = content["friendly_name"], self._today()
        known = await self._documents.get(COLLECTION, name) or {}
        sid = str(known.get("sid", ""))
        if sid and known.get("used") == today.isoformat():
            return sid
        # Once a day: the task that will find it unused, then the name under which it is found.
        at = datetime.combine(today + timedelta(days=self._days + 1), time(), UTC)
        await self._tasks.schedule(TASK, at.date().isoformat(), at)
        await self._put(name, sid, today)
        if not sid:
            sid = await self._rest(lambda rest: rest.create_content(content))
            await self._put(name, sid, today)
        return sid

    async def is_gone(self, content: dict[str, Any]) -> None:
        """Twilio does not have it any more: it is to be made anew."""
        await self._put(content["friendly_name"], "", self._today())

    async def delete_unused(self) -> None:
        """Delete, at Twilio and here, what was last used more than *days* ago. Doing this twice is doing it once."""
        unused = await self._unused()
        if not unused:
            return
        ends = self._clock.monotonic() + WORK_SECONDS
        # By name as well: of one that was made twice, or just before a crash, only Twilio knows the SID.
        listed = await self._rest(lambda rest: rest.contents_called(frozenset(unused)))
        for number, (name, known) in enumerate(unused.items()):
            if self._clock.monotonic() > ends:
                now = self._clock.now()
                await self._tasks.schedule(TASK, f"{now.isoformat()} {len(unused) - number} more", now)
                return
            for sid in {*listed.get(name, ()), *_sids(known)}:
                await self._rest(partial(TwilioRest.delete_content, content_sid=sid))
            if await self._documents.get(COLLECTION, name) == known:
                await self._documents.delete(COLLECTION, name)

    async def _unused(self) -> dict[str, dict[str, Any]]:
        """Name → document."""
        oldest = (self._today() - timedelta(days=self._days)).isoformat()
        found: dict[str, dict[str, Any]] = {}
        after = ""
        while page := await self._documents.list(COLLECTION, after=after, limit=PAGE):
            found |= {name: known for name, known in page if str(known.get("used", "")) < oldest}
            after = page[-1][0]
        return found

    async def _put(self, name: str, sid: str, used: date) -> None:
        await self._documents.put(COLLECTION, name, {"sid": sid, "used": used.isoformat()})

    def _today(self) -> date:
        return self._clock.now().astimezone(UTC).date()


def _sids(known: Mapping[str, Any]) -> Iterator[str]:
    if sid := known.get("sid"):
        yield str(sid)
