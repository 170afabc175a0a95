"""The core's tool `remember`: what is worth knowing of a contact the next time, kept with their own words."""

from __future__ import annotations

import unicodedata

from ..errors import Refused
from ..mind import ToolCall, ToolSpec
from ..model import BOT, Memory, Message
from ..store.collections import CONTACTS
from .state import Work

MOST = 40
"""Memories of one contact."""
LONGEST = 200
"""Characters of one."""

REMEMBER = ToolSpec(
    name="remember",
    description=(
        "Keep something lasting that the contact has just said of themselves and that helps the next time: whom a visit is "
        "for, how they wish to be addressed, an allergy, a preference. Not what is only of today, and nothing secret such "
        "as passwords, codes or card numbers."
    ),
    schema={
        "type": "object",
        "properties": {
            "what": {"type": "string", "maxLength": LONGEST, "description": "What to know, in one short sentence."},
            "quote": {
                "type": "string",
                "description": "The contact's own words for it, copied from their new message.",
            },
        },
        "required": ["what", "quote"],
        "additionalProperties": False,
    },
)


async def remember(work: Work, call: ToolCall) -> str:
    """Keep it, once; what the model is told. Raises Refused if the contact has not said so."""
    what = " ".join(str(call.arguments.get("what", "")).split())
    quote = " ".join(str(call.arguments.get("quote", "")).split())
    if not what or len(what) > LONGEST:
        raise Refused(f"`what` is one sentence of at most {LONGEST} characters")
    source = _source(work.unanswered, quote)
    if source is None:
        raise Refused("`quote` must be copied from what the contact has just written; only what they said is kept")
    memory = Memory(text=what, quote=quote[:LONGEST], message=source.id, author=BOT, at=work.store.now())
    while (contact := await work.repository.get(CONTACTS, work.contact.id)) is not None:
        if any(_plain(known.text) == _plain(what) for known in contact.memories):
            return "It is known already."
        if len(contact.memories) >= MOST:
            raise Refused(f"there is no room: {MOST} things are known of this contact")
        changed = await work.repository.update(CONTACTS, contact, memories=(*contact.memories, memory))
        if changed is not None:
            work.contact = changed
            return "It is kept."
    raise Refused("the contact has been erased")


def _source(messages: list[Message], quote: str) -> Message | None:
    """The newest of the contact's messages that holds the quote."""
    wanted = _plain(quote)
    return next((each for each in reversed(messages) if wanted and wanted in _plain(each.text)), None)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
