"""Sound for tests: real containers with nothing to hear in them, made without an encoder."""

from __future__ import annotations

import struct

RATE = 48_000
"""Opus counts in 48,000 samples a second, whatever it was recorded with (RFC 7845, section 4)."""
PRE_SKIP = 312
FRAME = 960
"""Samples of a packet of 20 ms."""
_SILENCE = b"\xf8\xff\xfe"
"""A packet of 20 ms of silence, CELT, fullband, mono."""
_PACKETS = 50
"""In a page: a second."""


def voice_note(seconds: float = 2.0, *, words: str = "") -> bytes:
    """A voice note as WhatsApp sends it: Ogg, Opus, mono.

    *words* stand in its comment, where a stand-in of a vendor that transcribes finds what it is to have heard.
    """
    frames = max(1, round(seconds * RATE / FRAME))
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, PRE_SKIP, 16_000, 0, 0)
    comment = f"WORDS={words}".encode()
    vendor = b"frontdesk"
    tags = b"OpusTags" + struct.pack("<I", len(vendor)) + vendor + struct.pack("<II", 1, len(comment)) + comment
    pages = [_page([head], 0, 0, first=True), _page([tags], 1, 0)]
    for number, done in enumerate(range(0, frames, _PACKETS), start=2):
        packets = min(_PACKETS, frames - done)
        position = PRE_SKIP + (done + packets) * FRAME
        last = done + packets == frames
        pages.append(_page([_SILENCE] * packets, number, position, last=last))
    return b"".join(pages)


def words_in(content: bytes) -> str:
    """The *words* of a `voice_note`; empty: it has none."""
    marked = b"WORDS="
    at = content.find(marked)
    if at < 4:
        return ""
    (length,) = struct.unpack("<I", content[at - 4 : at])
    return content[at + len(marked) : at + length].decode()


def _page(packets: list[bytes], number: int, position: int, *, first: bool = False, last: bool = False) -> bytes:
    table = b"".join(bytes([255] * (len(packet) // 255) + [len(packet) % 255]) for packet in packets)
    flags = 2 * first + 4 * last
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 1, number, 0, len(table)) + table
    body = b"".join(packets)
    check = _checksum(head + body)
    return head[:22] + struct.pack("<I", check) + head[26:] + body


def _checksum(page: bytes) -> int:
    """RFC 3533's: polynomial 0x04c11db7, nothing reflected, nothing inverted."""
    register = 0
    for byte in page:
        register = ((register << 8) & 0xFFFFFFFF) ^ _TABLE[(register >> 24) ^ byte]
    return register


def _table() -> list[int]:
    table = []
    for byte in range(256):
        register = byte << 24
        for _ in range(8):
            register = ((register << 1) ^ 0x04C11DB7 if register & 0x80000000 else register << 1) & 0xFFFFFFFF
        table.append(register)
    return table


_TABLE = _table()
