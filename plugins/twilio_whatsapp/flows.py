"""What a contact has filled in on a WhatsApp Flow, as fields and values.

Twilio sends it as JSON in `FlowData` or `InteractiveData`; its shape is not confirmed, so whatever it holds is taken as it
stands, up to a size.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

FIELDS = ("FlowData", "InteractiveData")
MOST = 40
"""Values of one answer."""
NAME, VALUE = 60, 500
"""Characters of a field's name and of its value."""
DEEPEST = 6
_OURS = frozenset({"flow_token"})
"""What the business gave the flow to carry, and no contact has filled in."""


def answers(form: Mapping[str, str]) -> dict[str, str]:
    """Field → value; empty: it is no answer to a flow."""
    found: dict[str, str] = {}
    for written in filter(None, map(form.get, FIELDS)):
        try:
            read = json.loads(written)
        except (ValueError, RecursionError):
            read = written
        for name, value in _leaves(read, "", 0):
            if len(found) < MOST:
                found.setdefault(_text(name or "answer", NAME), _text(value, VALUE))
    return found


def _leaves(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list) and depth < DEEPEST:
        items = value.items() if isinstance(value, dict) else ((str(no), each) for no, each in enumerate(value, 1))
        for key, each in items:
            if key not in _OURS:
                yield from _leaves(each, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    elif isinstance(value, str | int | float) and str(value).strip():
        yield name, str(value)


def _text(value: str, longest: int) -> str:
    # JSON can write halves of a character, which no store takes.
    whole = value.encode("utf-8", "replace").decode()
    return " ".join(unicodedata.normalize("NFC", whole).split())[:longest]
