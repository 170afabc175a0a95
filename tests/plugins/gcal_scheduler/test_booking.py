"""From a wish to a visit in the calendar: found, held, booked, moved, cancelled, by ids alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from frontdesk import Refused, RetryLater

from .conftest import GOOGLE, local


async def test_a_visit_is_found_held_booked_moved_and_cancelled(business: Any) -> None:
    async with business() as school:
        lan = await school.booker()
        told = await school.plugin.find_slots(lan.context(), "thứ ba 3 giờ chiều", "trial")
        id, label = told.splitlines()[1].split(" — ")
        assert told.startswith("Giờ còn trống cho Buổi học thử (1 giờ, miễn phí)")
        assert label == "15:00 thứ Ba 24/11 – Buổi học thử"
        assert await school.plugin.hold_slot(id, lan.context()) == f"Đã giữ {label} cho khách đến 09:10."
        assert await school.taken() == [("held", "24/11 15:00")]
        context = lan.context()
        done = await school.plugin.book(id, context)
        assert done.sentence == "Em đã đặt lịch Buổi học thử lúc 15:00 thứ Ba 24/11 ạ."
        assert await school.taken() == [("booked", "24/11 15:00")]
        visit = school.plugin.appointments.id_of(context.key)
        assert await school.plugin.my_appointments(lan.context()) == f"{visit} — 15:00 thứ Ba 24/11 – Buổi học thử"
        there = await school.plugin.appointments.get(visit)
        assert (there.service, there.resource, there.starts_at) == ("Buổi học thử", "Hoa Sen", local(24, 15))
        later = await lan.slot("24/11 lúc 15:30", appointment=visit)
        assert "sang 15:30" in (await school.plugin.move(visit, later, lan.context())).sentence
        assert await school.taken() == [("booked", "24/11 15:30")]
        assert "hủy lịch" in (await school.plugin.cancel(visit, lan.context())).sentence
        assert await school.taken() == []
        assert (await school.plugin.appointments.get(visit)).state == "cancelled"
        assert await school.plugin.my_appointments(lan.context()) == "Khách chưa có lịch hẹn nào."


async def test_what_was_taken_is_not_offered_and_the_nearest_is(business: Any) -> None:
    async with business() as school:
        lan, minh = await school.booker("Lan"), await school.booker("Minh")
        await lan.books("24/11 lúc 15:00", service="trial")
        told = await school.plugin.find_slots(minh.context(), "24/11 lúc 15:00", "trial")
        assert told.startswith("Lúc đó không còn trống.")
        assert [line.split(" — ")[1][:5] for line in told.splitlines()[1:]] == ["13:30", "14:00", "16:00"]


async def test_ids_of_others_and_made_up_ids_do_nothing(business: Any) -> None:
    async with business() as school:
        lan, minh = await school.booker("Lan"), await school.booker("Minh")
        id = await lan.slot("24/11 lúc 15:00")
        for slot in (id, "s0123456789", "2026-11-24T15:00", ""):
            assert "không có mã giờ hẹn này" in await minh.refused(school.plugin.book(slot, minh.context()))
            assert "không có mã" in await minh.refused(school.plugin.hold_slot(slot, minh.context()))
        visit, own = await lan.books("24/11 lúc 15:00"), await minh.slot("24/11 lúc 17:00")
        not_theirs = "không có lịch hẹn này của khách; xem lại bằng my_appointments"
        for mine in (visit, "nothing"):
            assert await minh.refused(school.plugin.cancel(mine, minh.context())) == not_theirs
            assert await minh.refused(school.plugin.move(mine, own, minh.context())) == not_theirs
        assert await school.plugin.my_appointments(minh.context()) == "Khách chưa có lịch hẹn nào."


async def test_a_contact_has_one_hold_and_it_expires(business: Any) -> None:
    async with business() as school:
        lan, minh = await school.booker("Lan"), await school.booker("Minh")
        first, second = await lan.slot("24/11 lúc 15:00"), await lan.slot("25/11 lúc 10:00")
        until = await school.plugin.hold_slot(first, lan.context())
        card = await school.plugin.contact_card(lan.conversation, lan.contact, "en")
        assert (card.title, card.rows) == ("Diary", (("Held", "Trial lesson, Tuesday 24 Nov, 15:00, until 09:10"),))
        assert await school.plugin.contact_card(minh.conversation, minh.contact, "vi") is None
        school.server.clock.advance(60)
        assert await school.plugin.hold_slot(first, lan.context()) == until, "idempotent: it lasts no longer"
        assert "24/11 lúc 15:00" not in (await minh.finds("24/11 lúc 15:00")).values()
        assert await lan.slot("24/11 lúc 15:00") == first, "their own hold is in nobody's way"
        await school.plugin.hold_slot(second, lan.context())
        assert await school.taken() == [("held", "25/11 10:00")]
        assert await minh.slot("24/11 lúc 15:00") == first
        school.server.clock.advance(601)
        assert await school.taken() == []
        assert await minh.books("25/11 lúc 10:00")
        assert "vừa có người đặt" in await lan.refused(school.plugin.book(second, lan.context()))


async def test_every_rule_is_looked_at_again_when_it_is_written(business: Any) -> None:
    async with business() as school:
        lan = await school.booker()
        soon, id = await lan.slot("hôm nay lúc 11:00"), await lan.slot("24/11 lúc 15:00")
        visit = await lan.books("hôm nay lúc 10:30")
        school.server.clock.advance(70 * 60)  # 10:10
        assert "ít nhất 1 giờ" in await lan.refused(school.plugin.book(soon, lan.context()))
        assert "ít nhất 1 giờ" in await lan.refused(school.plugin.hold_slot(soon, lan.context()))
        assert "nhân viên sẽ hỗ trợ" in await lan.refused(school.plugin.cancel(visit, lan.context()))
        assert "nhân viên sẽ hỗ trợ" in await lan.refused(school.plugin.move(visit, id, lan.context()))
        closed = {"exceptions": [{"day": "2026-11-24", "reason": "họp"}]}
        school.plugin.rules.settings = type(school.plugin.settings)(**{**school.plugin.settings.model_dump(), **closed})
        school.plugin.rules.staff = school.plugin.rules.staff
        assert "không còn nhận khách" in await lan.refused(school.plugin.book(id, lan.context()))


IMPOSSIBLE = {
    "30/2 lúc 9 giờ": "không có ngày giờ này",
    "hôm qua": "đã qua (Chủ nhật 22/11)",
    "mùng 5 Tết": "ngày âm lịch",
    "không phải thứ hai": "chưa rõ mình muốn hẹn lúc nào",
    "thứ hai 26/11": "ngày đó là thứ Năm 26/11",
    "20/6/2027": "chỉ nhận lịch hẹn đến hết ngày",
}


async def test_what_cannot_be_is_said(business: Any) -> None:
    async with business() as school:
        lan = await school.booker()
        for when, words in IMPOSSIBLE.items():
            assert words in await lan.refused(school.plugin.find_slots(lan.context(), when)), when


async def test_a_closed_day_is_named_and_the_next_times_are_offered(business: Any) -> None:
    async with business(exceptions=[{"day": "2026-11-25", "reason": "họp toàn trung tâm"}]) as school:
        lan = await school.booker()
        told = await school.plugin.find_slots(lan.context(), "thứ tư 25/11 buổi sáng")
        assert told.startswith("Thứ Tư 25/11 không làm việc (họp toàn trung tâm). Giờ trống gần nhất")
        assert "08:00 thứ Năm 26/11" in told
        assert "Chủ nhật 29/11 không làm việc." in await school.plugin.find_slots(lan.context(), "chủ nhật 29/11")


async def test_the_service_that_the_contact_spoke_of_is_meant(business: Any) -> None:
    async with business() as school:
        lan = await school.booker()
        assert "Kiểm tra đầu vào" in await school.plugin.find_slots(lan.context(), "em muon kiem tra dau vao chiều mai")
        there = await lan.refused(school.plugin.find_slots(lan.context(), "ngày mai", "massage"))
        assert there == "không có dịch vụ này; có: Buổi học thử, Kiểm tra đầu vào"
        assert "không có người này" in await lan.refused(school.plugin.find_slots(lan.context(), "mai", "", "Ông X"))


async def test_a_contact_elsewhere_hears_both_times(business: Any) -> None:
    async with business() as school:
        ann = await school.booker("Ann", phone="+819012345678")
        (label,) = (await ann.finds("24/11 lúc 15:00")).values()
        assert label.startswith("15:00 thứ Ba 24/11 (17:00 giờ Nhật Bản)")


async def test_the_same_deed_twice_is_one_visit(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        id, context = await lan.slot("24/11 lúc 15:00"), lan.context()
        assert await school.plugin.find_booking(id, context) is None
        once = await school.plugin.book(id, context)
        assert await school.plugin.book(id, context) == once == await school.plugin.find_booking(id, context)
        assert len(school.paper.ours) == len(await school.plugin.appointments.of(lan.contact.id)) == 1
        visit = school.plugin.appointments.id_of(context.key)
        later, moving = await lan.slot("25/11 lúc 9:00", appointment=visit), lan.context()
        once = await school.plugin.move(visit, later, moving)
        assert (
            await school.plugin.move(visit, later, moving)
            == once
            == await school.plugin.find_move(visit, later, moving)
        )
        gone = lan.context()
        once = await school.plugin.cancel(visit, gone)
        assert await school.plugin.cancel(visit, gone) == once == await school.plugin.find_cancellation(visit, gone)
        assert school.paper.ours == [] and await school.taken("lan") == []


async def test_fifty_who_want_a_class_of_ten(business: Any) -> None:
    yoga = {"id": "yoga", "name": "Yoga", "duration": "60 min", "seats": 10}
    async with business(services=[yoga]) as school:
        lan = await school.booker()
        id = await lan.slot("24/11 lúc 18:00")
        offered = await school.plugin.store.get("offers", lan.contact.id)
        contacts = [type(lan.contact)(id=f"c{n}", created_at=lan.contact.created_at) for n in range(50)]

        async def wants(number: int) -> bool:
            contact = contacts[number]
            await school.plugin.store.put("offers", contact.id, offered)
            context = lan.context(f"turn.{number}/1")
            slot = await school.plugin.offers.slot(contact.id, id)
            try:
                # The record needs a contact: one has all of them.
                await school.plugin.visits.book(slot, lan.contact, context.conversation, context.key, {})
            except Refused as err:
                assert err.reason == "taken"
                return False
            return True

        took = await asyncio.gather(*(wants(number) for number in range(50)))
        assert sum(took) == 10 == len(await school.plugin.appointments.of(lan.contact.id))
        assert await school.taken() == [("booked", "24/11 18:00")] * 10
        assert not (await lan.finds("24/11 lúc 18:00")).keys() & {id}


async def test_unknown_is_never_free(business: Any) -> None:
    async with business(**GOOGLE) as school:
        lan = await school.booker()
        id = await lan.slot("24/11 lúc 15:00")
        school.paper.unknown = True
        for call in (school.plugin.find_slots(lan.context(), "24/11"), school.plugin.book(id, lan.context())):
            with pytest.raises(RetryLater):
                await call
        assert school.paper.ours == [] and await school.taken("lan") == []


async def test_what_is_kept_free_around_a_visit_is_kept_free(business: Any) -> None:
    async with business(grid="10 min") as school:
        lan = await school.booker()
        await lan.books("24/11 lúc 9:00", service="test")
        labels = list((await lan.finds("24/11 lúc 9:30", service="test")).values())
        assert labels[0][:5] in ("08:20", "09:40") and "09:30" not in [label[:5] for label in labels]
        assert await lan.books("24/11 lúc 9:40", service="test")


async def test_over_midnight_nobody_is_in_the_way_of_anybody(business: Any) -> None:
    nights = {"hours": {"monday": ["20:00-24:00"], "tuesday": ["00:00-04:00"]}}
    async with business(services=[{"id": "night", "name": "Ca đêm", "duration": "90 min"}], **nights) as school:
        lan, minh = await school.booker("Lan"), await school.booker("Minh")
        await lan.books("23/11 lúc 23:30")
        tried = await minh.finds("24/11 lúc 0 giờ 30 sáng")
        assert "00:30" not in [label[:5] for label in tried.values()]
        assert await minh.books("24/11 lúc 1 giờ sáng")
        assert await school.taken() == [("booked", "23/11 23:30"), ("booked", "24/11 01:00")]
        assert (await school.plugin.appointments.of(lan.contact.id))[0].ends_at - local(23, 23, 30) == timedelta(
            minutes=90
        )
