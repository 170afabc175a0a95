"""Twilio's Content API: buttons and lists, made when they are needed; templates, looked at before they are sent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frontdesk import Choice, Refused, Template, shape_of

from .catalogue import explanation

MAX_LIST_BUTTON = 20
OURS = "frontdesk_"
"""In front of the names of the contents that are made here."""
MAX_BODY = 1024
"""Characters of the text above buttons or a list."""
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_BLANKS = re.compile(r" {5,}")
SENT_AT_ALL = frozenset({"approved"})


@dataclass(frozen=True, slots=True)
class Definition:
    """A template as Twilio has it."""

    placeholders: frozenset[str]
    status: str
    """WhatsApp's: approved, pending, rejected, paused, disabled, unsubmitted, …"""
    reason: str = ""
    """Why it was rejected."""


def definition(types: Mapping[str, Any], approval: Mapping[str, Any] | None) -> Definition:
    """Of what the Content API answers: the content's `types`, and `whatsapp` of its approval requests."""
    texts = json.dumps(types, ensure_ascii=False)
    told = approval or {}
    return Definition(
        placeholders=frozenset(_PLACEHOLDER.findall(texts)),
        status=str(told.get("status") or "unsubmitted"),
        reason=str(told.get("rejection_reason") or ""),
    )


def check(template: Template, known: Definition) -> None:
    """Raises Refused if WhatsApp would not take the template so."""
    if known.status not in SENT_AT_ALL:
        reason = f" ({known.reason})" if known.reason else ""
        raise Refused(
            f"template {template.id} is {known.status} at WhatsApp{reason}; only an approved one may be sent",
            code="63030",
        )
    given = {name for name, value in template.variables.items() if value.strip()}
    if missing := sorted(known.placeholders - given):
        raise Refused(
            f"template {template.id} has no value for {', '.join(f'{{{{{name}}}}}' for name in missing)}; give each one",
            code="21656",
        )
    if unknown := sorted(set(template.variables) - known.placeholders):
        raise Refused(f"template {template.id} has no placeholder {', '.join(unknown)}; leave it out", code="21656")
    if any(_BLANKS.search(value) for value in template.variables.values()):
        raise Refused(explanation("63013", "en"), code="63013")


def interactive(
    text: str, choices: Sequence[Choice], button: str, language: str, tenant: str = ""
) -> dict[str, Any] | None:
    """The body of a request that makes the content: buttons, or a list if there are more; None: WhatsApp shows neither.

    Its name is made from what it holds and from the *tenant*: of an account that several share, none deletes another's.
    """
    # Two braces in a title would be a placeholder, as they would be in the text.
    if (
        not text
        or len(text) > MAX_BODY
        or not choices
        or any("{{" in each.title + each.description for each in choices)
    ):
        return None
    body = text.replace("{{", "{ {")
    shape = shape_of(choices)
    if shape == "buttons":
        actions = [{"type": "QUICK_REPLY", "title": choice.title, "id": choice.id} for choice in choices]
        types: dict[str, Any] = {"twilio/quick-reply": {"body": body, "actions": actions}}
    elif shape == "list":
        items = [
            {"id": each.id, "item": each.title, "description": each.description.strip() or each.title}
            for each in choices
        ]
        types = {"twilio/list-picker": {"body": body, "button": button[:MAX_LIST_BUTTON], "items": items}}
    else:
        return None
    content = {"language": language.partition("-")[0], "types": types}
    return {"friendly_name": f"{OURS}{fingerprint({**content, 'tenant': tenant})}", **content}


def fingerprint(content: Mapping[str, Any]) -> str:
    """The same content is made once."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def location(data: Mapping[str, Any]) -> str | None:
    """Twilio's PersistentAction for a place; None: it has no position."""
    if not isinstance(data.get("latitude"), int | float) or not isinstance(data.get("longitude"), int | float):
        return None
    label = str(data.get("label") or data.get("address") or "").replace("|", " ").strip()
    return f"geo:{data['latitude']:.6f},{data['longitude']:.6f}" + (f"|{label}" if label else "")
