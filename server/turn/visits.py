"""The contact's visits, from their records as they are while a reply is checked.

What a deed of an earlier turn has booked may be cancelled or moved since, by an operator or in the calendar. Where a plugin
keeps records, only they tell what stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ..model import Conversation, Deed
from ..records import Appointment
from ..store import Between, Repository
from ..store.collections import APPOINTMENTS
from ..truth import Shown, kinds_of_tool

MOST = 50
"""Visits that a reply may tell of: those that are not over."""
_OF_RECORDS = frozenset({"book", "move", "remind"})


async def read(repository: Repository, conversation: Conversation, now: datetime) -> Sequence[Appointment]:
    """Those that begin from *now* on, cancelled ones too; of all that the contact turned out to be."""
    return [
        each
        for part in conversation.parts
        for each in await repository.find(
            APPOINTMENTS, {"contact": part, "starts_at": Between(now)}, order_by="starts_at", limit=MOST
        )
    ]


def shown(visits: Sequence[Appointment], zone: ZoneInfo) -> list[Shown]:
    """What stands of them, as a look-up would have told it."""
    return [Shown(tool="own appointments", told=[_told(each, zone)]) for each in visits if each.state == "booked"]


def without_records(deeds: Sequence[Deed], visits: Sequence[Appointment]) -> list[Deed]:
    """Those of *deeds* that no record tells of: of a plugin that keeps some for this contact, its bookings are left out."""
    keepers = {each.plugin for each in visits}
    return [each for each in deeds if each.plugin not in keepers or not kinds_of_tool(each.tool, "") & _OF_RECORDS]


def _told(visit: Appointment, zone: ZoneInfo) -> str:
    starts = visit.starts_at.astimezone(zone)
    words = [f"booked {starts:%Y-%m-%d %H:%M}", visit.service, visit.resource]
    words += ["moved"] if visit.moves else []
    words += ["reminder"] if any(each.state in ("planned", "sent") for each in visit.reminders) else []
    return ", ".join(word for word in words if word)
