"""What went wrong at a tenant, by its cause: answers and messages that wait for a person, what did not arrive, failed tasks.

A cause is named by what stays the same: the provider's code, or the sentence without ids, numbers and quotations.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from ..auth import Audit, Principal
from ..model import BOT, Contact, Task, TaskState
from ..outbox.explained import code_of, explained
from ..plugin import CORE
from ..queue import Queue, Wake
from ..registry import PluginType
from ..runtime import TenantPlugins
from ..scheduling import SOON
from ..store import In, Repository, Store
from ..store.collections import CONTACTS, CONVERSATIONS, TASKS, TURNS
from ..store.queries import MAX_IN
from .ownership import NotYours
from .parked import Parked, ParkedDesk
from .syncs import Held, Sync, SyncDesk

MOST = 1000
"""Of each kind are looked at; with more the page says so."""
PAGE = 50
"""Due tasks on a page."""
KEPT = 200
"""Characters of a normalised sentence that tell causes apart."""
LOOKED_AT = 10 * KEPT
"""Characters of a sentence that are looked at: a vendor's answer, or what a contact wrote, may stand in it at any length."""

Kind = Literal["turn", "message", "undelivered", "sent twice", "task", "sync"]
Can = Literal["replay", "dismiss", "retry"]
Cure = Literal[
    "explained",
    "credentials",
    "switched_off",
    "quarantined",
    "slow",
    "crashed",
    "plugin_code",
    "may_have_been_sent",
    "sent_twice",
    "too_late",
    "refused",
    "model",
    "task",
    "sync",
    "other",
]
"""What mends a cause; screens have a sentence for each. `explained`: the cause's own sentence says it."""

_CURES: tuple[tuple[str, Cure], ...] = (
    (r"credential|api key|no key|unauthori[sz]ed|\b401\b|\b403\b", "credentials"),
    (r"switched off after repeated failures", "switched_off"),
    (r"quarantin", "quarantined"),
    (r"deadline|timed? ?out|no answer within", "slow"),
    (r"and never ended|was begun", "crashed"),
    (r"\w+(Error|Exception) at |answered nonsense|ValidationError", "plugin_code"),
    (r"too late", "too_late"),
)
_BY_KIND: Mapping[Kind, Cure] = {
    "turn": "model",
    "message": "may_have_been_sent",
    "undelivered": "refused",
    "sent twice": "sent_twice",
    "task": "task",
    "sync": "sync",
}
_NOISE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"https?://\S+"), "URL"),
    (re.compile(r"“[^”]*”|\"[^\"]*\"|(?<!\w)'[^']*'"), "…"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "#"),
    (re.compile(r"[\w.]{12,}"), lambda found: "#" if any(map(str.isdecimal, found[0])) else found[0]),
    (re.compile(r"[+(]?\d(?:[\d .,:/()-]*\d)?"), "#"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One case of a cause. `id` is the turn's, the message's, the task's or the sync's."""

    id: str
    kind: Kind
    conversation: str
    since: datetime
    reason: str
    channel: str = ""
    about: str = ""
    """Of a task: `plugin/name`; of a sync: the plugin."""
    can: tuple[Can, ...] = ()
    name: str = ""
    """The contact's, as far as it is known."""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Cases with one cause, the newest first."""

    key: str
    kind: Kind
    text: str
    """In a sentence; of a code that the channel knows, its own one in the asked language."""
    code: str
    """The provider's; empty: none."""
    about: str
    cure: Cure
    failures: tuple[Failure, ...]

    @property
    def first(self) -> datetime:
        return self.failures[-1].since

    @property
    def last(self) -> datetime:
        return self.failures[0].since

    @property
    def people(self) -> int:
        """How many conversations it has met."""
        return len({failure.conversation for failure in self.failures if failure.conversation})

    def together(self, can: str) -> tuple[str, ...]:
        """The ids of the cases with which this may be done at once. Of a message that may have been sent a person looks
        first whether it is there: each is replayed by itself."""
        if (self.kind, can) == ("message", "replay"):
            return ()
        return tuple(failure.id for failure in self.failures if can in failure.can)


@dataclass(frozen=True, slots=True)
class Failures:
    """All causes, the one seen last first."""

    causes: tuple[Cause, ...] = ()
    more: bool = False
    """There are more cases than were looked at."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of cases that were to be replayed, dismissed or retried together."""

    done: int = 0
    theirs: tuple[str, ...] = ()
    """Conversations that a person answers: nothing was done there."""
    gone: int = 0
    """Somebody else was quicker."""


class FailureDesk:
    """Of any tenant. Everything may be done twice: the second time changes nothing."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        parked: ParkedDesk,
        declared: Callable[[], Mapping[str, TenantPlugins]],
        audit: Audit,
        syncs: SyncDesk,
    ) -> None:
        self._syncs = syncs
        self._store = store
        self._queue = queue
        self._parked = parked
        self._declared = declared
        self._audit = audit

    async def causes(self, tenant: str, language: str = "en") -> Failures:
        """What is to be seen to now."""
        repository = self._store.for_tenant(tenant)
        found = await self._waiting(repository, tenant)
        tasks = await repository.find(TASKS, {"state": "failed"}, order_by="at", descending=True, limit=MOST)
        now = self._store.now()
        syncs = await self._syncs.in_state(tenant, "failed", limit=MOST)
        held = await self._syncs.held(tenant)
        failures = [*found, *(_of_task(task, now) for task in tasks), *map(_of_sync, syncs), *map(_of_held, held)]
        named = await _named(repository, failures)
        kinds = {kind.name: kind for kind, _ in self._declared()[tenant].plugins}
        groups: dict[str, list[Failure]] = {}
        for failure in sorted(named, key=lambda each: each.since, reverse=True):
            groups.setdefault(key_of(failure), []).append(failure)
        causes = tuple(_cause(key, cases, kinds, language) for key, cases in groups.items())
        return Failures(causes, more=MOST in (len(tasks), len(syncs)) or len(found) >= MOST)

    async def waiting(self, tenant: str, limit: int) -> Sequence[Parked]:
        """What waits for a person, oldest first."""
        return (await self._parked.list(tenant, limit))[:limit]

    async def tasks(self, tenant: str, state: TaskState, *, limit: int, after: Any = None) -> Sequence[Task]:
        """Those in this state, by their time; of waiting ones the next first, of others the last."""
        return await self._store.for_tenant(tenant).find(
            TASKS, {"state": state}, order_by="at", descending=state != "waiting", limit=limit, after=after
        )

    async def count(self, tenant: str) -> int:
        """How many cases there are, at most MOST of each kind."""
        return sum([len(cause.failures) for cause in (await self.causes(tenant)).causes])

    async def of_cause(self, tenant: str, key: str, can: str) -> tuple[str, ...]:
        """The cases of a cause, as they are now, with which this may be done at once; none: it is mended."""
        causes = (await self.causes(tenant)).causes
        return next((cause.together(can) for cause in causes if cause.key == key), ())

    async def replay(self, tenant: str, who: Principal, ids: Iterable[str], *, take: bool = False) -> Done:
        """Answer parked turns after all, and send parked messages again, but where a person answers (unless it is to be
        taken from them: *take*)."""
        done = Done()
        for id in ids:
            try:
                happened = await self._parked.replay(tenant, id, take=take)
            except NotYours:
                done = replace(done, theirs=(*done.theirs, id.partition(".")[0]))
                continue
            if happened:
                await self._audit.wrote(tenant, who, "failure.replayed", id)
            done = _counted(done, happened)
        return done

    async def dismiss(self, tenant: str, who: Principal, ids: Iterable[str]) -> Done:
        """Leave messages and failed tasks as they are, and show them no more."""
        done = Done()
        for id in ids:
            happened = (
                await self._parked.dismiss(tenant, id)
                or await self._drop(tenant, id, "failed")
                or await self._syncs.dismiss(tenant, id)
            )
            if happened:
                await self._audit.wrote(tenant, who, "failure.dismissed", id)
            done = _counted(done, happened)
        return done

    async def retry(self, tenant: str, who: Principal, ids: Iterable[str]) -> Done:
        """Do failed tasks now, with all their attempts before them; push what was not pushed."""
        repository, done = self._store.for_tenant(tenant), Done()
        for id in ids:
            if await self._syncs.again(tenant, who, id):
                done = _counted(done, True)
                continue
            task = await repository.get(TASKS, id)
            now = self._store.now()
            happened = task is not None and task.state == "failed" and "retry" in _of_task(task, now).can
            if task is not None and happened:
                # The row first: without a waiting task it is nothing.
                await self._store.due.put("task", tenant, id, now + SOON)
                changes = {"state": "waiting", "at": now, "attempts": 0, "error": ""}
                happened = await repository.update(TASKS, task, **changes) is not None
                await self._store.due.put("task", tenant, id, now)
                await self._queue.wake(Wake("task", tenant, id))
            if happened:
                await self._audit.wrote(tenant, who, "task.retried", id)
            done = _counted(done, happened)
        return done

    async def due(self, tenant: str, after: str = "", limit: int = PAGE) -> list[Task]:
        """Tasks that wait for their time, the next first; *after*: the id of the last one of the page before."""
        repository = self._store.for_tenant(tenant)
        last: Task | None = None
        if after:
            last = await repository.get(TASKS, after)
        return await repository.find(TASKS, {"state": "waiting"}, order_by="at", limit=limit, after=last)

    async def cancel(self, tenant: str, who: Principal, id: str) -> bool:
        """Have a due task not done. False: it is not due any more, or it is one of the core's own (an erasure, say)."""
        happened = may_be_cancelled(id) and await self._drop(tenant, id, "waiting")
        if happened:
            await self._audit.wrote(tenant, who, "task.cancelled", id)
        return happened

    async def _drop(self, tenant: str, id: str, state: str) -> bool:
        repository = self._store.for_tenant(tenant)
        while (task := await repository.get(TASKS, id)) is not None and task.state == state:
            if await repository.update(TASKS, task, state="cancelled") is not None:
                return True
        return False

    async def _waiting(self, repository: Repository, tenant: str) -> list[Failure]:
        found = await self._parked.list(tenant, MOST)
        again = await _replayed(repository, [each.id for each in found if each.what == "turn"])
        return [
            Failure(
                each.id, _kind(each.what), each.conversation, each.since, each.reason, each.channel, can=_can(each.what)
            )
            for each in found
            if each.id not in again
        ]


def may_be_cancelled(id: str) -> bool:
    """Whether a person may cancel the task with this id: the core's own keep promises, a plugin's are its tenant's."""
    return not id.startswith(f"{CORE}/")


def key_of(failure: Failure) -> str:
    """The same for every case of a cause, whenever and wherever it comes."""
    code = code_of(failure.reason) if failure.channel else ""
    same = code if code.isdigit() else normalised(failure.reason)
    whole = "\0".join((failure.kind, failure.channel, failure.about, same))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def normalised(reason: str) -> str:
    """*reason* without what differs from case to case."""
    reason = reason[:LOOKED_AT]
    for pattern, instead in _NOISE:
        reason = pattern.sub(instead, reason)
    return " ".join(reason.split())[:KEPT]


def _cause(key: str, cases: Sequence[Failure], kinds: Mapping[str, PluginType], language: str) -> Cause:
    newest = cases[0]
    channel = kinds.get(newest.channel)
    told = explained(newest.reason, channel.cls if channel is not None else None, language)
    code = code_of(newest.reason) if newest.channel else ""
    known = told != newest.reason
    if code and (known or code.isdigit()):
        told = told.removeprefix(f"{code}: ")
    else:
        code = ""
    cure: Cure = "explained" if known else _cure(newest)
    return Cause(key, newest.kind, told, code, newest.about, cure, tuple(cases))


def _cure(failure: Failure) -> Cure:
    if failure.kind == "sent twice":
        return "sent_twice"
    for pattern, cure in _CURES:
        if re.search(pattern, failure.reason, re.IGNORECASE):
            return cure
    return _BY_KIND[failure.kind] if failure.reason else "other"


def _kind(what: str) -> Kind:
    kinds: Mapping[str, Kind] = {"turn": "turn", "message": "message", "undelivered": "undelivered"}
    return kinds.get(what, "sent twice")


def _can(what: str) -> tuple[Can, ...]:
    if what == "turn":
        return ("replay",)
    return ("replay", "dismiss") if what == "message" else ("dismiss",)


def _of_task(task: Task, now: datetime) -> Failure:
    late = task.useful_until is not None and task.useful_until <= now
    conversation = task.conversation or str(task.data.get("conversation", ""))
    about = f"{task.plugin}/{task.name}"
    can: tuple[Can, ...] = ("dismiss",) if late else ("retry", "dismiss")
    return Failure(task.id, "task", conversation, task.at, task.error, about=about, can=can)


def _of_sync(sync: Sync) -> Failure:
    return Failure(sync.id, "sync", sync.contact, sync.at, sync.error, about=sync.plugin, can=("retry", "dismiss"))


def _of_held(held: Held) -> Failure:
    return Failure(held.task, "sync", "", held.since, held.reason, about=held.plugin, can=("retry",))


def _counted(done: Done, happened: bool) -> Done:
    return replace(done, done=done.done + 1) if happened else replace(done, gone=done.gone + 1)


async def _replayed(repository: Repository, turns: Sequence[str]) -> set[str]:
    """Those of parked *turns* that the bot is about to take up again."""
    found: set[str] = set()
    for start in range(0, len(turns), MAX_IN):
        page = await repository.find(TURNS, {"id": In(turns[start : start + MAX_IN])}, limit=MAX_IN)
        fresh = {turn.conversation: turn.id for turn in page if turn.parked_times == 0}
        if fresh:
            owned = await repository.find(CONVERSATIONS, {"id": In(tuple(fresh))}, limit=MAX_IN)
            found |= {fresh[conversation.id] for conversation in owned if conversation.owner == BOT}
    return found


async def _named(repository: Repository, failures: Sequence[Failure]) -> list[Failure]:
    known = await people(repository, [failure.conversation for failure in failures])
    return [
        replace(failure, name=contact.name, phone=contact.phone)
        if (contact := known.get(failure.conversation)) is not None
        else failure
        for failure in failures
    ]


async def people(repository: Repository, ids: Iterable[str]) -> dict[str, Contact]:
    """The contacts with these ids, as far as there are any."""
    wanted = list(dict.fromkeys(id for id in ids if id))
    found: dict[str, Contact] = {}
    for start in range(0, len(wanted), MAX_IN):
        page = await repository.find(CONTACTS, {"id": In(wanted[start : start + MAX_IN])}, limit=MAX_IN)
        found |= {contact.id: contact for contact in page}
    return found
