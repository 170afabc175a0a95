"""The properties of our own at HubSpot: by the unique ones records are found again, the others say what we know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frontdesk import NeedsAttention

from .client import HubSpot
from .errors import Answered
from .paths import COMMUNICATIONS, CONTACTS, DEALS, NOTES

GROUP = "frontdesk"
CONTACT_ID = "frontdesk_contact_id"
DEAL_ID = "frontdesk_deal_id"
ACTIVITY_ID = "frontdesk_activity_id"

Definition = dict[str, Any]


def _text(name: str, label: str, description: str, **more: Any) -> Definition:
    return {"name": name, "label": label, "type": "string", "fieldType": "text", "description": description, **more}


def _choice(name: str, label: str, description: str, *options: str) -> Definition:
    shown = [
        {"label": value.capitalize(), "value": value, "displayOrder": n, "hidden": False}
        for n, value in enumerate(options)
    ]
    return {
        "name": name,
        "label": label,
        "type": "enumeration",
        "fieldType": "select",
        "description": description,
        "options": shown,
    }


def _number(name: str, label: str, description: str) -> Definition:
    return {"name": name, "label": label, "type": "number", "fieldType": "number", "description": description}


def _unique(name: str, label: str) -> Definition:
    return _text(name, label, "Frontdesk finds the record by it. Do not change it.", hasUniqueValue=True)


_TEMPERATURE = _choice("frontdesk_temperature", "Temperature", "How serious they are.", "cold", "warm", "hot")
_SCORE = _number("frontdesk_score", "Score", "0 to 100.")

NEEDED: Mapping[str, tuple[Definition, ...]] = {
    CONTACTS: (
        _unique(CONTACT_ID, "Frontdesk contact"),
        _TEMPERATURE,
        _SCORE,
        _text("frontdesk_language", "Language on WhatsApp", "As they last wrote (BCP 47)."),
        _choice("frontdesk_opted_out", "Wants no messages", "Whether they said stop on WhatsApp.", "yes", "no"),
    ),
    DEALS: (
        _unique(DEAL_ID, "Frontdesk opportunity"),
        _TEMPERATURE,
        _SCORE,
        _text("frontdesk_quote", "In their own words", "The contact's words that say most.", fieldType="textarea"),
        {
            "name": "frontdesk_next_visit",
            "label": "Next visit",
            "type": "datetime",
            "fieldType": "date",
            "description": "When they come next.",
        },
    ),
    COMMUNICATIONS: (_unique(ACTIVITY_ID, "Frontdesk day"),),
    NOTES: (_unique(ACTIVITY_ID, "Frontdesk note"),),
}
"""Object type → what it needs."""


class Schema:
    """Sees that the properties are there; what is missing is made."""

    def __init__(self, client: HubSpot) -> None:
        self._client = client
        self._ready: set[str] = set()

    async def ensure(self, kind: str) -> None:
        """Once for each object type and instance. Raises NeedsAttention for a property that is there and not unique."""
        if kind in self._ready:
            return
        if missing := await self.missing(kind):
            await self._make_group(kind)
        for definition in missing:
            await self._make(kind, definition)
        self._ready.add(kind)

    async def missing(self, kind: str) -> list[Definition]:
        """What the account lacks of an object type."""
        told = await self._client.get(self._client.paths.properties(kind))
        there = {str(each.get("name")): each for each in told.get("results", []) if isinstance(each, dict)}
        for definition in NEEDED[kind]:
            known = there.get(definition["name"])
            if known is not None and definition.get("hasUniqueValue") and not known.get("hasUniqueValue"):
                raise NeedsAttention(
                    f"the property {definition['name']} of {kind} in HubSpot does not have unique values, so records "
                    "cannot be found by it; delete it there (also from the archive), and it is made anew"
                )
        return [each for each in NEEDED[kind] if each["name"] not in there]

    async def _make_group(self, kind: str) -> None:
        path = self._client.paths.properties(kind, "groups")
        try:
            await self._client.post(path, {"name": GROUP, "label": "Frontdesk"})
        except Answered as err:
            if err.status != 409:  # it is there already
                raise

    async def _make(self, kind: str, definition: Definition) -> None:
        try:
            await self._client.post(self._client.paths.properties(kind), {**definition, "groupName": GROUP})
        except Answered as err:
            if err.status != 409:  # another process was quicker
                raise NeedsAttention(
                    f"{err.reason}. The property {definition['name']} of {kind} could not be made in HubSpot"
                ) from err
