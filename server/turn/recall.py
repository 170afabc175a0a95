"""What a model is told: the tenant, what the plugins add, and the conversation so far."""

from __future__ import annotations

from .. import dispatch
from ..mind import ModelMessage, ModelRequest, Section, ToolSpec
from ..model import Message
from ..store import Repository
from ..store.collections import MESSAGES
from . import trace
from .state import Work
from .tools import CALL_A_PERSON

HISTORY = 40
"""Messages of the conversation that a model is shown, the unanswered ones included."""

# Not `received`: what waits for an answer and is not this turn's gets the next turn's.
_SPOKEN = ("queued", "sending", "accepted", "sent", "delivered", "read", "answered")


async def history(repository: Repository, conversation: str, *, limit: int = HISTORY) -> list[Message]:
    """The newest messages, oldest first."""
    newest = await repository.find(
        MESSAGES, {"conversation": conversation}, order_by="at", descending=True, limit=limit
    )
    return newest[::-1]


async def request(work: Work) -> ModelRequest:
    """Everything for the next call of a model: history, the unanswered messages, and the exchange of this turn."""
    unanswered = {message.id for message in work.unanswered}
    said = await history(work.repository, work.held.conversation.id)
    before = [as_model_message(m) for m in said if m.id not in unanswered and m.state in _SPOKEN]
    now = [as_model_message(m) for m in work.unanswered]
    sections = await dispatch.every(
        work.runtime.hook("prompt_section"), conversation=work.held.conversation, contact=work.contact
    )
    answered = [(plugin, section) for plugin, section in sections if isinstance(section, Section)]
    request = ModelRequest(
        tenant=work.runtime.tenant,
        contact=work.contact,
        now=work.store.now().astimezone(work.runtime.tenant.zone),
        sections=tuple(section for _, section in answered),
        messages=tuple(before + now + work.exchange),
        tools=_tools(work),
        seconds=min(work.seconds_left(), work.runtime.times.think_deadline),
    )
    trace.prompt(work, request, answered, len(before))
    return request


def _tools(work: Work) -> tuple[ToolSpec, ...]:
    return (*(bound.tool.spec for bound in work.runtime.tools.values()), CALL_A_PERSON)


def as_model_message(message: Message) -> ModelMessage:
    """A message as a model reads it. What is no text is described in brackets, by us, in English."""
    role = "user" if message.direction == "inbound" else "assistant"
    return ModelMessage(role=role, text=_words(message), media=message.media, at=message.at)  # type: ignore[arg-type]


def _words(message: Message) -> str:
    if message.direction == "outbound":
        return message.text
    match message.kind:
        case "text" | "button":
            return message.text
        case "voice" if message.text:
            return message.text
        case "location":
            data = message.data
            return f"[location: {data.get('label') or ''} {data.get('latitude')}, {data.get('longitude')}]"
        case kind:
            described = "voice note" if kind == "voice" else kind
            readable = all(item.key for item in message.media) and message.media
            state = "" if readable and kind == "image" else ", could not be understood"
            return f"[{described}{state}] {message.text}".strip()
