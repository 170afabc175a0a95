"""What kind of message a form holds. Twilio's list of message types is not closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from frontdesk import Media

from .flows import FIELDS

Kind = Literal["text", "voice", "image", "video", "document", "sticker", "location", "button", "other"]

_BY_MESSAGE_TYPE: dict[str, Kind] = {
    "audio": "voice",
    "image": "image",
    "video": "video",
    "document": "document",
    "sticker": "sticker",
    "location": "location",
    "button": "button",
    "contacts": "other",
}
_BY_CONTENT_TYPE: dict[str, Kind] = {"audio": "voice", "image": "image", "video": "video"}


def kind_of(form: Mapping[str, str], media: Sequence[Media]) -> Kind:
    """By MessageType where it is one we know, else by the fields that came with it."""
    message_type = form.get("MessageType", "")
    if known := _BY_MESSAGE_TYPE.get(message_type):
        return known
    if form.get("ButtonPayload") or form.get("ButtonText") or form.get("ListId"):
        return "button"
    if any(form.get(field) for field in FIELDS):
        return "other"
    if form.get("Latitude") and form.get("Longitude"):
        return "location"
    if media:
        return _BY_CONTENT_TYPE.get(media[0].content_type.partition("/")[0].lower(), "document")
    return "text" if message_type in ("", "text") or form.get("Body") else "other"
