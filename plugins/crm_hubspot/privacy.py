"""What HubSpot keeps of a contact: told, and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frontdesk import RetryLater

from .client import Batch, HubSpot
from .errors import Answered
from .paths import COMMUNICATIONS, CONTACTS, DEALS, NOTES
from .schema import ACTIVITY_ID, CONTACT_ID, DEAL_ID, NEEDED
from .settings import HubspotSettings

SHOWN = {
    CONTACTS: ("firstname", "lastname", "phone", "mobilephone", "email", *(each["name"] for each in NEEDED[CONTACTS])),
    DEALS: ("dealname", "dealstage", "amount", *(each["name"] for each in NEEDED[DEALS])),
    COMMUNICATIONS: (ACTIVITY_ID, "hs_timestamp", "hs_communication_body"),
    NOTES: (ACTIVITY_ID, "hs_timestamp", "hs_note_body"),
}
OURS = {DEALS: DEAL_ID, COMMUNICATIONS: ACTIVITY_ID, NOTES: ACTIVITY_ID}
"""Object type → the property that only records have that we made."""


def _whole(found: Batch) -> list[dict[str, Any]]:
    """What was read. Raises RetryLater if something was not: it is neither told nor erased as if it were not there."""
    if found.errors:
        raise RetryLater(next(iter(found.errors.values())), after=10)
    return found.results


class Privacy:
    """For one instance."""

    def __init__(self, client: HubSpot, settings: HubspotSettings) -> None:
        self._client = client
        self._settings = settings

    async def told(self, contacts: Sequence[str]) -> dict[str, Any] | None:
        """What HubSpot has of contacts of ours; None: nothing."""
        found = await self._found(contacts)
        if not found:
            return None
        return {"contacts": [await self._of(each) for each in found]}

    async def _of(self, contact: dict[str, Any]) -> dict[str, Any]:
        id = str(contact["id"])
        told: dict[str, Any] = {"id": id, "properties": contact.get("properties") or {}}
        for kind in OURS:
            records = await self._records(kind, id)
            told[kind] = [{"id": str(each["id"]), "properties": each.get("properties") or {}} for each in records]
        return told

    async def erase(self, contacts: Sequence[str]) -> list[str]:
        """Delete what we made, then the contact, as the settings say; HubSpot's ids. What is gone already is done."""
        found = await self._found(contacts)
        for contact in found:
            id = str(contact["id"])
            for kind in OURS:
                ids = [str(each["id"]) for each in await self._records(kind, id)]
                if ids:
                    await self._client.archive(kind, ids)
            await self._contact(id)
        return [str(contact["id"]) for contact in found]

    async def _contact(self, id: str) -> None:
        paths = self._client.paths
        match self._settings.on_erasure:
            case "gdpr_delete":
                try:
                    await self._client.post(paths.objects(CONTACTS, "gdpr-delete"), {"objectId": id})
                except Answered as err:
                    if err.status != 404:
                        raise
            case "archive":
                await self._client.archive(CONTACTS, [id])
            case "keep":
                # An empty value clears a property (HubSpot: "Contacts").
                _whole(await self._client.update(CONTACTS, {id: {each["name"]: "" for each in NEEDED[CONTACTS]}}))

    async def _found(self, contacts: Sequence[str]) -> list[dict[str, Any]]:
        try:
            found = await self._client.read(CONTACTS, list(contacts), SHOWN[CONTACTS], by=CONTACT_ID)
        except Answered as err:
            if err.category == "PROPERTY_DOESNT_EXIST" or CONTACT_ID in err.reason:
                return []  # nothing was ever pushed
            raise
        return _whole(found)

    async def _records(self, kind: str, contact: str) -> list[dict[str, Any]]:
        """The records of one kind that hang on a contact and that we made."""
        ids = await self._client.associated(CONTACTS, kind, contact)
        if not ids:
            return []
        found = await self._client.read(kind, ids, SHOWN[kind])
        return [each for each in _whole(found) if (each.get("properties") or {}).get(OURS[kind])]
