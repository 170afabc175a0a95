"""What the provider took and then did not deliver is said once more, where it says that this may help.

It is a message of its own, at the end of the lane: the callbacks of the first keep finding the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from ..channel import StatusUpdate
from ..clock import milliseconds
from ..leases import ConversationGone
from ..model import Message
from ..store import In, Repository, Store
from ..store.collections import MESSAGES
from ..store.queries import MAX_IN
from .put import put
from .record import RANK

log = structlog.get_logger(__name__)

UNDELIVERED = ("failed", "expired")
ARRIVED = ("delivered", "read")
_MAY_HAVE_GONE = ("sending", "parked", "accepted", "sent", *ARRIVED)


async def say(repository: Repository, store: Store, tenant: str, message: Message, update: StatusUpdate) -> str | None:
    """Put *message* into its lane once more, if *update* is news and asks for it; the new message's id.

    None: it is not said again, because the update is no such failure, because it was said again before, because it would
    come too late to be of use, or because its contact is being erased. Doing this twice is doing it once.
    """
    if update.again_after is None or not _is_news(message, update) or message.again_of:
        return None
    at = milliseconds(store.now() + timedelta(seconds=update.again_after))
    if message.useful_until is not None and at >= message.useful_until:
        return None
    repeated = replace(anew(message, store.now()), not_before=at)
    try:
        repeated, new = await put(repository, store, tenant, repeated)
    except ConversationGone:
        return None
    if new:
        log.info("said_again", tenant=tenant, message=repeated.id, after=update.again_after, reason=update.code)
    return repeated.id


def anew(message: Message, now: datetime) -> Message:
    """What says *message* again, not in its lane yet."""
    return replace(
        message,
        id=_id(message),
        version=1,
        again_of=message.id,
        state="queued",
        place=0,
        at=now,
        provider_id="",
        attempts=0,
        not_before=None,
        intent_at=None,
        route=None,
        settles_at=None,
        reconciled=0,
        accepted_at=None,
        error="",
        possible_duplicate=False,
    )


async def take_back(repository: Repository, message: Message) -> None:
    """*message* has arrived after all: what would say it again is withdrawn, or counted as sent twice."""
    while (repeated := await repository.get(MESSAGES, _id(message))) is not None:
        changes: dict[str, object]
        if repeated.state == "queued":
            changes = {"state": "withdrawn", "error": "the first attempt arrived after all"}
        elif repeated.state in _MAY_HAVE_GONE and not repeated.possible_duplicate and not repeated.dismissed:
            changes = {"possible_duplicate": True}
        else:
            return
        if await repository.update(MESSAGES, repeated, **changes) is not None:
            return


async def unheard(repository: Repository, ended: Sequence[Message]) -> list[Message]:
    """Those of messages that *ended* undelivered (at most MAX_IN) that are to be seen to: not said again, not dismissed."""
    repeated = await repository.find(MESSAGES, {"id": In(tuple(map(_id, ended)))}, limit=MAX_IN) if ended else []
    originals = {message.again_of for message in repeated}
    return [message for message in ended if not message.dismissed and message.id not in originals]


def _id(message: Message) -> str:
    return f"{message.id}.again"


def _is_news(message: Message, update: StatusUpdate) -> bool:
    return message.provider_id in ("", update.provider_id) and RANK[update.state] > RANK.get(message.state, 0)
