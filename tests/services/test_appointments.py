"""Appointments: booked once for each key, moved with their reminders, and in no state they cannot come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from frontdesk import Appointment, Change, Contact, Conversation, Plugin, Refused, Reminder, hookimpl
from frontdesk.services.appointments import Conflict, NotPossible
from frontdesk.testing.plugins import ScriptedModel

START = datetime(2030, 3, 5, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMES: dict[str, Any] = {"starts_at": START, "ends_at": START + HOUR, "zone": "Asia/Ho_Chi_Minh"}


class Diary(Plugin):
    """Books, and hears of it."""

    heard: list[str]

    @hookimpl
    async def start(self) -> None:
        self.heard = []

    @hookimpl
    async def on_appointment_changed(
        self, conversation: Conversation, contact: Contact, appointment: Appointment, change: Change
    ) -> None:
        self.heard.append(f"{contact.name} {change.what}")


async def lan(server: Any) -> str:
    contact = server.contact("Lan")
    await contact.says("thứ ba 9 giờ nhé")
    await contact.hears()
    return str(contact.id)


async def test_the_story_of_a_visit_is_kept_and_told(desk: Any) -> None:
    async with desk(plugins={"model": ScriptedModel, "diary": Diary}) as server:
        id, core = await lan(server), server.server.appointments
        diary = await server.plugin("diary")
        booked = await diary.appointments.book(id, "slot-1", words="thứ ba 9 giờ nhé", service="Khám", **TIMES)
        assert await diary.appointments.book(id, "slot-1", service="another", **TIMES) == booked
        rule = Reminder(rule="24h", at=START - timedelta(hours=24))
        noted = await diary.appointments.note(booked.id, "r1", reminder=rule)
        assert noted.reminders == (rule,)
        moved = await diary.appointments.move(booked.id, "move-1", starts_at=START + HOUR, ends_at=START + 2 * HOUR)
        assert (moved.moves, moved.reminders[0].state, moved.starts_at) == (1, "cancelled", START + HOUR)
        assert moved.history[-1].before["starts_at"] == "2030-03-05T09:00:00Z"
        with pytest.raises(Conflict):
            await core.become("clinic", booked.id, "showed", key="x", by="operator:minh", version=booked.version)
        gone = await diary.appointments.become(booked.id, "cancelled", "cancel-1", cause="the contact asked")
        assert (await core.of("clinic", id)) == [gone] == await diary.appointments.between(START, START + 2 * HOUR)
        with pytest.raises(Refused, match="only a booked one"):
            await diary.appointments.move(booked.id, "move-2", starts_at=START, ends_at=START + HOUR)
        with pytest.raises(NotPossible, match="cannot become showed"):
            await core.become("clinic", booked.id, "showed", key="y", by="operator:minh")
        await server.quiet()
        assert sorted(diary.heard) == ["Lan booked", "Lan cancelled", "Lan moved", "Lan reminded"]


async def test_times_that_cannot_be_are_refused(desk: Any) -> None:
    async with desk() as server:
        id, core = await lan(server), server.server.appointments
        for wrong in (
            {"ends_at": START},
            {"starts_at": START.replace(tzinfo=None)},
            {"zone": "Asia/Hanoi-West"},
        ):
            with pytest.raises((ValueError, KeyError)):
                await core.book("clinic", id, key="1", by="bot", **{**TIMES, **wrong})
        assert await core.of("clinic", id) == []
