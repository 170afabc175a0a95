"""Deals: one for each opportunity, its stage from the lead's temperature and the visits.

An opportunity is a contact who is warm enough or has a visit. Once its deal is closed in HubSpot, whatever begins after that
(a visit, a lead that becomes warmer) is the next one, with a deal of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from frontdesk import Appointment, DealPush, Pushed, RetryLater

from .client import HubSpot, milliseconds
from .owners import Owners
from .paths import CONTACTS, DEALS
from .schema import DEAL_ID, NEEDED, Schema
from .settings import HubspotSettings

READ = ("dealname", "dealstage", "hs_is_closed", "hubspot_owner_id", *(each["name"] for each in NEEDED[DEALS]))
WARMTH = ("cold", "warm", "hot")
LONGEST_TEXT = 65_536
"""Characters of a property (HubSpot)."""


def step_of(push: DealPush, now: datetime) -> str:
    """What has come of the contact: the name of a field of `Stages`."""
    visits = [each for each in push.appointments if each.state != "cancelled"]
    if any(each.state == "booked" and each.ends_at > now for each in visits):
        return "booked"
    ended = [each for each in visits if each.state in ("showed", "no_show")]
    if ended:
        return ended[0].state
    return push.lead.temperature if push.lead is not None else "warm"


def is_opportunity(push: DealPush, least: str) -> bool:
    if least == "never":
        return False
    if any(each.state != "cancelled" for each in push.appointments):
        return True
    return push.lead is not None and WARMTH.index(push.lead.temperature) >= WARMTH.index(least)


def begins_anew(push: DealPush, closed: datetime, least: str) -> bool:
    """Whether something has begun since the deal was seen to be closed."""
    if any(each.created_at > closed and each.state != "cancelled" for each in push.appointments):
        return True
    for change in push.lead.history if push.lead is not None else ():
        before, after = change.before.get("temperature", "cold"), change.after.get("temperature")
        if change.at > closed and after in WARMTH and WARMTH.index(after) > WARMTH.index(before):
            return least != "never" and WARMTH.index(after) >= WARMTH.index(least)
    return False


class Deals:
    """Pushes deals."""

    def __init__(self, client: HubSpot, settings: HubspotSettings, schema: Schema, owners: Owners, now: Any) -> None:
        self._client = client
        self._settings = settings
        self._schema = schema
        self._owners = owners
        self._now = now

    async def push(self, pushes: Sequence[DealPush]) -> list[Pushed]:
        going = [each for each in pushes if each.reference.get("no") or is_opportunity(each, self._settings.deal_from)]
        told = {each.id: Pushed(id=each.id) for each in pushes}
        if not going:
            return list(told.values())
        await self._schema.ensure(DEALS)
        there = await self._there([_key(each) for each in going])
        records: dict[str, dict[str, str]] = {}
        references: dict[str, dict[str, Any]] = {}
        for each in going:
            reference, record = await self._written(each, there.get(_key(each)))
            references[each.id] = reference
            if record is not None:
                records[_key_of(each, reference)] = record
        made = await self._client.upsert(DEALS, DEAL_ID, records)
        ids = {str((each.get("properties") or {}).get(DEAL_ID)): str(each["id"]) for each in made.results}
        await self._associate(going, references, ids)
        for each in going:
            key, reference = _key_of(each, references[each.id]), references[each.id]
            if key in made.errors:
                told[each.id] = Pushed(id=each.id, error=made.errors[key], again=key in made.locked)
            elif key in records and key not in ids:
                told[each.id] = Pushed(id=each.id, error="HubSpot did not say what became of the deal", again=True)
            else:
                told[each.id] = Pushed(id=each.id, reference=reference)
        return list(told.values())

    async def _there(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        found = await self._client.read(DEALS, keys, READ, by=DEAL_ID)
        if found.errors:
            raise RetryLater(next(iter(found.errors.values())), after=10)
        return {str((each.get("properties") or {}).get(DEAL_ID)): each for each in found.results}

    async def _written(
        self, push: DealPush, there: Mapping[str, Any] | None
    ) -> tuple[dict[str, Any], dict[str, str] | None]:
        """What is kept of the deal, and what is to be written of it; None: nothing, it is closed."""
        reference = {"no": 1, **push.reference}
        current = (there or {}).get("properties") or {}
        if there is not None and str(current.get("hs_is_closed")).lower() == "true":
            closed = reference.setdefault("closed", self._now().isoformat())
            if not begins_anew(push, datetime.fromisoformat(closed), self._settings.deal_from):
                return reference, None
            reference, there, current = {"no": int(reference["no"]) + 1}, None, {}
        reference.pop("closed", None)
        record = self._ours(push)
        stage = getattr(self._settings.stages, step_of(push, self._now()))
        if there is None:
            reference.pop("deal", None)
            record |= {"dealname": _name(push), "pipeline": self._settings.pipeline}
            stage = stage or self._settings.stages.warm
        if stage and (there is None or current.get("dealstage") in ("", None, reference.get("stage"))):
            # Moved by a person in HubSpot, it stays where it was moved to.
            record["dealstage"] = reference["stage"] = stage
        owner = await self._owners.id_of(push.lead.owner if push.lead is not None else "")
        if owner and (current.get("hubspot_owner_id") or "") in ("", reference.get("owner")):
            record["hubspot_owner_id"] = reference["owner"] = owner
        return reference, record

    def _ours(self, push: DealPush) -> dict[str, str]:
        visits = [each for each in push.appointments if each.state == "booked" and each.ends_at > self._now()]
        told = {"frontdesk_next_visit": milliseconds(_first(visits).starts_at) if visits else ""}
        if push.lead is not None:
            told |= {
                "frontdesk_temperature": push.lead.temperature,
                "frontdesk_score": str(push.lead.score),
                "frontdesk_quote": push.lead.best_quote[:LONGEST_TEXT],
            }
            for field, name in self._settings.deal_fields.items():
                told[name] = push.lead.fields.get(field, "")[:LONGEST_TEXT]
        return told

    async def _associate(
        self, going: Sequence[DealPush], references: dict[str, dict[str, Any]], ids: Mapping[str, str]
    ) -> None:
        """Connect deals with their contacts: once for each pair, and once more after a crash."""
        pairs: list[tuple[str, str]] = []
        for each in going:
            reference, contact = references[each.id], str(each.of_contact.get("id", ""))
            deal = ids.get(_key_of(each, reference)) or str(reference.get("deal", ""))
            if deal and contact and reference.get("with") != [deal, contact]:
                pairs.append((deal, contact))
                reference |= {"deal": deal, "with": [deal, contact]}
        if pairs:
            await self._client.associate(DEALS, CONTACTS, pairs)


def _key(push: DealPush) -> str:
    return _key_of(push, push.reference)


def _key_of(push: DealPush, reference: Mapping[str, Any]) -> str:
    return f"{push.id}.{reference.get('no', 1)}"


def _first(visits: Sequence[Appointment]) -> Appointment:
    return min(visits, key=lambda each: each.starts_at)


def _name(push: DealPush) -> str:
    who = push.contact.name or push.contact.phone or "WhatsApp"
    what = next((each.service for each in push.appointments if each.service), "")
    need = push.lead.fields.get("need", "") if push.lead is not None else ""
    about = what or need
    return f"{who} – {about}"[:200] if about else who[:200]
