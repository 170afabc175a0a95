"""Long words into messages: what is longer than the channel takes is cut where a reader would pause."""

from __future__ import annotations

_PAUSES = ("\n\n", "\n", ". ", "! ", "? ", "… ", "; ", ", ", " ")
"""From the best place to cut at to the worst; a cut goes behind it."""


def parts(text: str, limit: int) -> list[str]:
    """*text* in parts of at most *limit* code points, none of them empty; nothing but white space is lost."""
    found = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _cut(rest, limit)
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*found, rest] if rest else found


def _cut(text: str, limit: int) -> int:
    for pause in _PAUSES:
        place = text.rfind(pause, 0, limit)
        if place > limit // 3:
            return place + len(pause)
    return limit
