"""What somebody needs to know who takes a conversation over: told from what is stored, without a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..model import Conversation, Message
from ..store import Repository, Store
from ..store.collections import MESSAGES
from ..turn.recall import summaries_of, turns

TURNS_BACK = 10
DEEDS = 5
QUESTIONS = 5


@dataclass(frozen=True, slots=True)
class ToldDeed:
    """Something the bot did in the world."""

    turn: int
    conversation: str
    """The part whose turn it was."""
    tool: str
    sentence: str
    """Of the tool, else what the model was told."""
    state: str
    """`done`, `failed`, or `intended`: nobody knows."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Brief:
    """A conversation in short."""

    summary: str
    """Of what is older than the newest messages; empty: there is none."""
    reason: str
    """Why a person was called; empty: none was."""
    questions: tuple[Message, ...]
    """What the contact wrote that nobody has answered, oldest first."""
    deeds: tuple[ToldDeed, ...]
    """The newest first."""

    @property
    def says_something(self) -> bool:
        return bool(self.summary or self.reason or self.questions or self.deeds)


async def brief(store: Store, tenant: str, conversation: Conversation) -> Brief:
    """*conversation* in short, as it is now."""
    repository = store.for_tenant(tenant)
    summaries = await summaries_of(repository, conversation)
    return Brief(
        summary="\n".join(summary.text for summary in summaries),
        reason=conversation.handoff_reason,
        questions=await _questions(repository, conversation),
        deeds=await _deeds(repository, conversation),
    )


async def _questions(repository: Repository, conversation: Conversation) -> tuple[Message, ...]:
    found: list[Message] = []
    for part in conversation.parts:
        where = {"conversation": part, "direction": "inbound", "state": "received"}
        found += await repository.find(MESSAGES, where, order_by="at", descending=True, limit=QUESTIONS)
    return tuple(sorted(found, key=lambda message: message.at)[-QUESTIONS:])


async def _deeds(repository: Repository, conversation: Conversation) -> tuple[ToldDeed, ...]:
    newest = await turns(repository, conversation, limit=TURNS_BACK)
    told = [
        ToldDeed(turn.no, turn.conversation, deed.tool, deed.sentence or deed.result, deed.state, turn.opened_at)
        for turn in reversed(newest)
        for deed in reversed(turn.deeds)
    ]
    return tuple(told[:DEEDS])
