"""Whether a contact may be written to: what they asked for in a word, what the provider said in their name, and the ledger.

The ledger (`consents`) is the truth and is only ever added to; `opted_out…` of a contact is made from it, by anyone, any
number of times. The outbox asks before every attempt (outbox/gates.py).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import structlog

from frontdesk.config import OptOut

from .consent_words import START, STOP
from .model import Consent, Contact, Message
from .store import Repository
from .store.collections import CONSENTS, CONTACTS

log = structlog.get_logger(__name__)

Word = Literal["stop", "start"]
LONGEST = 40
"""Characters of the longest message that is looked up; the longest word has fewer."""
EMOJI_STYLE = "\ufe0f"
"""Asks for the coloured form of the character before it; counts as a mark of a letter."""
AFTER = timedelta(milliseconds=1)
"""Nothing was written after the word before this has passed: times are whole milliseconds."""


def word_of(text: str, opt_out: OptOut) -> Word | None:
    """What a message asks for that consists of nothing but a word for it, in any case, with or without marks around it."""
    if not text or len(text) > LONGEST:
        return None
    bare = _bare(text)
    if bare in STOP or bare in _own(opt_out.stop_words):
        return "stop"
    return "start" if bare in START or bare in _own(opt_out.start_words) else None


@lru_cache(maxsize=1024)
def _own(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_bare, words))


def _bare(text: str) -> str:
    """Folded, without what people put around a word: stops, quotation marks, emoji, white space."""
    folded = unicodedata.normalize("NFC", text.casefold())
    kept = "".join(char if unicodedata.category(char)[0] in "LMN" and char != EMOJI_STYLE else " " for char in folded)
    return " ".join(kept.split())


async def take(repository: Repository, id: str, message: Message, opt_out: OptOut, channel: str) -> Word | None:
    """Do what an inbound message of contact *id* asks for, if it is such a word; entry and contact are written then.

    A word to start from somebody who may be written to is a word like any other. Doing this twice is doing it once.
    """
    word = word_of(message.text, opt_out)
    if word is None or message.media:
        return None
    contact = await repository.get(CONTACTS, id)
    if contact is None or contact.kind == "staff":
        return None
    if await repository.get(CONSENTS, message.id) is None:
        if word == "start" and not contact.opted_out:
            return None
        entry = Consent(
            id=message.id,
            contact=contact.id,
            by="contact",
            what=word,
            at=await _since(repository, contact.id, message),
            channel=channel,
            message=message.id,
            text=message.text,
        )
        await repository.insert(CONSENTS, entry)
        log.info("consent_changed", conversation=contact.id, what=word)
    await _follow_ledger(repository, contact.id)
    return word


async def _since(repository: Repository, id: str, message: Message) -> datetime:
    """From when a word counts: from when it came, but one that came late (services/catch_up.py) undoes no later one."""
    if message.written_at == message.at:
        return message.at
    newest = await _newest(repository, id, "contact")
    return message.written_at if newest is not None and message.written_at < newest.at < message.at else message.at


async def refused(repository: Repository, id: str, message: Message, channel: str, code: str) -> None:
    """The provider refused an outbound *message* because contact *id* wants no more, or has blocked the sender.

    What they wrote after the attempt counts as wanting more. Doing this twice is doing it once.
    """
    entry = Consent(
        id=f"{message.id}.refused",
        contact=id,
        by="provider",
        what="refused",
        at=message.intent_at or message.at,
        channel=channel,
        message=message.id,
        text=code,
    )
    if await repository.insert(CONSENTS, entry):
        log.info("consent_changed", conversation=id, what="refused", code=code)
    await _follow_ledger(repository, id)


async def inherit(repository: Repository, known: str, id: str) -> None:
    """Contact *known* turned out to be contact *id*: what they said last under either name counts."""
    entries = [await _newest(repository, known, by) for by in ("contact", "provider", "operator")]
    for entry in entries:
        if entry is not None:
            await repository.insert(CONSENTS, replace(entry, id=f"{entry.id}.{id}"[:200], version=1, contact=id))
    if any(entries):
        await _follow_ledger(repository, id)


async def by_hand(repository: Repository, id: str, word: Word, operator: str, channel: str, now: datetime) -> bool:
    """An operator says for contact *id* that they want no more messages, or takes that back; False: nothing was changed.

    Only what an operator has set can an operator take back: a stop of the contact's own, and a refusal by the provider, ends
    by what the contact writes.
    """
    contact = await repository.get(CONTACTS, id)
    if contact is None or word not in may_be_set(contact):
        return False
    key = f"{id}.{now.isoformat()}.{word}"
    entry = Consent(id=key, contact=id, by="operator", what=word, at=now, channel=channel, message="", text=operator)
    if not await repository.insert(CONSENTS, entry):
        return False
    log.info("consent_changed", conversation=id, what=word, by="operator")
    await _follow_ledger(repository, id)
    return True


def may_be_set(contact: Contact) -> tuple[Word, ...]:
    """What an operator may say for *contact* now."""
    if not contact.opted_out:
        return ("stop",)
    return ("start",) if contact.opted_out_by == "" else ()


async def _follow_ledger(repository: Repository, id: str) -> None:
    own = await _newest(repository, id, "contact")
    told = await _newest(repository, id, "provider")
    hand = await _newest(repository, id, "operator")
    while (contact := await repository.get(CONTACTS, id)) is not None:
        changes = standing(contact, own, told, hand)
        if all(getattr(contact, name) == value for name, value in changes.items()):
            return
        if await repository.update(CONTACTS, contact, **changes) is not None:
            return


async def _newest(repository: Repository, contact: str, by: str) -> Consent | None:
    where = {"contact": contact, "by": by}
    found = await repository.find(CONSENTS, where, order_by="at", descending=True, limit=1)
    return found[0] if found else None


def standing(
    contact: Contact, own: Consent | None, told: Consent | None, hand: Consent | None = None
) -> dict[str, Any]:
    """What the newest entries by the contact (*own*), the provider (*told*) and an operator (*hand*) make of *contact*;
    nothing: as it is."""
    later = told is not None and (own is None or told.at > own.at)
    if own is not None and own.what == "stop":
        since = told.at if later and told is not None else own.at + AFTER
        again = contact.opted_out and contact.opted_out_by == "stop"
        farewell = contact.farewell if again else confirmation_id(own.message)
        return {"opted_out": True, "opted_out_at": since, "opted_out_by": "stop", "farewell": farewell}
    if hand is not None and hand.what == "stop" and (own is None or own.at < hand.at):
        return {"opted_out": True, "opted_out_at": None, "opted_out_by": "", "farewell": ""}
    if later and told is not None:
        if contact.opted_out and contact.opted_out_at is None and hand is None:
            return {}  # by hand, which only the contact's own word takes back
        return {"opted_out": True, "opted_out_at": told.at, "opted_out_by": "provider", "farewell": ""}
    if own is None and hand is None:
        return {}
    return {"opted_out": False, "opted_out_at": None, "opted_out_by": "", "farewell": ""}


def confirmation_id(message: str) -> str:
    """The id of the one message that confirms the word in the inbound *message*."""
    return f"{message}.consent"


def may_go(message: Message, contact: Contact, last_inbound_at: datetime | None) -> bool:
    """Whether consent lets an outbound *message* go.

    To who said stop goes the confirmation of it, and answers to what they have written since, but nothing first: that takes
    their word to start. Who has written since the provider refused a message may be written to.
    """
    if not contact.opted_out or message.id == contact.farewell:
        return True
    since = contact.opted_out_at
    if since is None or last_inbound_at is None or last_inbound_at < since:
        return False
    if contact.opted_out_by != "stop":
        return True
    return message.at >= since and not message.author.startswith("plugin:")


def unanswerable(messages: Sequence[Message], contact: Contact, words: Sequence[str]) -> list[Message]:
    """Those of the waiting *messages* that no turn is to answer: the *words* (ids), and what was written before a stop."""
    since = contact.opted_out_at if contact.opted_out and contact.opted_out_by == "stop" else None
    return [message for message in messages if message.id in words or (since is not None and message.at < since)]
