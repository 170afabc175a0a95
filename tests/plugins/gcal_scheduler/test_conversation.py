"""The example tenants book for real with the offline model: whoever names a time has the calendar looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from frontdesk import choices_of, numbered
from frontdesk.plugins.gcal_scheduler import GcalScheduler
from frontdesk.plugins.rehearsal_llm import RehearsalLlm
from frontdesk.plugins.reminders import Reminders
from frontdesk.testing.clock import MovableClock

EXAMPLE = yaml.safe_load((Path(__file__).parents[3] / "tenants.example.yaml").read_text("utf-8"))["tenants"]
MORNING = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
"""A Wednesday, 10:00 in Hanoi."""


class Talk:
    """What a contact and the desk say to each other."""

    def __init__(self, server: Any, contact: Any) -> None:
        self.server = server
        self._contact = contact

    async def says(self, text: str) -> str:
        """The answer."""
        await self._contact.says(text)
        return await self.hears()

    async def taps(self, title: str, payload: str) -> str:
        """The answer to a button."""
        await self._contact.says(title, kind="button", data={"payload": payload})
        return await self.hears()

    async def hears(self) -> str:
        """The next message, with what can be chosen below it."""
        text: str = await self._contact.hears()
        last = next(each for each in reversed(await self._contact.received()) if each.text == text)
        return numbered(text, choices_of(last.data))

    async def visits(self) -> list[tuple[str, str, str]]:
        """(state, service, when) of the contact's appointments."""
        plugin = await self.server.plugin("gcal_scheduler")
        zone = plugin.tenant.zone
        return [
            (each.state, each.service, f"{each.starts_at.astimezone(zone):%d/%m %H:%M}")
            for each in await plugin.appointments.of(self._contact.id)
        ]


@pytest.fixture
def talk(desk: Any) -> Callable[..., Any]:
    """`async with talk("lotus-school") as talk:`: a tenant of the example, and a contact of it."""

    @asynccontextmanager
    async def start(tenant: str) -> AsyncIterator[Talk]:
        example = {**EXAMPLE[tenant], "settle": {"quiet_seconds": 0}}
        of_plugins = [each for each in example["plugins"] if "gcal_scheduler" in each]
        reminders = {"reminders": {"rules": [{"id": "24h", "before": "24 h"}]}}
        example["plugins"] = ["phone", "rehearsal_llm", *of_plugins, reminders]
        async with desk(
            plugins={"rehearsal_llm": RehearsalLlm, "gcal_scheduler": GcalScheduler, "reminders": Reminders},
            tenants={tenant: example},
            clock=MovableClock(MORNING),
        ) as server:
            yield Talk(server, server.contact("Lan"))

    return start


async def test_can_i_come_monday_at_3(talk: Any) -> None:
    async with talk("riverside-dental") as ann:
        answer = await ann.says("Can I come Monday at 3?")
        assert "Monday 30 Nov, 15:00" in answer and "Shall I go ahead?" in answer, answer
        assert await ann.visits() == []
        answer = await ann.says("Yes please")
        assert "You are booked for Monday 30 Nov, 15:00: Check-up." in answer, answer
        assert await ann.visits() == [("booked", "Check-up", "30/11 15:00")]
        assert (await ann.hears()).startswith("Check-up, Monday 30 Nov, 15:00. Add it to your calendar: https://")
        assert "Monday 30 Nov, 15:00" in await ann.says("When is my appointment?")
        answer = await ann.says("Could you move my appointment to Tuesday at 10?")
        assert "Tuesday 1 Dec, 10:00" in answer and "Shall I go ahead?" in answer, answer
        answer = await ann.says("yes")
        assert "moved to Tuesday 1 Dec, 10:00" in answer, answer
        await ann.hears()
        answer = await ann.says("Sorry, I need to cancel my appointment")
        assert "Shall I go ahead?" in answer, answer
        assert "is cancelled" in await ann.says("yes")
        assert await ann.visits() == [("cancelled", "Check-up", "01/12 10:00")]


async def test_thu_hai_3_gio_em_qua_duoc_khong(talk: Any) -> None:
    async with talk("lotus-school") as lan:
        answer = await lan.says("Thứ hai 3 giờ chiều em qua học thử được không ạ?")
        assert "15:00 thứ Hai 30/11" in answer and "đồng ý không" in answer, answer
        answer = await lan.says("Dạ được ạ")
        assert "Em đã đặt lịch Buổi học thử lúc 15:00 thứ Hai 30/11 ạ." in answer, answer
        assert await lan.visits() == [("booked", "Buổi học thử", "30/11 15:00")]
        assert "https://calendar.google.com/" in await lan.hears()
        assert "15:00 thứ Hai 30/11" in await lan.says("Em có lịch hẹn lúc nào ạ?")
        answer = await lan.says("Cho em đổi lịch sang chiều thứ ba lúc 4 giờ được không?")
        assert "16:00 thứ Ba 1/12" in answer, answer
        answer = await lan.says("vâng ạ")
        assert "sang 16:00 thứ Ba 1/12" in answer, answer
        await lan.hears()
        answer = await lan.says("Em muốn hủy lịch hẹn")
        assert "đồng ý không" in answer, answer
        assert "Em đã hủy lịch" in await lan.says("có ạ")
        assert await lan.visits() == [("cancelled", "Buổi học thử", "01/12 16:00")]


async def test_a_choice_of_times_is_offered_and_taken(talk: Any) -> None:
    async with talk("lotus-school") as lan:
        answer = await lan.says("em muon dat lich hoc thu chieu thu sau")
        assert answer.count("thứ Sáu 27/11") == 3, answer
        answer = await lan.says("2")
        assert "đồng ý không" in answer, answer
        answer = await lan.says("ok em")
        assert "Em đã đặt lịch" in answer, answer
        ((_, _, when),) = await lan.visits()
        assert when.startswith("27/11")


async def test_a_time_that_is_not_free_is_answered_with_others(talk: Any) -> None:
    async with talk("riverside-dental") as ann:
        answer = await ann.says("Can I come on Sunday at 10 for a check-up?")
        assert "Sunday 29 Nov is closed." in answer and "Monday 30 Nov" in answer, answer
        answer = await ann.says("I'd like to book a hygienist visit on 30/2")
        assert "there is no such day" in answer, answer
        answer = await ann.says("Any chance of a hygienist visit tomorrow at 11?")
        assert "Hygienist visit" in answer and "Thursday 26 Nov, 11:00" in answer, answer


async def test_an_hour_alone_is_of_the_day_that_is_talked_about(talk: Any) -> None:
    async with talk("lotus-school") as lan:
        answer = await lan.says("em muốn đặt lịch kiểm tra đầu vào sáng thứ ba")
        assert answer.count("thứ Ba 1/12") == 3 and "08:30" not in answer, answer
        assert "08:30 thứ Ba 1/12" in await lan.says("08:30 ạ")
        assert "15:00 thứ Ba 1/12" in await lan.says("15h đi ạ")
        assert "Em đã đặt lịch" in await lan.says("vâng ạ")
        await lan.hears()
        answer = await lan.says("Em đổi lịch sang thứ sáu được không?")
        assert answer.count("thứ Sáu 27/11") == 3, answer
        answer = await lan.says("7h tối")
        assert "đổi lịch sang 19:00 thứ Sáu 27/11" in answer, answer


async def test_an_hour_after_an_offer_keeps_its_day_whatever_else_is_said(talk: Any) -> None:
    async with talk("riverside-dental") as ann:
        assert (await ann.says("Can I come on Friday?")).count("Friday 27 Nov") == 3
        assert "Friday 27 Nov, 15:00" in await ann.says("dr jones at 3pm")
        assert "Friday 27 Nov, 11:00" in await ann.says("at 11 please")
        answer = await ann.says("Can I come on Tuesday at 10 for a check-up?")
        assert "Tuesday 1 Dec, 10:00" in answer and "Shall I go ahead?" in answer, answer
        answer = await ann.says("at 3 with my son")
        assert "Tuesday 1 Dec, 15:00" in answer and "Shall I go ahead?" in answer, answer


async def test_the_time_named_after_a_tap_to_move_is_for_that_visit(talk: Any) -> None:
    async with talk("lotus-school") as lan:
        for text in ("em muốn đặt lịch học thử 14h ngày mai", "đặt lịch kiểm tra đầu vào chiều thứ ba lúc 4 giờ"):
            assert "đồng ý không" in await lan.says(text)
            assert "Em đã đặt lịch" in await lan.says("vâng ạ")
            await lan.hears()
        lan.server.clock.advance(4 * 3600 + 60)
        assert "14:00 Thứ Năm, 26/11" in await lan.hears()
        answer = await lan.taps("Đổi giờ hẹn", "reminders:move")
        assert "Mình muốn đổi sang ngày giờ nào ạ?" in answer, answer
        answer = await lan.says("thứ hai lúc 9h")
        assert "đổi lịch sang 09:00 thứ Hai 30/11" in answer, answer
        assert "09:00 thứ Hai 30/11" in await lan.says("ok em")
        booked = {("booked", "Buổi học thử", "30/11 09:00"), ("booked", "Kiểm tra đầu vào", "01/12 16:00")}
        assert set(await lan.visits()) == booked


async def test_a_time_is_looked_up_without_another_word_and_though_there_is_no_such_day(talk: Any) -> None:
    async with talk("riverside-dental") as ann:
        assert "Tuesday 1 Dec, 17:00" in await ann.says("next Tuesday after 5")
        await ann.says("no thanks")
        assert "Wednesday 25 Nov" in await ann.says("Can I come in two hours?")
        await ann.says("no thanks")
        assert "I find no appointment of yours." in await ann.says("What appointments do I have?")
        assert "there is no such day or time (on 30 February)" in await ann.says("Can I come on 30 February?")


async def test_a_time_that_is_refused_leaves_the_errand_open(talk: Any) -> None:
    async with talk("riverside-dental") as ann:
        answer = await ann.says("Can I come Monday at 25:00?")
        assert answer.endswith("no such day or time (Monday at 25:00). Which day would suit you?"), answer
        answer = await ann.says("at 3pm")
        assert "book Monday 30 Nov, 15:00" in answer, answer
        assert "You are booked" in await ann.says("yes")
        await ann.hears()
        assert "Which day would suit you?" in await ann.says("Can you move my appointment to 30 February?")
        answer = await ann.says("Friday at 2pm then")
        assert "move it to Friday 27 Nov, 14:00" in answer, answer


async def test_an_hour_to_move_to_is_of_the_day_of_the_visit(talk: Any) -> None:
    async with talk("riverside-dental") as ann:
        await ann.says("Can I come Monday at 3?")
        assert "You are booked" in await ann.says("yes")
        await ann.hears()
        assert "move it to Monday 30 Nov, 16:00" in await ann.says("Could you move my appointment to 4pm?")
        assert "moved to Monday 30 Nov, 16:00" in await ann.says("yes")


async def test_an_hour_after_a_weekend_is_of_that_weekend(talk: Any) -> None:
    async with talk("riverside-dental") as ann:
        assert "Saturday 28 Nov" in await ann.says("Can I come this weekend?")
        assert "Saturday 28 Nov, 11:00" in await ann.says("11am")


@pytest.mark.parametrize(
    ("tenant", "text"),
    [("riverside-dental", "From what age can my daughter come?"), ("lotus-school", "Con tôi 5 tuổi có lớp không?")],
)
async def test_a_question_without_a_time_is_answered_with_its_fact(talk: Any, tenant: str, text: str) -> None:
    async with talk(tenant) as contact:
        answer = await contact.says(text)
        assert "age of two" in answer or "từ 4 tuổi" in answer, answer
