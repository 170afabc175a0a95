"""The core's tool `answer_by`: the contact says whether they want to be answered by voice or in text."""

from __future__ import annotations

from ..errors import Refused
from ..mind import ToolCall, ToolSpec
from ..speech import WISHES
from ..store.collections import CONTACTS
from .state import Work

ANSWER_BY = ToolSpec(
    name="answer_by",
    description=(
        "Keep how the contact wants to be answered from now on, when they ask for it: by voice messages, in text, or in "
        "kind (a voice message by voice, a text in text). Your answer is plain text in any case; it is spoken for you."
    ),
    schema={
        "type": "object",
        "properties": {"how": {"type": "string", "enum": list(WISHES)}},
        "required": ["how"],
        "additionalProperties": False,
    },
)


async def answer_by(work: Work, call: ToolCall) -> str:
    """Keep it; what the model is told. Raises Refused for anything that is no wish."""
    how = call.arguments.get("how")
    if how not in WISHES:
        raise Refused(f"`how` is one of {', '.join(WISHES)}")
    while (contact := await work.repository.get(CONTACTS, work.contact.id)) is not None:
        changed = await work.repository.update(CONTACTS, contact, answers=how)
        if changed is not None:
            work.contact = changed
            return "It is kept, and counts from this answer on."
    raise Refused("the contact has been erased")
