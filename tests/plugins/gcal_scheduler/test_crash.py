"""A process that dies at any step of a booking, a move or a cancellation: what was begun ends, once."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk import ModelReply, ToolCall

from .conftest import GOOGLE, Business, local

SLOW = pytest.mark.slow
BOOKING = [
    pytest.param("deed.intended", 1, marks=SLOW),
    ("days.taken", 1),  # as writing: the calendar is not written
    ("record.announced", 1),  # the calendar is written
    ("record.written", 1),
    pytest.param("days.taken", 2, marks=SLOW),  # as booked
    pytest.param("deed.ran", 1, marks=SLOW),
    pytest.param("deed.journalled", 1, marks=SLOW),
]


def asks(tool: str, **arguments: str) -> ModelReply:
    return ModelReply(tool_calls=(ToolCall(id=f"call-{tool}", name=tool, arguments=arguments),))


async def dies(school: Business, death: Any, name: str, *script: Any) -> None:
    """The contact writes, the model asks for *script*, and the process dies on the way."""
    contact, model = school.server.contact(name), await school.server.plugin("model")
    model.script = [*script, "Xong rồi ạ."]
    await contact.says("Dạ vâng", id="the-second")

    async def happened() -> bool:
        return bool(death.happened)

    await school.server.until("it died", happened)


async def lives(school: Business, name: str) -> None:
    """The next process takes it up, and the contact hears the end of it."""
    contact = school.server.contact(name)
    (await school.server.plugin("model")).script = ["Xong rồi ạ."]
    assert await contact.hears() != "" and await contact.hears() == "Xong rồi ạ."
    await school.server.quiet()


@pytest.mark.parametrize(("point", "nth"), BOOKING)
async def test_a_booking_that_died_is_one_booking(business: Any, dies_at: Any, point: str, nth: int) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        id = await lan.slot("24/11 lúc 15:00")
        await school.plugin.hold_slot(id, lan.context())
        await school.server.quiet()
        await dies(school, dies_at(point, nth), "Lan", asks("book", slot=id))
    school.server.clock.advance(20)
    async with business(school.paper, school.server.clock, **GOOGLE) as after:
        await lives(after, "Lan")
        (there,) = await after.plugin.appointments.of(lan.contact.id)
        (event,) = after.paper.ours
        assert (there.starts_at, there.reference["event"]) == (local(24, 15), event.id)
        assert await after.taken("lan") == [("booked", "24/11 15:00")]
        after.server.clock.advance(700)
        assert await after.alerts() == [] and await after.taken("lan") == [("booked", "24/11 15:00")]


MOVE = [
    pytest.param("deed.intended", 1, marks=SLOW),
    pytest.param("days.taken", 1, marks=SLOW),
    ("record.announced", 1),
    ("record.written", 1),
    pytest.param("deed.ran", 1, marks=SLOW),
]


@pytest.mark.parametrize(("point", "nth"), MOVE)
async def test_a_move_that_died_is_one_move(business: Any, dies_at: Any, point: str, nth: int) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        visit = await lan.books("24/11 lúc 15:00")
        id = await lan.slot("25/11 lúc 9:00", appointment=visit)
        await school.server.quiet()
        await dies(school, dies_at(point, nth), "Lan", asks("move", appointment=visit, slot=id))
    school.server.clock.advance(20)
    async with business(school.paper, school.server.clock, **GOOGLE) as after:
        await lives(after, "Lan")
        there = await after.plugin.appointments.get(visit)
        assert (there.starts_at, there.moves) == (local(25, 9), 1)
        assert [each.starts_at for each in after.paper.ours] == [local(25, 9)]
        assert await after.taken("lan") == [("booked", "25/11 09:00")]


@pytest.mark.parametrize(("point", "nth"), [("record.announced", 1), ("record.written", 1)])
async def test_a_cancellation_that_died_is_one(business: Any, dies_at: Any, point: str, nth: int) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        visit = await lan.books("24/11 lúc 15:00")
        await school.server.quiet()
        await dies(school, dies_at(point, nth), "Lan", asks("cancel", appointment=visit))
    school.server.clock.advance(20)
    async with business(school.paper, school.server.clock, **GOOGLE) as after:
        await lives(after, "Lan")
        assert (await after.plugin.appointments.get(visit)).state == "cancelled"
        assert after.paper.ours == [] and await after.taken("lan") == []


async def test_a_booking_that_nobody_takes_up_again_is_undone(business: Any, dies_at: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        id = await lan.slot("24/11 lúc 15:00")
        await school.server.quiet()
        await dies(school, dies_at("record.announced"), "Lan", asks("book", slot=id))
    school.server.clock.advance(20)
    async with business(school.paper, school.server.clock, **GOOGLE) as after:
        # An operator has taken the conversation over: the turn is withdrawn.
        await after.server.server.ownership.take("school", lan.conversation.id, "minh")
        assert len(after.paper.ours) == 1
        after.server.clock.advance(700)
        (alert,) = await after.alerts()
        assert alert.startswith("Đặt lịch dở dang: Buổi học thử – Lan, 15:00 thứ Ba 24/11, Cô Lan")
        assert after.paper.ours == [] and await after.taken("lan") == []
