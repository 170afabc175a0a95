"""The example tenants book for real on WhatsApp: signed webhooks into a real server, the offline model, gcal_scheduler."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from frontdesk.testing.fake_twilio import CallbackPlan, FakeTwilio

from .conftest import Front
from .contacts import SETTLE

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"
ALWAYS = {day: ["08:00-20:00"] for day in "monday tuesday wednesday thursday friday saturday sunday".split()}
"""Whatever the day is when this runs."""
AT_3 = re.compile(r"15:00 (?:thứ \w+|Chủ nhật) \d+/\d+|\w+day \d+ \w+(?: \d{4})?, 15:00")


@pytest.fixture
def business(twilio: FakeTwilio) -> Callable[[str], dict[str, Any]]:
    """A tenant of the example, whose diary is open every day."""
    twilio.callbacks.default = CallbackPlan(statuses=("sent", "delivered", "read"), times=0)

    def make(id: str) -> dict[str, Any]:
        tenant: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))["tenants"][id]
        tenant.pop("opening_hours", None)
        (diary,) = (each["gcal_scheduler"] for each in tenant["plugins"] if "gcal_scheduler" in each)
        diary |= {"hours": ALWAYS, "holidays": "", "change_until": "1 min"}
        for staff in diary.get("staff", ()):
            staff.pop("hours", None)
        return {**tenant, "settle": SETTLE, "plugins": ["rehearsal_llm", {"gcal_scheduler": diary}]}

    return make


async def test_a_visit_is_booked_in_vietnamese(
    front: Callable[..., Front], business: Callable[[str], dict[str, Any]]
) -> None:
    async with front(business("lotus-school")) as desk:
        await desk.start()
        lan = desk.phone("+84901234567", "Nguyễn Thị Lan")
        asked = await lan.asks("Ngày mai 3 giờ chiều em qua được không ạ?")
        at = AT_3.search(asked)
        assert at and "đồng ý không" in asked, asked
        assert f"Em đã đặt lịch Buổi học thử lúc {at[0]} ạ." in await lan.asks("Dạ vâng")
        assert "https://calendar.google.com/" in await lan.hears()


@pytest.mark.slow
async def test_two_who_want_the_same_time_in_english(
    front: Callable[..., Front], business: Callable[[str], dict[str, Any]]
) -> None:
    async with front(business("riverside-dental")) as desk:
        await desk.start()
        tom, ann = desk.phone("+447700900123", "Tom Baker"), desk.phone("+447700900124", "Ann")
        asked = await tom.asks("Can I come for a cleaning tomorrow at 3pm?")
        at = AT_3.search(asked)
        assert at and "Shall I go ahead?" in asked, asked
        assert "The nearest" in await ann.asks("I'd like to book a hygienist visit tomorrow at 3pm"), (
            "it is held for Tom"
        )
        assert f"You are booked for {at[0]}: Hygienist visit." in await tom.asks("Yes please")
