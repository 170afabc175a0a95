"""Two contacts that turn out to be one person: WhatsApp showed a number first and a user id later, and both have written.

Messages stay where they are. One conversation becomes a part of the other, whose turns read both; every name leads to the
one that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from . import consent, core_tasks, leases
from .clock import Clock
from .leases import ConversationGone, Held, LeaseName
from .model import BOT, Contact, Conversation
from .owner import passed_to
from .people import followed
from .records import KEPT, TEMPERATURES, Lead
from .runtime import Runtime
from .scheduling import schedule
from .store import Repository, Store
from .store.collections import CONTACTS, IDENTITIES, LEADS

log = structlog.get_logger(__name__)

PAUSE = timedelta(seconds=2)
"""When to try again while a turn or a lane is at work on one of the two."""
MOST_NAMES = 32
"""More than a person has: numbers, their variants, and a user id for each."""


def names(conversation: Conversation, *more: str) -> tuple[str, ...]:
    """What its contact is called, besides *more*: the newest last."""
    return tuple(dict.fromkeys((*conversation.aliases, conversation.external_id, *more)))[-MOST_NAMES:]


async def merge(
    store: Store, repository: Repository, clock: Clock, runtime: Runtime, one: str, other: str
) -> Conversation | None:
    """Make one of the conversations *one* and *other*: of the two the one that is kept, the older.

    A repetition changes nothing more. None: somebody works on one of them; try again.
    Raises ConversationGone, LeaseLost.
    """
    first, second = await followed(repository, one), await followed(repository, other)
    if first is None or second is None:
        raise ConversationGone(one if first is None else other)
    kept, away = sorted((first, second), key=lambda conversation: (conversation.created_at, conversation.id))
    if kept.id != away.id:
        async with AsyncExitStack() as stack:
            held = await _held(stack, store, repository, clock, runtime, kept.id, "turn")
            going = await _held(stack, store, repository, clock, runtime, away.id, "turn")
            lane = await _held(stack, store, repository, clock, runtime, away.id, "lane")
            if held is None or going is None or lane is None:
                return None
            # First, so that at no moment what is sent under the one name does not know what was said under the other.
            await _tell_of(repository, kept, away.id)
            kept = await _join(store, repository, runtime, held, going)
    gone = {one, other} - {kept.id}
    await _lead(repository, kept, gone)
    # Those that are gone are looked at once more: what they had begun or parked ends, and is the kept one's to answer.
    for id in (*gone, kept.id):
        await store.due.put("turn", runtime.tenant.id, id, store.now())
        # So is what waits in its lane. What the kept one holds until the contact writes: they may have, by the other name.
        await store.due.put("lane", runtime.tenant.id, id, store.now())
    return kept


async def _held(
    stack: AsyncExitStack,
    store: Store,
    repository: Repository,
    clock: Clock,
    runtime: Runtime,
    id: str,
    name: LeaseName,
) -> Held | None:
    seconds = runtime.times.conversation_lease
    held = await leases.acquire(repository, store, clock, id, name, seconds)
    return None if held is None else await stack.enter_async_context(leases.released(held))


async def _join(store: Store, repository: Repository, runtime: Runtime, held: Held, going: Held) -> Conversation:
    """The kept one first: until the other has gone, its messages are read twice and answered once, never lost."""
    now = store.now()

    def taken_in(kept: Conversation) -> Mapping[str, Any]:
        return _taken_in(kept, going.conversation) | (
            passed_to(kept, going.conversation.owner, now, reason=going.conversation.handoff_reason)
            if kept.owner == BOT and going.conversation.owner != BOT
            else {}
        )

    changed = taken_in(held.conversation)
    if changed.get("owner", BOT) != BOT:
        # The way back is on disk before the change; for an epoch that does not come about it is void.
        expected = replace(held.conversation, owner_epoch=changed["owner_epoch"])
        await schedule(repository, runtime.tenant.id, core_tasks.auto_return(runtime.tenant, expected, now), now)
    kept = await held.change(taken_in)
    await going.change(lambda _: {"merged_into": kept.id})
    log.info("contacts_merged", conversation=kept.id, merged=going.conversation.id)
    return kept


def _taken_in(kept: Conversation, away: Conversation) -> dict[str, Any]:
    temperatures = [each for each in TEMPERATURES if each in (kept.temperature, away.temperature)]
    changes: dict[str, Any] = {
        "temperature": temperatures[0] if temperatures else "",
        "again": kept.again or away.again,
        "merged": tuple(dict.fromkeys((*kept.merged, *away.merged, away.id))),
        "aliases": names(kept, *names(away)),
        "inbound_seq": kept.inbound_seq + 1,
        "unanswered_since": _earlier(kept.unanswered_since, away.unanswered_since),
    }
    if away.last_inbound_at is not None and (
        kept.last_inbound_at is None or away.last_inbound_at > kept.last_inbound_at
    ):
        # Replies go to where the contact wrote last.
        for name in ("last_inbound_at", "window_from", "channel", "address", "external_id"):
            changes[name] = getattr(away, name)
    return changes


def _earlier(one: Any, other: Any) -> Any:
    return min((moment for moment in (one, other) if moment is not None), default=None)


async def _lead(repository: Repository, kept: Conversation, gone: set[str]) -> None:
    """Every name of those who are *gone* leads to the contact that is kept, which learns what is known of them."""
    for id in gone:
        for identity in await repository.find(IDENTITIES, {"contact": id}, limit=1000):
            await repository.update(IDENTITIES, identity, contact=kept.contact)
        await _tell_of(repository, kept, id)
        await _join_leads(repository, kept.contact, id)


async def _join_leads(repository: Repository, kept: str, gone: str) -> None:
    """The one lead has what both had. Appointments stay where they are, and are read with the kept one's."""
    while (away := await repository.get(LEADS, gone)) is not None:
        there = await repository.get(LEADS, kept)
        if there is None:
            if not await repository.insert(LEADS, replace(away, id=kept, contact=kept, version=1)):
                continue
        elif await repository.update(LEADS, there, **_joined(there, away)) is None:
            continue
        await repository.delete(LEADS, away)


def _joined(there: Lead, away: Lead) -> dict[str, Any]:
    hotter = min(there.temperature, away.temperature, key=TEMPERATURES.index)
    known = {(each.quote, each.field) for each in there.evidence}
    keys = {each.key for each in there.history}
    evidence = [*there.evidence, *(each for each in away.evidence if (each.quote, each.field) not in known)]
    history = [*there.history, *(each for each in away.history if each.key not in keys)]
    return {
        "temperature": there.temperature if there.pinned else hotter,
        "score": max(there.score, away.score),
        "stage": there.stage or away.stage,
        "owner": there.owner or away.owner,
        "fields": {**away.fields, **there.fields},
        "evidence": tuple(sorted(evidence, key=lambda each: each.at)[-KEPT:]),
        "history": tuple(sorted(history, key=lambda each: each.at)[-KEPT:]),
    }


async def _tell_of(repository: Repository, kept: Conversation, id: str) -> None:
    """The contact that is kept learns what the one called *id* was known by, and what they asked for."""
    known = await repository.get(CONTACTS, id)
    while known is not None and (contact := await repository.get(CONTACTS, kept.contact)) is not None:
        changes = _learnt(contact, known)
        if not changes or await repository.update(CONTACTS, contact, **changes) is not None:
            break
    await consent.inherit(repository, id, kept.contact)


def _learnt(contact: Contact, known: Contact) -> dict[str, Any]:
    changes: dict[str, Any] = {
        name: getattr(known, name)
        for name in ("name", "phone", "language")
        if not getattr(contact, name) and getattr(known, name)
    }
    texts = {memory.text for memory in contact.memories}
    if more := [memory for memory in known.memories if memory.text not in texts]:
        changes["memories"] = tuple(sorted((*contact.memories, *more), key=lambda memory: memory.at))
    if known.opted_out and not contact.opted_out:
        changes |= {"opted_out": True, "opted_out_at": known.opted_out_at, "opted_out_by": known.opted_out_by}
    return changes
