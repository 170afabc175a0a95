"""What a contact has been offered: slots by ids that say nothing, which work for this contact alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from frontdesk import Plugin

from .rules import Rules, Slot

COLLECTION = "offers"
KEPT = 60
"""Offers of a contact, the newest."""
LASTS = timedelta(days=2)


def slot_id(tenant: str, slot: Slot) -> str:
    """The same slot has the same id, in every process."""
    told = "\n".join((tenant, slot.service.id, slot.staff.id, slot.begins.isoformat()))
    return f"s{hashlib.sha256(told.encode()).hexdigest()[:10]}"


class Offers:
    """Of one tenant."""

    def __init__(self, plugin: Plugin, rules: Rules) -> None:
        self._plugin = plugin
        self._rules = rules

    async def make(self, contact: str, slots: Sequence[Slot]) -> list[str]:
        """Remember that these were offered; their ids."""
        now = self._plugin.clock.now()
        kept = await self._kept(contact, now)
        ids = [slot_id(self._plugin.tenant.id, slot) for slot in slots]
        for id, slot in zip(ids, slots, strict=True):
            kept.pop(id, None)
            kept[id] = {
                "service": slot.service.id,
                "staff": slot.staff.id,
                "begins": slot.begins.isoformat(),
                "at": now.isoformat(),
            }
        await self._plugin.store.put(COLLECTION, contact, {"slots": dict(list(kept.items())[-KEPT:])})
        return ids

    async def slot(self, contact: str, id: str) -> Slot | None:
        """What was offered to this contact by this id; None: nothing, or its service or staff is gone."""
        found = (await self._kept(contact, self._plugin.clock.now())).get(id.strip())
        if found is None:
            return None
        return self._slot(found)

    async def forget(self, contact: str) -> None:
        """Everything that was offered to a contact."""
        await self._plugin.store.delete(COLLECTION, contact)

    async def _kept(self, contact: str, now: datetime) -> dict[str, dict[str, Any]]:
        there = await self._plugin.store.get(COLLECTION, contact) or {}
        offered: dict[str, dict[str, Any]] = there.get("slots", {})
        return {id: each for id, each in offered.items() if now - datetime.fromisoformat(each["at"]) < LASTS}

    def _slot(self, kept: dict[str, Any]) -> Slot | None:
        service = self._rules.service(kept["service"])
        staff = next((each for each in self._rules.staff if each.id == kept["staff"]), None)
        if service is None or staff is None:
            return None
        return Slot(service=service, staff=staff, begins=datetime.fromisoformat(kept["begins"]))
