"""What can be seen of a sound without listening to it: whether it is one, whether it is whole, how long it is."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import filetype
from tinytag import TinyTag, TinyTagException

_PAGE = 27
"""Bytes of the header of a page of Ogg before its table of segments (RFC 3533, section 6)."""
_CONTAINERS = ("video/mp4", "video/webm", "video/3gpp")
"""Sound alone comes in these, too, and its first bytes are the same."""
_AMR = b"#!AMR"


@dataclass(frozen=True, slots=True)
class Audio:
    """`wrong`: why nobody could hear it; empty: one can try. `seconds`: None if that cannot be told."""

    wrong: Literal["", "type", "damaged"] = ""
    seconds: float | None = None


def look(content: bytes) -> Audio:
    """Takes some milliseconds for a megabyte."""
    kind = filetype.guess_mime(content) or ""
    if content.startswith(_AMR):
        return Audio()  # its length is nowhere written
    if not kind.startswith("audio/") and kind not in _CONTAINERS:
        return Audio("type")
    if content.startswith(b"OggS") and not _is_whole(content):
        return Audio("damaged")
    if kind == "video/webm":
        return Audio()  # TinyTag 2.3 does not read it
    try:
        # What it is was seen above: it would go by the name, which there is none of.
        seconds = TinyTag.get(file_obj=io.BytesIO(content), tags=False).duration
    except (TinyTagException, ValueError, IndexError, OSError):
        return Audio("damaged")
    return Audio("", seconds)


def _is_whole(content: bytes) -> bool:
    """Whether its pages follow each other to the last byte: what was cut off ends within one.

    That the last one is marked as the last is not asked for: phones differ in that.
    """
    at, end = 0, len(content)
    while at < end:
        table = at + _PAGE
        if content[at : at + 4] != b"OggS" or table > end:
            return False
        body = table + content[table - 1]
        if body > end:
            return False
        at = body + sum(content[table:body])
    return at == end


def seconds_of(content: bytes) -> float | None:
    """How long a sound is; None if that cannot be told."""
    return look(content).seconds
