"""Working on a conversation's due row: its tenant running, its lease held, and what becomes of the row if either fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

import structlog

from . import leases
from .clock import Clock
from .leases import ConversationGone, Held, LeaseLost
from .model import Due
from .recent import Recent
from .runtime import Runtime, Runtimes, UnknownTenant
from .store import Repository, Store
from .work import SUSPENDED_PAUSE, Again, Finished, Outcome, Taken

log = structlog.get_logger(__name__)

Work = Callable[[Runtime, Repository, Held], Awaitable[Outcome]]
Room = Literal["turn", "outbox"]
_LEASES: dict[Room, leases.LeaseName] = {"turn": "turn", "outbox": "lane"}


async def work_on(
    due: Due, room: Room, work: Work, *, store: Store, runtimes: Runtimes, clock: Clock, recent: Recent
) -> Outcome:
    """Do *work* on the conversation `due.ref` under the lease of *room*, renewed while it lasts and released after it.

    Taken: somebody else holds it.
    """
    try:
        async with runtimes.use(due.tenant) as runtime:
            with structlog.contextvars.bound_contextvars(tenant=due.tenant, conversation=due.ref):
                return await _held(due, room, work, store, runtime, clock, recent)
    except UnknownTenant:
        return Again(store.now() + SUSPENDED_PAUSE)
    except ConversationGone:
        return Finished()
    except LeaseLost:
        log.warning("lease_lost", room=room)
        return Taken()


async def _held(
    due: Due, room: Room, work: Work, store: Store, runtime: Runtime, clock: Clock, recent: Recent
) -> Outcome:
    repository = store.for_tenant(due.tenant)
    seconds = runtime.times.conversation_lease
    held = await leases.acquire(
        repository,
        store,
        clock,
        due.ref,
        _LEASES[room],
        seconds,
        known=recent.get(due.tenant, due.ref),
        saw=partial(recent.saw, due.tenant),
    )
    if held is None:
        return Taken()
    if held.conversation.erased_at is not None:
        await held.release()
        return Finished()
    async with held.renewed():
        outcome = await work(runtime, repository, held)
    await held.release()
    return outcome
