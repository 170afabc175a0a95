"""The calendar and the people who write in it: conflicts, failures, and what is done there coming back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from frontdesk import NeedsAttention, Refused, RetryLater
from frontdesk.plugins.gcal_scheduler.visits import Unsure

from .conftest import GOOGLE, Booker, Business, PaperCalendar, local

AWAY = "the calendar does not answer"


async def written(school: Business) -> tuple[Booker, str]:
    """A visit of Lan's, Tuesday at 15:00."""
    lan = await school.booker()
    return lan, await lan.books("24/11 lúc 15:00")


async def test_the_event_says_who_comes_and_is_found_by_its_id(business: Any) -> None:
    async with business(**GOOGLE) as school:
        _, visit = await written(school)
        (event,) = school.paper.ours
        there = await school.plugin.appointments.get(visit)
        assert (event.title, event.appointment, event.zone) == ("Buổi học thử – Lan", visit, "Asia/Ho_Chi_Minh")
        assert there.reference["event"] == event.id and set(event.id) <= set("0123456789abcdefghijklmnopqrstuv")
        assert there.resource == "Cô Lan" and there.reference["etag"] == event.etag


async def test_what_people_have_in_the_calendar_is_not_free(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        id = await lan.slot("24/11 lúc 15:00")
        school.paper.person(local(24, 15, 30))
        assert id not in await lan.finds("24/11 lúc 15:00")
        assert "vừa có người đặt" in await lan.refused(school.plugin.book(id, lan.context()))
        assert await school.taken("lan") == [] and school.paper.ours == []


async def test_of_a_person_and_us_at_one_time_ours_is_undone_and_all_are_told(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        id = await lan.slot("24/11 lúc 15:00")
        # Between the look at the calendar and our event, and exactly as long: no free/busy tells the two apart.
        school.paper.after["write"] = [lambda: school.paper.person(local(24, 15), 60) and None]
        assert "vừa có người đặt" in await lan.refused(school.plugin.book(id, lan.context()))
        assert school.paper.ours == [] and await school.taken("lan") == []
        assert await school.plugin.appointments.of(lan.contact.id) == []
        (alert,) = await school.alerts()
        assert alert.startswith("Trùng lịch: Buổi học thử, 15:00 thứ Ba 24/11, Cô Lan")


async def test_a_move_onto_a_person_is_put_back(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan, visit = await written(school)
        id = await lan.slot("25/11 lúc 9:00", appointment=visit)
        school.paper.after["move"] = [lambda: school.paper.person(local(25, 9, 30)) and None]
        assert "vừa có người đặt" in await lan.refused(school.plugin.move(visit, id, lan.context()))
        (event,) = school.paper.ours
        assert event.starts_at == local(24, 15) and event.title == "Buổi học thử – Lan"
        assert await school.taken("lan") == [("booked", "24/11 15:00")]


async def test_a_calendar_that_takes_nothing_leaves_the_time_free(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        for day, fails in enumerate((RetryLater(AWAY), NeedsAttention("no permission"), Refused("never")), 24):
            id, context, before = await lan.slot(f"{day}/11 lúc 15:00"), lan.context(), await school.taken("lan")
            school.paper.fails = {"write": [fails]}
            with pytest.raises(type(fails)):
                await school.plugin.book(id, context)
            assert await school.taken("lan") == before and await school.plugin.find_booking(id, context) is None
            await school.plugin.book(id, context)
            assert await school.taken("lan") == [*before, ("booked", f"{day}/11 15:00")]
        assert len(school.paper.ours) == 3


async def test_what_was_written_though_the_answer_was_lost_is_booked(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        lost = RetryLater(AWAY)

        class Drops(PaperCalendar):
            async def write(self, event: Any) -> Any:
                await super().write(event)
                raise lost

        school.plugin.visits._calendars = drops = Drops()
        await school.plugin.book(await lan.slot("24/11 lúc 15:00"), lan.context())
        assert len(drops.ours) == 1 and await school.taken("lan") == [("booked", "24/11 15:00")]


async def test_where_nobody_knows_the_time_stays_taken_until_it_is_undone(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        id, context = await lan.slot("24/11 lúc 15:00"), lan.context()
        school.paper.fails = {"write": [RetryLater(AWAY)], "read": [RetryLater(AWAY)]}
        with pytest.raises(Unsure):
            await school.plugin.book(id, context)
        assert await school.taken("lan") == [("writing", "24/11 15:00")]
        school.server.clock.advance(601)
        alerts = await school.alerts()
        assert await school.taken("lan") == []
        assert [alert.partition(":")[0] for alert in alerts] == ["Đặt lịch dở dang"]


async def test_the_same_deed_again_finds_what_it_wrote(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        id, context = await lan.slot("24/11 lúc 15:00"), lan.context()
        school.paper.fails = {"write": [RetryLater(AWAY)], "read": [RetryLater(AWAY)]}
        with pytest.raises(Unsure):
            await school.plugin.book(id, context)
        await school.plugin.book(id, context)
        school.server.clock.advance(601)
        assert await school.alerts() == []
        assert await school.taken("lan") == [("booked", "24/11 15:00")] and len(school.paper.ours) == 1


async def test_an_event_that_was_deleted_before_its_record_was_there_gets_another_id(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        id, context = await lan.slot("24/11 lúc 15:00"), lan.context()
        school.paper.fails = {"others": []}
        school.paper.after["write"] = [lambda: school.paper.events.update(
            {key: replace(each, state="cancelled") for key, each in school.paper.events.items()}
        )]  # fmt: skip
        school.paper.fails["write"] = []

        class Dies(BaseException):
            pass

        original = school.plugin.appointments.book

        async def dies(*_: Any, **__: Any) -> None:
            raise Dies

        school.plugin.appointments.book = dies
        with pytest.raises(Dies):
            await school.plugin.book(id, context)
        school.plugin.appointments.book = original
        await school.plugin.book(id, context)
        there = await school.plugin.appointments.get(school.plugin.appointments.id_of(context.key))
        assert there.reference["attempt"] == 1 and [each.id for each in school.paper.ours] == [there.reference["event"]]
        assert await school.taken("lan") == [("booked", "24/11 15:00")]


# What people do in the calendar.


async def test_a_visit_moved_in_the_calendar_is_moved_here_and_the_contact_is_told(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan, visit = await written(school)
        (event,) = school.paper.ours
        for _ in range(2):
            await school.plugin.outside.apply(school.paper.moved(event.id, local(26, 10)))
        there = await school.plugin.appointments.get(visit)
        assert (there.starts_at, there.moves) == (local(26, 10), 1)
        assert "moved in the calendar lan@example.com" in [each.cause for each in there.history]
        assert await school.taken("lan") == [("booked", "26/11 10:00")]
        await school.server.quiet()
        sent = [each.text for each in (await school.server.plugin("phone")).sent]
        assert sent[1:] == [
            "Lịch hẹn Buổi học thử lúc 15:00 thứ Ba 24/11 đã được dời sang 10:00 thứ Năm 26/11. "
            "Nếu không tiện, mình nhắn lại để đổi giờ nhé."
        ]
        later = await lan.slot("27/11 lúc 9:00", appointment=visit)
        assert "27/11" in (await school.plugin.move(visit, later, lan.context())).sentence


async def test_a_visit_deleted_in_the_calendar_is_cancelled_here(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan, visit = await written(school)
        (event,) = school.paper.ours
        for _ in range(2):
            await school.plugin.outside.apply(replace(event, state="cancelled"))
        assert (await school.plugin.appointments.get(visit)).state == "cancelled" and await school.taken("lan") == []
        await school.server.quiet()
        assert "đã bị hủy" in (await school.server.plugin("phone")).sent[-1].text
        assert "không còn hiệu lực" in await lan.refused(school.plugin.cancel(visit, lan.context()))


async def test_a_visit_moved_onto_another_one_stands_and_operators_are_told(business: Any) -> None:
    async with business(**GOOGLE) as school:
        await written(school)
        minh = await school.booker("Minh")
        await minh.books("26/11 lúc 10:00")
        event = next(each for each in school.paper.ours if "Lan" in each.title)
        await school.plugin.outside.apply(school.paper.moved(event.id, local(26, 10, 30)))
        assert await school.taken("lan") == [("booked", "26/11 10:00"), ("booked", "26/11 10:30")]
        (alert,) = await school.alerts()
        assert "trùng giờ với một lịch khác" in alert


async def test_who_moves_what_was_moved_meanwhile_hears_of_it_first(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan, visit = await written(school)
        (event,) = school.paper.ours
        id = await lan.slot("25/11 lúc 9:00", appointment=visit)
        school.paper.moved(event.id, local(26, 10))
        told = await lan.refused(school.plugin.move(visit, id, lan.context()))
        assert "vừa được đổi sang 10:00 thứ Năm 26/11" in told
        assert await school.taken("lan") == [("booked", "26/11 10:00")]
        await school.plugin.move(visit, id, lan.context())
        assert await school.taken("lan") == [("booked", "25/11 09:00")]
        assert school.paper.ours[0].starts_at == local(25, 9)


async def test_who_moves_what_was_only_renamed_moves_it(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan, visit = await written(school)
        (event,) = school.paper.ours
        school.paper.moved(event.id, event.starts_at)
        await school.plugin.move(visit, await lan.slot("25/11 lúc 9:00", appointment=visit), lan.context())
        assert school.paper.ours[0].starts_at == local(25, 9)


# What operators and other plugins do.


async def test_what_an_operator_cancels_is_out_of_the_calendar_and_the_time_is_free(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan, visit = await written(school)
        core = school.server.server.appointments
        await core.become("school", visit, "cancelled", key="op-1", by="operator:minh")
        await school.server.quiet()
        assert school.paper.ours == [] and await school.taken("lan") == []
        await core.become("school", visit, "booked", key="op-2", by="operator:minh")
        await school.server.quiet()
        assert [each.starts_at for each in school.paper.ours] == [local(24, 15)]
        assert await school.taken("lan") == [("booked", "24/11 15:00")]
        there = await core.get("school", visit)
        assert there is not None and there.reference["event"] == school.paper.ours[0].id
        await school.plugin.cancel(visit, lan.context())
        assert school.paper.ours == []


async def test_what_an_operator_books_again_over_another_visit_stands_and_is_told(business: Any) -> None:
    async with business(**GOOGLE) as school:
        _, visit = await written(school)
        core = school.server.server.appointments
        await core.become("school", visit, "cancelled", key="op-1", by="operator:minh")
        await school.server.quiet()
        minh = await school.booker("Minh")
        await minh.books("24/11 lúc 15:30")
        await core.become("school", visit, "booked", key="op-2", by="operator:minh")
        (alert,) = await school.alerts()
        assert "trùng giờ với một lịch khác" in alert
        assert await school.taken("lan") == [("booked", "24/11 15:00"), ("booked", "24/11 15:30")]


async def test_what_another_plugin_moves_is_moved_in_the_calendar(business: Any) -> None:
    async with business(**GOOGLE) as school:
        _, visit = await written(school)
        times = {"starts_at": local(26, 10), "ends_at": local(26, 11)}
        await school.server.server.appointments.move("school", visit, key="x", by="plugin:other", **times)
        await school.server.quiet()
        assert [each.starts_at for each in school.paper.ours] == [local(26, 10)]
        assert await school.taken("lan") == [("booked", "26/11 10:00")]


async def test_a_visit_that_others_book_with_somebody_takes_their_time(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        core = school.server.server.appointments
        times: dict[str, Any] = {"starts_at": local(24, 15), "ends_at": local(24, 16), "zone": "Asia/Ho_Chi_Minh"}
        booked = await core.book("school", lan.contact.id, key="1", by="operator:minh", resource="cô lan", **times)
        await school.server.quiet()
        assert await school.taken("lan") == [("booked", "24/11 15:00")]
        await core.become("school", booked.id, "cancelled", key="2", by="operator:minh")
        await school.server.quiet()
        assert await school.taken("lan") == []


async def test_nothing_of_an_erased_contact_stays_in_the_calendar(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan, _ = await written(school)
        await school.plugin.hold_slot(await lan.slot("25/11 lúc 9:00"), lan.context())
        assert set(await school.plugin.export_contact(lan.conversation, lan.contact)) == {"holds", "offers"}
        erasing = school.server.server.erasing
        await erasing.begin("school", lan.contact.id)

        async def done() -> bool:
            return not await erasing.waiting("school")

        await school.server.until("erased", done)
        assert school.paper.events == {} and await school.taken("lan") == []
        assert await school.plugin.store.list("offers") == [] == await school.plugin.store.list("holds")


async def test_what_we_do_in_the_calendar_is_not_told_as_somebody_elses_doing(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan, visit = await written(school)
        (event,) = school.paper.ours
        heard: list[Any] = []

        async def told_at_once(call: str, change: Any) -> Any:
            done = await getattr(PaperCalendar, call)(school.paper, change)
            # The push message comes before our record is written.
            await school.plugin.outside.apply(school.paper.events[event.id])
            heard.append(call)
            return done

        school.paper.move = lambda change: told_at_once("move", change)
        school.paper.cancel = lambda change: told_at_once("cancel", change)
        await school.plugin.move(visit, await lan.slot("25/11 lúc 9:00", appointment=visit), lan.context())
        there = await school.plugin.appointments.get(visit)
        assert (there.moves, there.history[-1].cause, there.starts_at) == (1, "", local(25, 9))
        await school.plugin.cancel(visit, lan.context())
        assert (await school.plugin.appointments.get(visit)).state == "cancelled" and heard == ["move", "cancel"]
        assert await school.taken("lan") == []
        await school.server.quiet()
        assert len((await school.server.plugin("phone")).sent) == 1, "only the answer to the greeting"
