"""Files that operators send: what they are is seen by looking at them, never believed."""

from __future__ import annotations

import unicodedata

import filetype

from ..model import Media

SENDABLE = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "video/mp4": "mp4",
    "video/3gpp": "3gp",
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
}
"""What WhatsApp shows (Twilio: Supported Media Types for WhatsApp), and how a file of it is called."""
MAX_BYTES = 16 * 1024 * 1024
"""Of one file (Twilio: WhatsApp takes at most 16 MB)."""
LONGEST_NAME = 120
_SAME = {"audio/m4a": "audio/mp4", "audio/x-wav": "audio/wav", "video/3gp": "video/3gpp"}


class NotSendable(ValueError):
    """WhatsApp would not show the file."""


def as_media(content: bytes, name: str) -> tuple[Media, str]:
    """The file with its type, not kept yet, and a name that is safe to show and to save under. Raises NotSendable."""
    if not content:
        raise NotSendable("the file is empty")
    if len(content) > MAX_BYTES:
        raise NotSendable(
            f"the file is larger than {MAX_BYTES // 1024 // 1024} MB, which is the most that WhatsApp takes"
        )
    guessed = filetype.guess_mime(content) or ""
    content_type = _SAME.get(guessed, guessed)
    if content_type not in SENDABLE:
        raise NotSendable("WhatsApp shows pictures, sound, films, PDF and Office files; this is none of them")
    return Media(content_type=content_type, size=len(content)), safe_name(name, content_type)


def safe_name(name: str, content_type: str) -> str:
    """*name* without a path, control characters and what turns the direction of writing; with the type's own ending."""
    bare = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    kept = "".join(char for char in bare if unicodedata.category(char)[0] != "C").strip(" .")
    ending = SENDABLE.get(content_type, "bin")
    stem = kept.rpartition(".")[0] if "." in kept else kept
    return f"{stem[:LONGEST_NAME] or 'file'}.{ending}"
