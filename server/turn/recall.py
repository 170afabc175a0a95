"""What a model is told: the tenant, what the plugins add, and the conversation so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from frontdesk.config import TenantConfig

from .. import dispatch
from ..languages import spoken
from ..mind import ModelMessage, ModelRequest, Section
from ..model import Contact, Conversation, Message, Summary, Turn
from ..outbox import again
from ..prompt import MESSAGE_TOKENS, estimated_tokens
from ..runtime import Runtime
from ..store import In, Repository
from ..store.collections import MESSAGES, SUMMARIES, TURNS
from . import trace
from .state import Work
from .tools import core_tools_of
from .words import notes, undelivered, words

HISTORY = 40
"""Messages of the conversation that a model is shown, the unanswered ones included."""
OUTGROWN_MESSAGES = 32
OUTGROWN_TOKENS = MESSAGE_TOKENS * 2 // 3
"""With more than either, the older part is summarised: before anything has to be left out."""
SUMMARIES_SHOWN = 8
HEARD = 20
"""Messages in which is looked for the contact's language."""

# Not `received`: what waits for an answer and is not this turn's gets the next turn's.
SPOKEN = ("queued", "sending", "accepted", "sent", "delivered", "read", "answered")
UNHEARD = (*again.UNDELIVERED, "parked")
"""What a model is told of as not heard; what is withdrawn was never to be said."""


async def history(
    repository: Repository, conversation: str, *, merged: Sequence[str] = (), limit: int = HISTORY
) -> list[Message]:
    """The newest messages, oldest first; with those of the conversations that were *merged* into it."""
    where = {"conversation": In((conversation, *merged)) if merged else conversation}
    newest = await repository.find(MESSAGES, where, order_by="at", descending=True, limit=limit)
    return newest[::-1]


async def turns(repository: Repository, conversation: Conversation, *, limit: int) -> list[Turn]:
    """The newest turns of all its parts, in the order in which they were begun."""
    found: list[Turn] = []
    for part in conversation.parts:
        found += await repository.find(TURNS, {"conversation": part}, order_by="no", descending=True, limit=limit)
    return sorted(found, key=lambda turn: (turn.opened_at, turn.no))[-limit:]


async def language_of(
    repository: Repository, tenant: TenantConfig, conversation: Conversation, contact: Contact
) -> str:
    """The language (BCP 47) of what the core says of its own accord: see `speaks`."""
    if contact.language:
        return contact.language
    newest = await history(repository, conversation.id, merged=conversation.merged, limit=HEARD)
    return speaks(contact, newest, tenant)


def speaks(contact: Contact | None, newest: Sequence[Message], tenant: TenantConfig) -> str:
    """The contact's language if it is known, else the one in which the last of their *newest* messages (oldest first) that
    shows one is written, else the tenant's."""
    texts = [message.text for message in reversed(newest) if message.direction == "inbound"]
    return (contact.language if contact is not None else "") or spoken(texts, tenant.language)


async def summaries_of(repository: Repository, conversation: Conversation) -> list[Summary]:
    """The newest summaries of its parts, oldest first."""
    if conversation.summarised_until is None and not conversation.merged:
        return []
    where = {"conversation": In((conversation.id, *conversation.merged)) if conversation.merged else conversation.id}
    found = await repository.find(SUMMARIES, where, order_by="until", descending=True, limit=SUMMARIES_SHOWN)
    return found[::-1]


def _outgrown(messages: Sequence[ModelMessage]) -> bool:
    tokens = sum(estimated_tokens(message.text) for message in messages)
    return len(messages) > OUTGROWN_MESSAGES or tokens > OUTGROWN_TOKENS


async def request(work: Work) -> ModelRequest:
    """Everything for the next call of a model: history, the unanswered messages, and the exchange of this turn."""
    conversation = work.held.conversation
    said = await history(work.repository, conversation.id, merged=conversation.merged)
    asked, sections = await told(
        work.runtime,
        work.repository,
        conversation,
        work.contact,
        said,
        work.unanswered,
        now=work.store.now(),
        exchange=work.exchange,
        seconds=work.seconds_left(),
    )
    work.outgrown = _outgrown(asked.messages[: len(asked.messages) - len(work.exchange)])
    trace.prompt(work, asked, sections, len(asked.messages) - len(work.unanswered) - len(work.exchange))
    return asked


async def told(
    runtime: Runtime,
    repository: Repository,
    conversation: Conversation,
    contact: Contact,
    said: Sequence[Message],
    unanswered: Sequence[Message],
    *,
    now: datetime,
    exchange: Sequence[ModelMessage] = (),
    seconds: float,
) -> tuple[ModelRequest, list[tuple[str, Section]]]:
    """What a model is told, and the plugins' sections with whose they are.

    :param said: the newest messages, oldest first; what waits and is not among *unanswered* is left out, and so is what
        the conversation's summaries cover.
    """
    waiting = {message.id for message in unanswered}
    summaries = await summaries_of(repository, conversation)
    answered = await quoted(repository, conversation, said, unanswered)
    left_out = waiting.union(*(summary.messages for summary in summaries))
    missed = unheard(said, unanswered)
    before = [as_model_message(m, answered, missed) for m in said if m.id not in left_out and m.state in SPOKEN]
    new = [as_model_message(m, answered, missed) for m in unanswered]
    answers = await dispatch.every(runtime.hook("prompt_section"), conversation=conversation, contact=contact)
    sections = [(plugin, section) for plugin, section in answers if isinstance(section, Section)]
    asked = ModelRequest(
        tenant=runtime.tenant,
        contact=contact,
        now=now.astimezone(runtime.tenant.zone),
        sections=tuple(section for _, section in sections),
        messages=(*before, *new, *exchange),
        summary="\n".join(summary.text for summary in summaries),
        tools=(*(bound.tool.spec for bound in runtime.tools.values()), *core_tools_of(runtime)),
        seconds=min(seconds, runtime.times.think_deadline),
    )
    return asked, sections


async def quoted(
    repository: Repository, conversation: Conversation, said: Sequence[Message], unanswered: Sequence[Message]
) -> dict[str, Message]:
    """The messages that others answer, by the provider's id: those at hand, and what the unanswered ones refer to."""
    known = {message.provider_id: message for message in said if message.provider_id}
    for message in unanswered:
        wanted = str(message.data.get("replied_to", ""))
        if wanted and wanted not in known:
            found = await repository.find(MESSAGES, {"provider_id": wanted}, limit=1)
            known |= {one.provider_id: one for one in found if one.conversation in conversation.parts}
    return known


def unheard(said: Sequence[Message], unanswered: Sequence[Message]) -> dict[str, tuple[str, ...]]:
    """By the contact's message that came next: notes of what was said before it and did not reach them.

    *said*: oldest first. What was said again is told of its repetition.
    """
    said_again = {message.again_of for message in said}
    found: dict[str, tuple[str, ...]] = {}
    missed: list[str] = []
    for message in said:
        if message.direction == "inbound" and missed:
            found[message.id], missed = tuple(missed), []
        elif message.direction == "outbound" and message.state in UNHEARD and message.id not in said_again:
            missed.append(undelivered(message))
    if missed and unanswered:
        found[unanswered[-1].id] = (*found.get(unanswered[-1].id, ()), *missed)
    return found


def as_model_message(
    message: Message,
    quoted: Mapping[str, Message] = MappingProxyType({}),
    missed: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> ModelMessage:
    """A message as a model reads it; *quoted*: those that it may answer, by the provider's id; *missed*: as `unheard`."""
    return ModelMessage(
        role="user" if message.direction == "inbound" else "assistant",
        text=words(message),
        media=message.media,
        at=message.at,
        notes=(*missed.get(message.id, ()), *notes(message, quoted)),
    )
