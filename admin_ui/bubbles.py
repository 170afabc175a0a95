"""What a bubble of the thread shows: a message in the operator's language, everything that a contact wrote as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from markupsafe import Markup
from quart import url_for

from frontdesk.services.shapes import BOT, Message, Plugin, choices_of, code, trouble
from frontdesk.services.threads import Entry

from .language import _, current, mark
from .whatsapp_markup import shown

Speaker = Callable[[str], str]
SNIPPET = 160
PLAYABLE = ("audio/", "video/")
INLINE = ("image/jpeg", "image/png", "image/gif", "image/webp")
"""Pictures that a browser draws and nothing runs in."""
_SPEAKERS = {"bot": mark("Bot"), "contact": mark("Contact")}
_KINDS = {
    "voice": mark("Voice note"),
    "image": mark("Picture"),
    "video": mark("Video"),
    "document": mark("Document"),
    "sticker": mark("Sticker"),
    "location": mark("Location"),
    "button": mark("Choice"),
    "template": mark("Template"),
    "other": mark("Message of another kind"),
    "text": mark("Message"),
}
_UNHEARD = {
    "": mark("Not transcribed"),
    "silent": mark("Nothing is said in it"),
    "noisy": mark("What is said in it cannot be made out"),
    "long": mark("Too long to be put into words"),
    "damaged": mark("The recording is broken or cut off"),
    "type": mark("This is no sound that can be read"),
    "away": mark("Whoever puts voice notes into words did not answer"),
}
_TICKS = {
    "queued": ("clock", mark("Waits to be sent")),
    "sending": ("clock", mark("Is being sent")),
    "accepted": ("check", mark("Taken by the provider")),
    "sent": ("check", mark("Sent")),
    "delivered": ("check-check", mark("Delivered")),
    "read": ("check-check", mark("Read")),
    "failed": ("circle-alert", mark("Not delivered")),
    "parked": ("circle-help", mark("Unclear whether it was sent")),
    "expired": ("timer", mark("Too late, not sent")),
    "withdrawn": ("ban", mark("Not sent")),
}


@dataclass(frozen=True, slots=True)
class File:
    """A file of a message."""

    kind: str
    """`image`, `audio`, `video`, or `file`: to be downloaded."""
    url: str
    """Empty: it is not here (yet)."""
    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that another refers to."""

    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message."""

    id: str
    ours: bool
    who: str
    by: str
    """`bot`, `operator`, `plugin` or `contact`."""
    kind: str
    at: datetime
    text: Markup
    files: tuple[File, ...] = ()
    transcribed: bool = False
    unheard: str = ""
    """Of a voice note without words: why it has none, or that they are being made."""
    quoted: Quote | None = None
    choices: tuple[str, ...] = ()
    chosen: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    """Name and value: answers in a form, a contact card, a place."""
    map_url: str = ""
    source: str = ""
    """The advertisement or post from which they came."""
    source_url: str = ""
    forwarded: bool = False
    tick: str = ""
    state: str = ""
    state_text: str = ""
    trouble: str = ""
    code: str = ""
    undecided: bool = False
    """It is parked, or may have come twice, and a person is to decide."""
    may_replay: bool = False
    why_url: str = ""
    """Where it is told how the bot came to say it."""


def bubble(entry: Entry, tenant: str, conversation: str, channel: type[Plugin] | None, speaker: Speaker) -> Bubble:
    """What is shown of the message of *entry*, in the language of this request.

    :param speaker: what people call an author.
    """
    message = entry.message
    assert message is not None
    language: Any = "vi" if current() == "vi" else "en"
    ours = message.direction == "outbound"
    tick, state = _TICKS.get(message.state, ("", "")) if ours else ("", "")
    told = trouble(message, channel, language) if ours else ""
    data = message.data
    return Bubble(
        id=message.id,
        ours=ours,
        who=speaker(message.author if ours else "contact"),
        by=message.author.partition(":")[0] if ours else "contact",
        kind=message.kind,
        at=message.written_at,
        text=shown(message.text),
        files=tuple(_files(message, tenant, conversation)),
        transcribed=bool(data.get("transcribed")),
        unheard=_unheard(message),
        quoted=_quote(entry.answers, speaker) if entry.answers is not None else None,
        choices=tuple(choice.title for choice in choices_of(data)) if ours else (),
        chosen=str(data.get("description", "")) if message.kind == "button" and not ours else "",
        facts=tuple(_facts(message)),
        map_url=_map_url(data),
        source=_source(data.get("referral")),
        source_url=_web(str((data.get("referral") or {}).get("SourceUrl", "")))
        if _is_map(data.get("referral"))
        else "",
        forwarded=bool(data.get("forwarded")),
        tick=tick,
        state=message.state if ours else "",
        state_text=_(state) if state else "",
        trouble=told,
        code=code(message) if ours else "",
        undecided=message.state == "parked" or message.possible_duplicate,
        may_replay=message.state == "parked",
        why_url=_why_url(message, tenant) if ours else "",
    )


def kind_name(kind: str) -> str:
    """What this kind of message is called."""
    return _(_KINDS.get(kind, _KINDS["other"]))


def speaks(author: str, name_of: Callable[[str], str]) -> str:
    """Who wrote, as people say it; *name_of* tells what an operator is called."""
    kind, _colon, name = author.partition(":")
    if kind in _SPEAKERS:
        return _(_SPEAKERS[kind])
    return name_of(name) if kind == "operator" else (name or kind).replace("_", " ")


def snippet(message: Message) -> str:
    """The beginning of a message in one line, or of what kind it is."""
    text = " ".join(message.text.split())
    return text[:SNIPPET] + ("…" if len(text) > SNIPPET else "") if text else kind_name(message.kind)


def _quote(message: Message, speaker: Speaker) -> Quote:
    return Quote(speaker(message.author if message.direction == "outbound" else "contact"), snippet(message))


def _unheard(message: Message) -> str:
    if message.kind != "voice" or message.text:
        return ""
    if "hearing_until" in message.data:
        return _("Is being put into words")
    return _(_UNHEARD.get(str(message.data.get("unheard", "")), _UNHEARD[""]))


def _files(message: Message, tenant: str, conversation: str) -> Iterator[File]:
    for no, media in enumerate(message.media):
        kind = _file_kind(media.content_type)
        url = ""
        if media.key:
            url = url_for("admin_ui.talk_file", tenant=tenant, conversation=conversation, message=message.id, no=no)
        yield File(kind, url, str(message.data.get("filename") or kind_name(message.kind)), media.size)


def _file_kind(content_type: str) -> str:
    if content_type in INLINE:
        return "image"
    return content_type.partition("/")[0] if content_type.startswith(PLAYABLE) else "file"


def _facts(message: Message) -> Iterator[tuple[str, str]]:
    data = message.data
    if message.kind == "location":
        for key, name in (("label", _("Place")), ("address", _("Address"))):
            if data.get(key):
                yield name, str(data[key])
    if _is_map(data.get("answers")):
        for key, value in data["answers"].items():
            yield str(key), str(value)
    for card in data.get("contacts") or ():
        if _is_map(card):
            yield _("Contact card"), ", ".join(_of_card(card))


def _of_card(card: Mapping[str, Any]) -> list[str]:
    parts = [card.get("name", ""), card.get("organisation", ""), *card.get("phones", ()), *card.get("emails", ())]
    return [str(part) for part in parts if part]


def _map_url(data: Mapping[str, Any]) -> str:
    latitude, longitude = data.get("latitude"), data.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return ""
    return (
        f"https://www.openstreetmap.org/?mlat={latitude:.6f}&mlon={longitude:.6f}#map=17/{latitude:.6f}/{longitude:.6f}"
    )


def _source(referral: Any) -> str:
    if not _is_map(referral):
        return ""
    told = " · ".join(str(referral[key]) for key in ("Headline", "Body") if referral.get(key))
    return told or _("An advertisement")


def _web(url: str) -> str:
    """*url* if a link may lead there."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no address
        return ""
    return quote(url, safe=":/?#[]@!$&'()*+,;=%~") if parts.scheme in ("http", "https") and parts.netloc else ""


def _why_url(message: Message, tenant: str) -> str:
    """A part of a merged conversation keeps its turns."""
    conversation, _dot, number = message.turn.rpartition(".")
    if message.author != BOT or not conversation or not number.isdecimal():
        return ""
    return url_for("admin_ui.inbox_why", tenant=tenant, conversation=conversation, no=int(number))


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)
