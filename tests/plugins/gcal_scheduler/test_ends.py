"""Where a change of a visit breaks off, or the calendar is away in the middle: what was told stays true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from frontdesk import RetryLater
from frontdesk.plugins.gcal_scheduler.calendars import Changed

from .conftest import GOOGLE, local

STAFF = [
    {"id": "lan", "name": "Cô Lan", "calendar": "lan@example.com"},
    {"id": "minh", "name": "Thầy Minh", "calendar": "minh@example.com"},
]
TWO = {**GOOGLE, "staff": STAFF}
AWAY = RetryLater("away")


class Dies(BaseException):
    """The process ends here."""


async def dies(*_: Any) -> None:
    raise Dies


def events(school: Any) -> list[tuple[str, str]]:
    """Calendar and local time of our events that stand."""
    standing = [each for each in school.paper.ours if each.state == "confirmed"]
    return [(each.calendar, f"{each.starts_at.astimezone(local(1, 1).tzinfo):%d/%m %H:%M}") for each in standing]


async def told(school: Any) -> list[str]:
    await school.server.quiet()
    return [each.text for each in (await school.server.plugin("phone")).sent]


async def test_a_visit_stays_with_whom_it_is_with_unless_another_is_named(business: Any) -> None:
    async with business(**TWO) as school:
        lan = await school.booker()
        visit = await lan.books("24/11 lúc 15:00", with_whom="Thầy Minh")
        (id,) = await lan.finds("25/11 lúc 9:00", appointment=visit)
        await school.plugin.move(visit, id, lan.context())
        assert (await school.plugin.appointments.get(visit)).resource == "Thầy Minh"
        (id,) = await lan.finds("26/11 lúc 9:00", appointment=visit, with_whom="Cô Lan")
        await school.plugin.move(visit, id, lan.context())
        assert (await school.plugin.appointments.get(visit)).resource == "Cô Lan"
        assert events(school) == [("lan@example.com", "26/11 09:00")]


@pytest.mark.parametrize("end", ["away", "dies"])
async def test_a_move_to_another_calendar_leaves_no_event_behind(business: Any, end: str) -> None:
    async with business(**TWO) as school:
        lan = await school.booker()
        visit = await lan.books("24/11 lúc 15:00", with_whom="Cô Lan")
        id = await lan.slot("25/11 lúc 9:00", appointment=visit, with_whom="Thầy Minh", service="trial")
        context, cancel = lan.context(), school.paper.cancel
        if end == "away":
            school.paper.fails = {"cancel": [AWAY]}
            await school.plugin.move(visit, id, context)  # it is moved, and told so
        else:
            school.paper.cancel = dies
            with pytest.raises(Dies):
                await school.plugin.move(visit, id, context)
            school.paper.cancel = cancel
            assert await school.plugin.find_move(visit, id, context) is not None
        school.server.clock.advance(700)
        await school.alerts()
        assert events(school) == [("minh@example.com", "25/11 09:00")]
        assert await school.taken("lan") == [] and await school.taken("minh") == [("booked", "25/11 09:00")]


async def test_a_move_that_clashes_is_undone_although_the_calendar_is_away_just_then(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        visit = await lan.books("24/11 lúc 15:00")
        id = await lan.slot("25/11 lúc 9:00", appointment=visit)

        def somebody_is_faster() -> None:
            school.paper.person(local(25, 9, 30))
            school.paper.fails["move"] = [AWAY]

        school.paper.after["move"] = [somebody_is_faster]
        with pytest.raises(RetryLater):
            await school.plugin.move(visit, id, lan.context())
        school.server.clock.advance(700)
        await school.alerts()
        assert [at for _, at in events(school)] == ["24/11 15:00"]
        assert (await school.plugin.appointments.get(visit)).starts_at == local(24, 15)


async def test_a_cancellation_whose_answer_was_lost_is_done(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        visit = await lan.books("24/11 lúc 15:00")
        cancel = school.paper.cancel

        async def lost(event: Any) -> None:
            await cancel(event)
            raise AWAY

        school.paper.cancel = lost
        await school.plugin.cancel(visit, lan.context())
        assert (await school.plugin.appointments.get(visit)).state == "cancelled"


async def test_a_cancellation_that_failed_leaves_the_visit_as_it_was(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        visit = await lan.books("24/11 lúc 15:00")
        school.paper.fails = {"cancel": [AWAY]}
        with pytest.raises(RetryLater):
            await school.plugin.cancel(visit, lan.context())
        (event,) = school.paper.ours
        await school.plugin.outside.apply(replace(event, state="cancelled"))
        assert any("hủy" in text for text in await told(school)), "a person's deletion is told all the same"


@pytest.mark.parametrize("what", ["deleted", "moved"])
async def test_what_people_did_in_the_calendar_is_told_though_the_process_dies_in_between(
    business: Any, what: str
) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        visit = await lan.books("24/11 lúc 15:00")
        (event,) = school.paper.ours
        after = replace(event, state="cancelled") if what == "deleted" else school.paper.moved(event.id, local(26, 10))
        visits, put = school.plugin.outside._visits, school.plugin.outside._put
        cancelled = visits.cancelled
        visits.cancelled = school.plugin.outside._put = dies
        with pytest.raises(Dies):
            await school.plugin.outside.apply(after)
        visits.cancelled, school.plugin.outside._put = cancelled, put
        await school.plugin.outside.apply(after)
        await school.alerts()
        texts = [text for text in await told(school) if "15:00" in text and ("hủy" in text or "10:00" in text)]
        assert len(texts) == 1, await told(school)
        assert await school.taken("lan") == ([] if what == "deleted" else [("booked", "26/11 10:00")])
        assert (await school.plugin.appointments.get(visit)).state == ("cancelled" if what == "deleted" else "booked")


async def test_an_event_that_is_gone_when_an_operator_moves_the_visit_is_heard_of(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        visit = await lan.books("24/11 lúc 15:00")

        async def gone(event: Any) -> Any:
            raise Changed(None)

        school.paper.move = gone
        await school.server.server.appointments.move(
            "school", visit, key="op", by="operator:hoa", starts_at=local(26, 9), ends_at=local(26, 10)
        )
        await school.alerts()
        assert (await school.plugin.appointments.get(visit)).state == "cancelled"
        assert await school.taken("lan") == []
