"""The state of one HubSpot account: records, properties, associations, and a search index that lags behind."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import phonenumbers

from ...clock import Clock

CONTACTS, DEALS = "contacts", "deals"
KINDS = (CONTACTS, DEALS, "communications", "notes")
SCOPES = {kind: f"crm.objects.{kind if kind in (CONTACTS, DEALS) else CONTACTS}.write" for kind in KINDS}

_TEXT = {"type": "string", "fieldType": "text"}
_OPTIONS = ("WHATS_APP", "SMS", "LINKEDIN_MESSAGE")


def _own(*names: str, **special: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    common = ("hs_object_id", "createdate", "hs_createdate", "hubspot_owner_id", "hs_timestamp")
    return {name: {"name": name, **_TEXT, **special.get(name, {})} for name in (*common, *names)}


def default_properties() -> dict[str, dict[str, dict[str, Any]]]:
    """Object type → name → definition, as far as they are of interest."""
    closed = {"readOnly": True, "type": "bool"}
    channels = {"type": "enumeration", "options": [{"value": value} for value in _OPTIONS]}
    return {
        CONTACTS: _own(
            "firstname", "lastname", "phone", "mobilephone", "email", "lifecyclestage", email={"hasUniqueValue": True}
        ),
        DEALS: _own(
            "dealname", "dealstage", "pipeline", "amount", "closedate", "hs_is_closed", "hs_is_closed_won",
            hs_is_closed=closed, hs_is_closed_won=closed, amount={"type": "number"},
        ),
        "communications": _own(
            "hs_communication_channel_type", "hs_communication_logged_from", "hs_communication_body",
            hs_communication_channel_type=channels,
            hs_communication_logged_from={"type": "enumeration", "options": [{"value": "CRM"}]},
        ),
        "notes": _own("hs_note_body"),
    }  # fmt: skip


STAGES = {
    "appointmentscheduled": "Appointment Scheduled",
    "qualifiedtobuy": "Qualified To Buy",
    "presentationscheduled": "Presentation Scheduled",
    "decisionmakerboughtin": "Decision Maker Bought-In",
    "contractsent": "Contract Sent",
    "closedwon": "Closed Won",
    "closedlost": "Closed Lost",
}


@dataclass
class Record:
    """A record; `history` is what the search will know, and when it was written."""

    id: str
    kind: str
    properties: dict[str, str]
    created: datetime
    updated: datetime
    archived: bool = False
    history: list[tuple[datetime, dict[str, str]]] = field(default_factory=list)

    def shown(self, wanted: Any = None) -> dict[str, Any]:
        names = set(self.properties) if wanted is None else {*wanted, "hs_object_id", "createdate"}
        told = {**self.properties, "hs_object_id": self.id, "createdate": stamp(self.created)}
        return {
            "id": self.id,
            "properties": {name: told.get(name) for name in sorted(names)},
            "createdAt": stamp(self.created),
            "updatedAt": stamp(self.updated),
            "archived": self.archived,
        }


class Account:
    """What tests look at and people at the account change by hand."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids = itertools.count(1001)
        self.token = "pat-na1-token"  # noqa: S105  made up
        self.portal = 1234567
        self.zone = "Asia/Ho_Chi_Minh"
        self.owners: dict[str, str] = {}
        """Address → id."""
        self.stages = dict(STAGES)
        self.scopes: set[str] = set(SCOPES.values())
        self.properties = default_properties()
        self.groups: dict[str, set[str]] = {kind: set() for kind in KINDS}
        self.records: dict[str, dict[str, Record]] = {kind: {} for kind in KINDS}
        self.links: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self.merged: dict[str, str] = {}
        """Contact that went → the one it became a part of."""
        self.erased: set[str] = set()
        """Contacts that were deleted for good."""
        self.search_lag = 0.0
        """Seconds until the search knows what was written."""

    def now(self) -> datetime:
        return self._clock.now()

    def add(self, kind: str, **properties: str) -> Record:
        """A record that a person enters."""
        record = Record(str(next(self._ids)), kind, {}, self.now(), self.now())
        self.records[kind][record.id] = record
        self.write(record, properties)
        return record

    def write(self, record: Record, properties: Mapping[str, str | None]) -> None:
        for name, value in properties.items():
            record.properties.pop(name, None)
            if value:
                record.properties[name] = value
        if record.kind == DEALS:
            stage = record.properties.get("dealstage", "")
            record.properties["hs_is_closed"] = str(stage in ("closedwon", "closedlost")).lower()
        record.updated = self.now()
        record.history.append((record.updated, dict(record.properties)))

    def one(self, kind: str) -> Record:
        """The only living record of a kind."""
        (found,) = self.all(kind)
        return found

    def all(self, kind: str) -> list[Record]:
        return [each for each in self.records[kind].values() if not each.archived]

    def find(self, kind: str, id: str, by: str = "") -> Record | None:
        """By HubSpot's id, also the one that a merged record had, or by a unique property."""
        if by:
            return next((each for each in self.all(kind) if each.properties.get(by) == id), None)
        while id in self.merged:
            id = self.merged[id]
        found = self.records[kind].get(id)
        return found if found is not None and not found.archived else None

    def link(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        self.links.setdefault(one, set()).add(other)
        self.links.setdefault(other, set()).add(one)

    def linked(self, kind: str, id: str, to: str) -> list[str]:
        return sorted(other for other_kind, other in self.links.get((kind, id), set()) if other_kind == to)

    def merge(self, primary: Record, away: Record) -> Record:
        """Values of the primary win; what hangs on the other one hangs on it."""
        away.archived = True
        self.merged[away.id] = primary.id
        self.write(primary, {**away.properties, **primary.properties})
        for other in self.links.pop((CONTACTS, away.id), set()):
            self.links[other].discard((CONTACTS, away.id))
            self.link((CONTACTS, primary.id), other)
        return primary

    def indexed(self, kind: str) -> Iterator[tuple[Record, dict[str, str]]]:
        """What the search knows by now, with the calculated properties."""
        now = self.now()
        for record in self.all(kind):
            known = [told for at, told in record.history if (now - at).total_seconds() >= self.search_lag]
            if known:
                yield record, {**known[-1], **_calculated(known[-1]), "createdate": stamp(record.created)}


def _calculated(properties: Mapping[str, str]) -> dict[str, str]:
    names = {
        "phone": ("hs_searchable_calculated_phone_number", "hs_searchable_calculated_international_phone_number"),
        "mobilephone": ("hs_searchable_calculated_mobile_number",) * 2,
    }
    found: dict[str, str] = {}
    for name, (national, international) in names.items():
        if typed := properties.get(name):
            found[national], found[international] = _digits(typed)
            if national == international:
                found[national] = _digits(typed)[0]
    return found


def _digits(typed: str) -> tuple[str, str]:
    bare = re.sub(r"\D", "", typed)
    try:
        number = phonenumbers.parse(typed)
    except phonenumbers.NumberParseException:
        return bare, bare
    return phonenumbers.national_significant_number(number), bare


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
