"""The smallest CRM: an address book in the plugin's own store, with a page a contact and the days they talked to us.

It shows all that a CRM has to implement, and nothing of any vendor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frontdesk import ActivityPush, Contact, ContactPush, DealPush, Plugin, Pushed, Settings, hookimpl


class AddressBookSettings(Settings):
    push_after: float = 60.0
    link: str = "https://book.example.com"


class AddressBook(Plugin):
    """Writes contacts into an address book."""

    settings: AddressBookSettings
    push_batch = 3

    @hookimpl
    async def push_contact(self, contacts: tuple[ContactPush, ...]) -> tuple[Pushed, ...]:
        told = []
        for each in contacts:
            page = await self.store.get("pages", each.id) or {}
            page |= {"name": each.contact.name, "phone": each.contact.phone, "writes": page.get("writes", 0) + 1}
            await self.store.put("pages", each.id, page)
            told.append(Pushed(id=each.id, reference={"page": each.id}, link=f"{self.settings.link}/{each.id}"))
        return tuple(told)

    @hookimpl
    async def push_deal(self, deals: tuple[DealPush, ...]) -> tuple[Pushed, ...]:
        for each in deals:
            page = await self.store.get("pages", each.of_contact["page"]) or {}
            page["temperature"] = each.lead.temperature if each.lead is not None else ""
            page["visits"] = [visit.starts_at.isoformat() for visit in each.appointments if visit.state == "booked"]
            await self.store.put("pages", each.of_contact["page"], page)
        return tuple(Pushed(id=each.id, reference={"page": each.id}) for each in deals)

    @hookimpl
    async def push_activity(self, activities: tuple[ActivityPush, ...]) -> tuple[Pushed, ...]:
        for each in activities:
            said = [message.text for message in each.messages]
            await self.store.put("days", each.id, {"contact": each.of_contact["page"], "said": said})
        return tuple(Pushed(id=each.id) for each in activities)

    @hookimpl
    async def export_contact(self, contact: Contact) -> Mapping[str, Any] | None:
        return await self.store.get("pages", contact.id)

    @hookimpl
    async def erase_contact(self, contact: Contact) -> None:
        for key, day in await self.store.list("days", limit=1000):
            if day["contact"] == contact.id:
                await self.store.delete("days", key)
        await self.store.delete("pages", contact.id)
