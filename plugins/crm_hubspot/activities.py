"""What was said, on the contact's timeline: each day one WhatsApp message, and one note with the summary.

HubSpot: "Communications" (channel type WHATS_APP, logged from CRM), "Notes". Bodies are HTML.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from frontdesk import ActivityPush, Message, Pushed

from .client import HubSpot, milliseconds
from .owners import Owners
from .paths import COMMUNICATIONS, CONTACTS, DEALS, NOTES
from .schema import ACTIVITY_ID, Schema
from .settings import HubspotSettings

LONGEST_BODY = 60_000
"""Characters; HubSpot takes 65,536."""
KINDS = {"voice": "🎤", "image": "🖼", "video": "🎬", "document": "📎", "sticker": "🖼", "location": "📍"}


def line(message: Message, zone: ZoneInfo, contact: str) -> str:
    """A message as HTML: when, who, what."""
    at = message.at.astimezone(zone)
    who = contact if message.direction == "inbound" else message.author.partition(":")[2] or "bot"
    said = f"{KINDS.get(message.kind, '')} {message.text}".strip()
    text = html.escape(said, quote=False).replace("\n", "<br>")
    return f"<p>{at:%H:%M} <strong>{html.escape(who, quote=False)}</strong>: {text}</p>"


def body(push: ActivityPush, zone: ZoneInfo) -> str:
    """The day's conversation; of one that is too long the newest part."""
    kept: list[str] = []
    length = 0
    for message in reversed(push.messages):
        told = line(message, zone, push.contact.name or push.contact.phone or "Contact")
        length += len(told)
        if length > LONGEST_BODY:
            kept.append("<p>…</p>")
            break
        kept.append(told)
    return "".join(reversed(kept))


def note(push: ActivityPush) -> str:
    """What a salesperson wants to know; empty: there is nothing to say yet."""
    parts = []
    if push.summary:
        parts.append(f"<p>{html.escape(push.summary, quote=False)}</p>".replace("\n", "<br>"))
    if push.lead is not None:
        rows = [f"{name}: {value}" for name, value in push.lead.fields.items() if value]
        if rows:
            parts.append("<p>" + "<br>".join(html.escape(row, quote=False) for row in rows) + "</p>")
        if push.lead.best_quote:
            parts.append(f"<blockquote>{html.escape(push.lead.best_quote, quote=False)}</blockquote>")
    return "".join(parts)[:LONGEST_BODY]


class Activities:
    """Pushes what was said."""

    def __init__(
        self, client: HubSpot, settings: HubspotSettings, schema: Schema, owners: Owners, zone: ZoneInfo
    ) -> None:
        self._client = client
        self._settings = settings
        self._schema = schema
        self._owners = owners
        self._zone = zone

    async def push(self, pushes: Sequence[ActivityPush]) -> list[Pushed]:
        told = {each.id: Pushed(id=each.id, reference=dict(each.reference)) for each in pushes}
        if self._settings.activities:
            days = {each.id: await self._day(each) for each in pushes}
            await self._write(COMMUNICATIONS, days, pushes, told)
        if self._settings.notes:
            # Of a contact who has several days in one push, the note is the newest's.
            newest = {each.contact.id: each for each in pushes}
            notes = {each.id: record for each in newest.values() if (record := await self._note(each)) is not None}
            await self._write(NOTES, notes, list(newest.values()), told)
        return list(told.values())

    async def _day(self, push: ActivityPush) -> dict[str, str]:
        return {
            ACTIVITY_ID: push.id,
            "hs_communication_channel_type": "WHATS_APP",
            "hs_communication_logged_from": "CRM",
            "hs_communication_body": body(push, self._zone),
            "hs_timestamp": milliseconds(push.begins),
            **await self._owner(push),
        }

    async def _note(self, push: ActivityPush) -> dict[str, str] | None:
        text = note(push)
        if not text or push.reference.get("note_of") == _digest(text):
            return None
        return {
            ACTIVITY_ID: f"{push.contact.id}.summary",
            "hs_note_body": text,
            "hs_timestamp": milliseconds(push.ends),
            **await self._owner(push),
        }

    async def _owner(self, push: ActivityPush) -> dict[str, str]:
        owner = await self._owners.id_of(push.lead.owner if push.lead is not None else "")
        return {"hubspot_owner_id": owner} if owner else {}

    async def _write(
        self, kind: str, records: Mapping[str, dict[str, str]], pushes: Sequence[ActivityPush], told: dict[str, Pushed]
    ) -> None:
        """Write *records* (push's id → properties) and connect them with contact and deal."""
        if not records:
            return
        await self._schema.ensure(kind)
        keys = {push: record[ACTIVITY_ID] for push, record in records.items()}
        made = await self._client.upsert(
            kind, ACTIVITY_ID, {record[ACTIVITY_ID]: record for record in records.values()}
        )
        ids = {str((each.get("properties") or {}).get(ACTIVITY_ID)): str(each["id"]) for each in made.results}
        going = [each for each in pushes if each.id in records]
        await self._connect(kind, {each.id: ids.get(keys[each.id], "") for each in going}, going, told)
        for each in going:
            key = keys[each.id]
            if key in made.errors:
                told[each.id] = Pushed(id=each.id, error=made.errors[key], again=key in made.locked)
            elif key not in ids:
                told[each.id] = Pushed(id=each.id, error=f"HubSpot did not say what became of {kind}", again=True)
            elif kind == NOTES:
                told[each.id].reference["note_of"] = _digest(note(each))

    async def _connect(
        self, kind: str, ids: Mapping[str, str], pushes: Sequence[ActivityPush], told: dict[str, Pushed]
    ) -> None:
        pairs: dict[str, list[tuple[str, str]]] = {CONTACTS: [], DEALS: []}
        for each in pushes:
            id = ids[each.id]
            reference = told[each.id].reference
            for to, other in ((CONTACTS, each.of_contact.get("id")), (DEALS, each.of_deal.get("deal"))):
                name = f"{kind}-{to}"
                if id and other and reference.get(name) != [id, other]:
                    pairs[to].append((id, str(other)))
                    reference[name] = [id, other]
        for to, found in pairs.items():
            if found:
                await self._client.associate(kind, to, found)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
