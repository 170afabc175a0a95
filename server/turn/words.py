"""What a message says to a model: in its own words where it has some, else described in brackets, by us, in English."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..choices import choices_of, numbered
from ..model import Message

SEEN = frozenset({"image", "sticker"})
"""Kinds that a model can be shown; how many, and whether it sees, its plugin knows."""
LONGEST = 200
"""Characters of anything quoted in a note."""
_DESCRIBED = {"voice": "voice note", "other": "message"}
_AS_A_NOTE = re.compile(r"^(\s*)\[", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_ -]{0,29}")


def words(message: Message) -> str:
    """What was said, or what there is to see. No line of a contact's begins as a note of ours does, with a bracket."""
    if message.direction == "outbound":
        return numbered(message.text, choices_of(message.data))
    said = _AS_A_NOTE.sub(r"\1(", message.text)
    if message.kind in ("text", "button", "template") or (message.kind == "voice" and said):
        return said
    return f"[{_described(message)}] {said}".strip()


def notes(message: Message, quoted: Mapping[str, Message]) -> tuple[str, ...]:
    """What a contact's message refers to and where it comes from, one short line each.

    :param quoted: messages by the provider's id, as far as they are known.
    """
    if message.direction == "outbound":
        return ()
    data = message.data
    found = [_reply(message, quoted.get(str(data["replied_to"])))] if data.get("replied_to") else []
    if message.kind == "button":
        found += _chosen(message)
        found += [f"done, and they are told: {_quoted(str(data['told']))}"] if data.get("told") else []
    if message.kind == "voice" and message.text:
        found.append("a voice note, as it was understood")
    if data.get("sent_at"):
        found.append(f"came late: it was written at {_line(str(data['sent_at']))}")
    if data.get("forwarded"):
        found.append("forwarded from somebody else")
    if referral := data.get("referral"):
        found.append(_referral(referral))
    return tuple(found)


def undelivered(message: Message) -> str:
    """A note for what was said and did not reach the contact, or may not have (parked)."""
    what = "what was written to them before this"
    reached = "may not have reached them" if message.state == "parked" else "did not reach them"
    said = words(message)
    return f"{what} {reached}: {_quoted(said)}" if said else f"{what} {reached}"


def _described(message: Message) -> str:
    data = message.data
    match message.kind:
        case "location":
            names = ", ".join(_line(str(data[key])) for key in ("label", "address") if data.get(key))
            if data.get("latitude") is None:
                return f"location: {names}" if names else "location, could not be understood"
            return f"location: {names} {data['latitude']}, {data['longitude']}".replace("  ", " ")
        case "other" if isinstance(data.get("answers"), Mapping):
            return "answers in a form: " + "; ".join(
                f"{_line(key)}: {_line(told)}" for key, told in data["answers"].items()
            )
        case "other" if data.get("contacts"):
            return "contact card: " + "; ".join(_card(card) for card in data["contacts"])
        case kind:
            described = _DESCRIBED.get(kind, kind)
            if kind in SEEN and message.media and all(item.key for item in message.media):
                return described
            if kind == "other" and data.get("type") == "contacts":
                described = "contact card"
            elif kind == "other" and _PLAIN.fullmatch(named := str(data.get("type", ""))):
                described = f"{described} of the kind {named}"
            # Why not, and that the contact has been told so, in case it is not the only message (turn/engine.py).
            told = f" ({data['unheard']}); the contact is being told so" if data.get("unheard") else ""
            return f"{described}{_files(message)}, could not be understood{told}"


def _files(message: Message) -> str:
    """The types of documents: an answer may say what cannot be read."""
    types = {item.content_type for item in message.media if item.key and item.content_type}
    return f" ({', '.join(sorted(types))})" if message.kind == "document" and types else ""


def _card(card: Mapping[str, Any]) -> str:
    parts = [card.get("name", ""), card.get("organisation", ""), *card.get("phones", ()), *card.get("emails", ())]
    return ", ".join(_line(str(part)) for part in parts if part)


def _reply(message: Message, quoted: Message | None) -> str:
    if quoted is None:
        return "answers an older message, which is not here any more"
    whose = "an own message" if quoted.direction == "inbound" else "your message"
    said = words(quoted)
    return f"answers {whose}: {_quoted(said)}" if said else f"answers {whose}"


def _chosen(message: Message) -> Sequence[str]:
    # An id or a line that is the title again tells nothing.
    data = {key: value for key, value in message.data.items() if value != message.text}
    told = [f"{name} {_quoted(str(data[key]))}" for key, name in _CHOICE.items() if data.get(key)]
    return [f"chosen by a tap: {', '.join(told)}"] if told else ["chosen by a tap"]


_CHOICE = {"payload": "id", "description": "with the line"}


def _referral(referral: Mapping[str, Any]) -> str:
    told = [str(referral[key]) for key in ("Headline", "Body", "SourceUrl") if referral.get(key)]
    source = "a post" if referral.get("SourceType") == "post" else "an advertisement"
    return f"came from {source}: {_quoted(' · '.join(told))}" if told else f"came from {source}"


def _line(text: str) -> str:
    """On one line, and without brackets that would end ours."""
    short = " ".join(text.split())
    short = short if len(short) <= LONGEST else f"{short[:LONGEST]}…"
    return short.replace("[", "(").replace("]", ")")


def _quoted(text: str) -> str:
    return json.dumps(_line(text), ensure_ascii=False)
