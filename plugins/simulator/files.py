"""Small pictures and voice notes from the page: what they are is seen by looking at them, never believed."""

from __future__ import annotations

import filetype

MAX_BYTES = 5 * 1024 * 1024

KINDS = {
    "image/jpeg": "image",
    "image/png": "image",
    "image/gif": "image",
    "image/webp": "image",
    "audio/ogg": "voice",
    "audio/mpeg": "voice",
    "audio/mp4": "voice",
    "audio/wav": "voice",
}
"""Content type → kind of message. A type that can carry a script (SVG, HTML) is not among them."""

_SAME = {"audio/x-wav": "audio/wav", "audio/m4a": "audio/mp4"}


def content_type_of(content: bytes) -> str | None:
    """The content type by the file's first bytes; None if it is none of KINDS."""
    guessed = filetype.guess_mime(content)
    found = _SAME.get(guessed, guessed) if guessed else None
    return found if found in KINDS else None
