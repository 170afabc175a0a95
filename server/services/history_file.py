"""The conversations of an earlier bot, as it kept them: a JSON file of contact → list of {role, content}."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ..clock import milliseconds

ROLES: Mapping[str, Literal["inbound", "outbound"]] = {
    "user": "inbound",
    "human": "inbound",
    "customer": "inbound",
    "assistant": "outbound",
    "ai": "outbound",
    "bot": "outbound",
    "model": "outbound",
}
UNSAID = frozenset({"system", "developer", "tool", "function"})
"""Roles of what a model was told and no contact ever saw."""
TIMES = ("timestamp", "time", "at", "created_at", "date")
"""Keys under which a message may have its time: ISO 8601 (without a zone: the tenant's), or seconds or milliseconds."""
MILLISECONDS_FROM = 100_000_000_000
"""As seconds it would be the year 5138."""


class Unreadable(Exception):
    """The file as a whole is not what it should be; says why."""


@dataclass(frozen=True)
class Said:
    """One message."""

    direction: Literal["inbound", "outbound"]
    text: str
    """NFC, not blank."""
    at: datetime | None


@dataclass
class History:
    """What the file holds."""

    contacts: dict[str, list[Said]] = field(default_factory=dict)
    """By the contact as it is written; in the order of the file."""
    wrong: list[str] = field(default_factory=list)
    """A sentence for each entry that is left out, or whose time is: where, what, what would be right."""
    unsaid: int = 0
    """Messages of system and tools, and calls of tools: no contact saw them."""


def read(path: Path, zone: ZoneInfo) -> History:
    """The file *path*; *zone* is of times without one. Raises Unreadable."""
    try:
        data = json.loads(path.read_text("utf-8-sig"))
    except OSError as err:
        raise Unreadable(f"{path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise Unreadable(f"{path} is not UTF-8: byte {err.start} is none of it") from err
    except (json.JSONDecodeError, RecursionError) as err:
        raise Unreadable(f"{path} is not JSON: {err}") from err
    if not isinstance(data, dict):
        raise Unreadable(f'{path} holds no map of contact to messages; it begins like {{"whatsapp:+84…": [{{"role": …')
    history = History()
    for contact, messages in data.items():
        if not isinstance(messages, list):
            history.wrong.append(f"{contact}: no list of messages; left out")
            continue
        history.contacts[contact] = said = []
        for number, message in enumerate(messages):
            try:
                said += _said(message, zone, f"{contact}[{number}]", history)
            except ValueError as err:
                history.wrong.append(f"{contact}[{number}]: {err}; left out")
    return history


def _said(message: Any, zone: ZoneInfo, place: str, history: History) -> list[Said]:
    """The message, or none if no contact saw it. Raises ValueError with what is wrong."""
    if not isinstance(message, dict):
        raise ValueError("no {role, content}")
    role = message.get("role")
    if role in UNSAID or (message.get("content") is None and message.get("tool_calls")):
        history.unsaid += 1
        return []
    if not isinstance(role, str) or role not in ROLES:
        raise ValueError(f"the role is {role!r}; it is one of {', '.join([*ROLES, *sorted(UNSAID)])}")
    text = unicodedata.normalize("NFC", _text(message.get("content"))).strip()
    if not text:
        raise ValueError("there is no text in it")
    try:
        at = _time(message, zone)
    except (ValueError, OverflowError, OSError):
        history.wrong.append(f"{place}: its time is neither ISO 8601 nor a number of seconds; one is made up")
        at = None
    return [Said(ROLES[role], text, at)]


def _text(content: Any) -> str:
    """A text, or the texts in a list of parts (OpenAI: content parts)."""
    if isinstance(content, list):
        return "\n".join(_text(part.get("text", "")) for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise ValueError("the content is no text")
    try:
        content.encode()
    except UnicodeEncodeError as err:
        raise ValueError("the content is no Unicode text") from err
    return content


def _time(message: Mapping[str, Any], zone: ZoneInfo) -> datetime | None:
    written = next((message[key] for key in TIMES if message.get(key) is not None), None)
    if written is None:
        return None
    if isinstance(written, str) and not written.replace(".", "", 1).isdecimal():
        moment = datetime.fromisoformat(written.strip())
        return milliseconds(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))
    if not isinstance(written, str | int | float) or isinstance(written, bool):
        raise ValueError("no time")
    seconds = float(written)
    return milliseconds(datetime.fromtimestamp(seconds / 1000 if seconds >= MILLISECONDS_FROM else seconds, UTC))
