"""Contact cards that contacts send (vCard 2.1 to 4.0, RFC 6350), read by the package vobject."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterator
from typing import Any

MOST_BYTES = 256 * 1024
"""A card with a photograph has 10 to 100 KB."""
MOST_CARDS = 10
MOST_ENTRIES = 5
LONGEST = 200
TYPES = frozenset({"text/vcard", "text/x-vcard", "text/directory"})


def read_cards(content: bytes) -> list[dict[str, Any]]:
    """`{"name", "organisation", "phones", "emails"}` of each card, the blank ones left out; empty if none can be read.

    It takes a millisecond for a card: call it in a thread.
    """
    # 50 ms to import, and most who serve see no card.
    import vobject

    # It quotes lines that it cannot read, which are a person's data.
    vobject.base.logger.setLevel(logging.CRITICAL + 1)
    cards: list[dict[str, Any]] = []
    text = content[:MOST_BYTES].decode("utf-8", errors="replace")
    try:
        for card in vobject.readComponents(text, allowQP=True, ignoreUnreadable=True):
            if card.name == "VCARD" and (found := _fields(card.contents)):
                cards.append(found)
            if len(cards) == MOST_CARDS:
                break
    except (vobject.base.VObjectError, ValueError, LookupError, AttributeError, TypeError):
        # What came before is what could be read; foreign files break the package in ways it does not name.
        return cards
    return cards


def _fields(contents: dict[str, list[Any]]) -> dict[str, Any]:
    name = next(_texts(contents, "fn"), "") or next(_texts(contents, "n"), "")
    found = {
        "name": name,
        "organisation": next(_texts(contents, "org"), ""),
        "phones": list(_phones(contents))[:MOST_ENTRIES],
        "emails": list(_texts(contents, "email"))[:MOST_ENTRIES],
    }
    return {key: value for key, value in found.items() if value}


def _phones(contents: dict[str, list[Any]]) -> Iterator[str]:
    """E.164 where WhatsApp says whose account it is, else as it is written."""
    for line in contents.get("tel", []):
        account = next(iter(getattr(line, "params", {}).get("WAID", [])), "")
        written = _text(line.value).removeprefix("tel:")
        if account.isascii() and account.isdigit() and len(account) <= 15:
            yield f"+{account}"
        elif written:
            yield written


def _texts(contents: dict[str, list[Any]], name: str) -> Iterator[str]:
    for line in contents.get(name, []):
        if text := _text(line.value):
            yield text


def _text(value: Any) -> str:
    """A value of one text, of several (ORG), or a name in its parts."""
    joined = ", ".join(str(part) for part in value if part) if isinstance(value, list) else str(value)
    return unicodedata.normalize("NFC", " ".join(joined.split()))[:LONGEST]
