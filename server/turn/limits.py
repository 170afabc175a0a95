"""Looks, before a model is asked, whether the bot should go on answering: against loops between programs, abuse, and
conversations without an end.

What one contact got is counted by the conversation's turns: their numbers are without a gap, so that the one so many turns
ago tells how long they took, and no counter is kept. What all contacts of a tenant get is a ceiling that all processes keep
together.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from frontdesk.config import TenantConfig

from .. import alerts
from ..budget.limits import Ceiling, NotBefore
from ..budget.service import Budgets
from ..model import Conversation, Message
from ..store import StoreError
from ..store.collections import TURNS
from .recall import history
from .state import Work

TELLING = 12
"""Letters that words have at the least that an automatic reply would have: `ok` may be said any number of times."""


class TooMuch(Exception):
    """The bot answers no further for now; says why, for the operator."""


async def look(work: Work, budgets: Budgets) -> None:
    """Raises TooMuch. A turn that has done something already is not looked at: it has to be closed."""
    if work.turn.deeds:
        return
    await _of_contact(work)
    await _same_words(work)
    if work.turn.attempts == 1:
        await _of_tenant(work, budgets)


async def _of_contact(work: Work) -> None:
    limits = work.runtime.tenant.limits
    for most, span, told in (
        (limits.answers_in_two_minutes, timedelta(minutes=2), "two minutes"),
        (limits.answers_in_an_hour, timedelta(hours=1), "an hour"),
        (limits.answers_in_a_day, timedelta(days=1), "a day"),
    ):
        if work.turn.no <= most:
            continue
        earlier = await work.repository.get(TURNS, f"{work.turn.conversation}.{work.turn.no - most}")
        if earlier is None or _since_a_person(work, earlier.opened_at):
            continue
        if work.store.now() - earlier.opened_at < span:
            raise TooMuch(
                f"the contact got {most} answers within {told}: a program may be writing, or somebody in need"
            )


def _since_a_person(work: Work, at: datetime) -> bool:
    """A person has looked since: what was before counts no more."""
    conversation: Conversation = work.held.conversation
    looked = conversation.last_human_at
    return looked is not None and looked > at


async def _same_words(work: Work) -> None:
    most = work.runtime.tenant.limits.same_words
    words = _plain(work.unanswered[-1].text) if work.unanswered else ""
    conversation = work.held.conversation
    if (work.turn.no < most and not conversation.merged) or len(words) < TELLING:
        return
    said = await history(work.repository, conversation.id, merged=conversation.merged, limit=3 * most)
    if _in_a_row(said, words, conversation.last_human_at) >= most:
        raise TooMuch(f"the contact wrote the same words {most} times in a row: it may be an automatic reply")


def _in_a_row(said: Sequence[Message], words: str, since: datetime | None) -> int:
    """How often the newest inbound messages, each after an answer, were these words."""
    count, answered = 0, True
    for message in reversed(said):
        if since is not None and message.at <= since:
            break
        if message.direction == "outbound":
            answered = True
        elif _plain(message.text) != words:
            break
        elif answered:
            count, answered = count + 1, False
    return count


async def _of_tenant(work: Work, budgets: Budgets) -> None:
    tenant = work.runtime.tenant
    if tenant.limits.tenant_answers_per_day is None:
        return
    limit = Ceiling(tenant.limits.tenant_answers_per_day, *_today(tenant, work.store.now()))
    try:
        reserved = await budgets.reserve(tenant.id, "answers", limit)
    except StoreError:
        return  # the turn finds out by itself whether the store is away
    if isinstance(reserved, NotBefore):
        title = "The limit of answers is reached"
        text = (
            f"limits.tenant_answers_per_day ({limit.amount}) is reached: until midnight people answer every contact. "
            "Raise it if that is too early"
        )
        case = {"case": work.turn.id, "conversation": work.turn.conversation}
        await alerts.alert(work.runtime, work.repository, work.store, title, text, **case)
        raise TooMuch("the tenant's limit of answers for today is reached")
    budgets.settle(reserved, 1)


def _today(tenant: TenantConfig, now: datetime) -> tuple[datetime, datetime]:
    local = now.astimezone(tenant.zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
