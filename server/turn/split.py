"""Long words into messages: what is longer than the channel takes is cut where a reader would pause."""

from __future__ import annotations

import re
import unicodedata

_PAUSES = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    # A sentence's end, with what closes behind it; none where it is no end: 2.400.000, a.m, hoasen.vn.
    re.compile(r"""[.!?…]+["'”’»)\]*_~]*\s+|[。！？]+[”’」』)]*"""),
    re.compile(r"[;,:–—]\s+|[，；、]"),
    re.compile(r"\s+"),
)
"""From the best place to cut at to the worst; a cut goes behind it."""
_JOINER = "\u200d"
_SKIN = range(0x1F3FB, 0x1F400)


def parts(text: str, limit: int) -> list[str]:
    """*text*, composed (NFC), in parts of at most *limit* code points, none empty; nothing but white space is lost."""
    found = []
    rest = unicodedata.normalize("NFC", text).strip()
    while len(rest) > limit:
        cut = _cut(rest, limit)
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*found, rest] if rest else found


def _cut(text: str, limit: int) -> int:
    for pause in _PAUSES:
        # White space behind the pause may reach beyond: it is not sent.
        ends = [
            match.end() for match in pause.finditer(text, 0, limit + 1) if len(text[: match.end()].rstrip()) <= limit
        ]
        if ends and ends[-1] > limit // 3:
            return ends[-1]
    cut = limit
    while cut > 1 and _belongs_together(text[cut - 1], text[cut]):
        cut -= 1
    return cut if cut > 1 else limit


def _belongs_together(before: str, after: str) -> bool:
    """Whether a letter and its mark, or one emoji, would be torn apart."""
    return unicodedata.category(after)[0] == "M" or _JOINER in (before, after) or ord(after) in _SKIN
