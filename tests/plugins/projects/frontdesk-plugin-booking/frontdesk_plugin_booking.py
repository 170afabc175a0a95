"""A booking plugin as somebody outside might write it: free times, a deed that books, one that cancels.

A project of its own, with its own entry point. It needs no pip to be found by a real server: the `.dist-info` beside this
file is what an installation would leave, so putting the folder on the path installs it:

    PYTHONPATH=tests/plugins/projects/frontdesk-plugin-booking frontdesk serve tenants.yaml

    plugins:
      - booking: {times: ["09:00", "10:30", "15:00"], journal: /tmp/journal.jsonl}

Tests in process take the class from the fixture `booking_plugin` (tests/conftest.py). With
`journal`, each booking and cancellation that really happened is one line of JSON (`did`, `slot`, `key`, `contact`): crash
tests count them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from frontdesk import Done, Plugin, Refused, Settings, ToolContext, tool

WORDS = {
    "vi": {
        "days": ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật"),
        "when": "{at:%H:%M} {day}, {at:%d/%m/%Y}",
        "full": "Ngày {day:%d/%m/%Y} không còn giờ trống.",
        "booked": "Em đã đặt lịch {when} cho {name} ạ.",
        "taken": "giờ này vừa có người đặt, mời chọn giờ khác",
        "unknown": "không có giờ này; hãy hỏi lại các giờ trống",
        "none": "Chưa có lịch hẹn nào.",
        "cancelled": "Em đã hủy lịch hẹn {when} ạ.",
        "no_booking": "không tìm thấy lịch hẹn này",
    },
    "en": {
        "days": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        "when": "{day} {at:%d/%m/%Y} at {at:%H:%M}",
        "full": "Nothing is free on {day:%d/%m/%Y}.",
        "booked": "You are booked for {when}, {name}.",
        "taken": "that time has just been taken, please choose another",
        "unknown": "there is no such time; ask for the free times again",
        "none": "There are no bookings.",
        "cancelled": "Your booking for {when} is cancelled.",
        "no_booking": "there is no such booking",
    },
}


class BookingSettings(Settings):
    """When visits can be booked, and where tests may count them."""

    times: tuple[time, ...] = (time(9), time(10, 30), time(15))
    """The slots of every day, in the tenant's time zone, e.g. `"09:00"`."""
    days_ahead: int = 60
    """How many days ahead can be booked."""
    journal: str = ""
    """A file to which each change of the world is appended as a line of JSON; empty: none."""


class Booking(Plugin):
    """Books visits, one contact per slot. The slots' ids say nothing; they are the same in every process."""

    settings: BookingSettings

    @tool
    async def free_times(self, day: date) -> str:
        """The free times for a visit on one day, one a line: the id, a dash, and the time as people say it.

        Args:
            day: The day that is asked for.
        """
        now = self.clock.now()
        free = [
            f"{id} — {self._said(at)}"
            for id, at in self._slots()
            if at.date() == day and at > now and await self.store.get("bookings", id) is None
        ]
        return "\n".join(free) or self._say("full", day=day)

    @tool(deed=True, lookup="find_booking")
    async def book(self, slot: str, name: str, context: ToolContext) -> Done:
        """Book a visit at one of the free times.

        Args:
            slot: The id of a free time, as free_times gave it.
            name: Whom the visit is for.
        """
        at = dict(self._slots()).get(slot)
        if at is None:
            raise Refused(self._say("unknown"))
        booking = {"key": context.key, "contact": context.contact.id, "name": name, "at": at.isoformat()}
        if not await self.store.insert("bookings", slot, booking):
            raise Refused(self._say("taken"))
        await self._note("booked", slot, context)
        return self._booked(booking)

    async def find_booking(self, slot: str, name: str, context: ToolContext) -> Done | None:
        """Whether the deed with this key has booked the slot."""
        found = await self.store.get("bookings", slot)
        return self._booked(found) if found is not None and found["key"] == context.key else None

    @tool
    async def my_bookings(self, context: ToolContext) -> str:
        """The visits this contact has booked, one a line: the id, a dash, and when."""
        own = [
            f"{_booking_id(slot)} — {self._said(datetime.fromisoformat(booking['at']))}"
            for slot, booking in await self._bookings()
            if booking["contact"] == context.contact.id
        ]
        return "\n".join(own) or self._say("none")

    @tool(deed=True, repeatable=True)
    async def cancel(self, booking: str, context: ToolContext) -> Done:
        """Cancel a booked visit.

        Args:
            booking: The id of the booked visit, as my_bookings gave it.
        """
        cancelled = await self.store.get("cancelled", context.key)
        if cancelled is None:
            mine = {_booking_id(slot): (slot, kept) for slot, kept in await self._bookings()}
            slot, kept = mine.get(booking, ("", {}))
            if kept.get("contact") != context.contact.id:
                raise Refused(self._say("no_booking"))
            # What is to go is written down first: a repetition after a crash ends what this one began.
            cancelled = {"slot": slot, "at": kept["at"]}
            await self.store.put("cancelled", context.key, cancelled)
        if await self.store.delete("bookings", cancelled["slot"]):
            await self._note("cancelled", cancelled["slot"], context)
        said = self._say("cancelled", when=self._said(datetime.fromisoformat(cancelled["at"])))
        return Done(told=said, sentence=said)

    def _slots(self) -> Iterator[tuple[str, datetime]]:
        """(id, start) of every slot there is, from today on."""
        zone = self.tenant.zone
        today = self.clock.now().astimezone(zone).date()
        for ahead in range(self.settings.days_ahead + 1):
            for start in self.settings.times:
                at = datetime.combine(today + timedelta(days=ahead), start, zone)
                yield f"sl{_digest(self.tenant.id, at.isoformat())}", at

    async def _bookings(self) -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        while page := await self.store.list("bookings", after=found[-1][0] if found else ""):
            found += page
        return sorted(found, key=lambda pair: pair[1]["at"])

    def _booked(self, booking: dict[str, Any]) -> Done:
        said = self._say("booked", when=self._said(datetime.fromisoformat(booking["at"])), name=booking["name"])
        return Done(told=said, sentence=said)

    def _said(self, at: datetime) -> str:
        at = at.astimezone(self.tenant.zone)
        return self._say("when", at=at, day=self._words["days"][at.weekday()])

    def _say(self, key: str, **values: Any) -> str:
        return str(self._words[key]).format(**values)

    @property
    def _words(self) -> dict[str, Any]:
        return WORDS["vi" if self.tenant.language.startswith("vi") else "en"]

    async def _note(self, did: str, slot: str, context: ToolContext) -> None:
        if self.settings.journal:
            line = {"did": did, "slot": slot, "key": context.key, "contact": context.contact.id}
            await asyncio.to_thread(_append, Path(self.settings.journal), json.dumps(line) + "\n")


def _append(path: Path, line: str) -> None:
    """On disk when this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]


def _booking_id(slot: str) -> str:
    return f"bk{_digest(slot)}"
