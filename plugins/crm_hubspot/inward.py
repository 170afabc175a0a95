"""What people change in HubSpot and comes back: who owns a lead, where its deal stands, what was deleted.

A webhook says only that something has changed: what it is now is read by a task. So events that come late, twice or out of
order do no harm. What Frontdesk wrote itself comes back, too, and is known by its value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from frontdesk import Plugin, Refused, Task

from .client import HubSpot
from .owners import Owners
from .paths import CONTACTS, DEALS
from .schema import CONTACT_ID, DEAL_ID
from .settings import HubspotSettings

TASK = "take_back"
OBJECTS = {"contact": CONTACTS, "deal": DEALS, "0-1": CONTACTS, "0-3": DEALS}
"""By the beginning of a subscription's type, or, of generic ones, by the object type's id."""
GONE = ("deletion", "privacyDeletion")
CHANGED = ("propertyChange", "creation", "restore", "merge")
LAST = "last"
"""Collection: a contact's id → what we wrote last of what comes back."""
IDS = "ids"
"""Collection: `contacts:ID` of HubSpot's → the contact's id."""
GONE_AT = "gone"
"""Collection: ids of contacts that were deleted in HubSpot: they are not made there again."""
MOST_EVENTS = 1000
"""Of one request; HubSpot sends 100 at the most."""


class NoEvents(ValueError):
    """The body is not what HubSpot sends; says what is wrong."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a record."""

    kind: str
    id: str
    what: str
    at: int
    """Milliseconds."""
    key: str


def events(body: bytes) -> list[Event]:
    """Those of a request that concern us, the newest of each record and kind. Raises NoEvents."""
    try:
        posted = json.loads(body)
    except ValueError as err:
        raise NoEvents("the body is no JSON") from err
    posted = posted if isinstance(posted, list) else [posted]
    if len(posted) > MOST_EVENTS or not all(isinstance(each, dict) for each in posted):
        raise NoEvents("the body is no list of events")
    newest: dict[tuple[str, str, bool], Event] = {}
    for event in _understood(posted):
        name = event.kind, event.id, event.what in GONE
        if name not in newest or event.at >= newest[name].at:
            newest[name] = event
    return sorted(newest.values(), key=lambda each: each.at)


def _understood(posted: list[dict[str, Any]]) -> Iterator[Event]:
    for each in posted:
        of, _, what = str(each.get("subscriptionType", "")).partition(".")
        kind = OBJECTS.get(str(each.get("objectTypeId", "")) if of == "object" else of)
        # What a merge leaves is its `newObjectId`.
        id = each.get("newObjectId") if what == "merge" else None
        id = str(id or each.get("objectId") or "")
        if kind is None or not id.isdigit() or what not in (*GONE, *CHANGED):
            continue
        at = each.get("occurredAt")
        moment = at if isinstance(at, int) else 0
        yield Event(kind, id, what, moment, f"{kind}:{id}:{what}:{moment}:{each.get('eventId', '')}")


class Inward:
    """Takes changes back, for one instance."""

    def __init__(self, plugin: Plugin, client: HubSpot, settings: HubspotSettings, owners: Owners) -> None:
        self._plugin = plugin
        self._store = plugin.store
        self._client = client
        self._settings = settings
        self._owners = owners
        self._labels: dict[str, str] = {}

    async def note(self, found: list[Event]) -> None:
        """Have them taken back by tasks; the same event is one task."""
        for event in found:
            data = {"kind": event.kind, "id": event.id, "what": event.what}
            await self._plugin.tasks.schedule(TASK, event.key, self._plugin.clock.now(), data)

    async def take(self, task: Task) -> None:
        """What the task names, as it is at HubSpot now. Raises what the client raises."""
        kind, id, what = str(task.data["kind"]), str(task.data["id"]), str(task.data["what"])
        if what in GONE:
            if kind == CONTACTS and (ours := await self._store.get(IDS, f"{CONTACTS}:{id}")) is not None:
                await self._store.put(GONE_AT, str(ours["contact"]), {"id": id, "what": what})
                self._plugin.count("contact_deleted_in_hubspot")
            return
        by = CONTACT_ID if kind == CONTACTS else DEAL_ID
        wanted = (by, "hubspot_owner_id", *(("dealstage", "pipeline") if kind == DEALS else ()))
        found = await self._client.read(kind, [id], wanted)
        if not found.results:
            return
        properties = found.results[0].get("properties") or {}
        contact = str(properties.get(by) or "").partition(".")[0]
        if not contact:
            return  # not one of ours
        if what == "restore" and kind == CONTACTS:
            await self._store.delete(GONE_AT, contact)
        await self._apply(contact, task.id, properties)

    async def _apply(self, contact: str, key: str, properties: dict[str, Any]) -> None:
        last = await self._store.get(LAST, contact) or {}
        changes: dict[str, str] = {}
        owner = str(properties.get("hubspot_owner_id") or "")
        if owner and owner != last.get("owner") and (operator := await self._owners.operator_of(owner)):
            changes["owner"] = operator
        stage = str(properties.get("dealstage") or "")
        if stage and stage != last.get("stage"):
            changes["stage"] = await self._label(stage)
        lead = await self._plugin.leads.get(contact)
        changes = {name: value for name, value in changes.items() if lead is None or getattr(lead, name) != value}
        if not changes:
            return
        given: dict[str, Any] = changes
        try:
            await self._plugin.leads.change(contact, key, what="changed", cause="changed in HubSpot", **given)
        except Refused:
            return  # the contact is erased
        self._plugin.count("taken_back")

    async def _label(self, stage: str) -> str:
        """What people call a stage; its id if HubSpot does not say."""
        if stage not in self._labels:
            told = await self._client.get(self._client.paths.pipelines())
            for pipeline in told.get("results", []):
                for each in pipeline.get("stages", []):
                    self._labels[str(each.get("id"))] = str(each.get("label", ""))
        return self._labels.get(stage) or stage
