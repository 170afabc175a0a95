"""Whole conversations on WhatsApp: signed webhooks over HTTP into a real server, replies through Twilio's REST API.

The two businesses of tenants.example.yaml, with the offline model and the booking plugin of tests/plugins/projects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from frontdesk.model import NOBODY
from frontdesk.testing.fake_twilio import CallbackPlan, FakeTwilio
from frontdesk.testing.wire_store import WireStore

from .conftest import Front, Phone, until
from .contacts import NUMBER, SETTLE

MakeFront = Callable[..., Front]
Business = Callable[[str], dict[str, Any]]
Deeds = Callable[[], list[str]]

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"
OPTION = re.compile(r"^(\d)\. (.+)$", re.MULTILINE)
IDS = re.compile(r"\b(?:sl|bk)[0-9a-f]{10}\b")


@pytest.fixture
def business(tmp_path: Path, twilio: FakeTwilio) -> Business:
    """`business("lotus-school")`: a tenant of the example, that takes bookings."""

    twilio.callbacks.default = CallbackPlan(statuses=("sent", "delivered", "read"), times=0)

    def make(id: str) -> dict[str, Any]:
        tenant: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))["tenants"][id]
        # Whatever the time is when this runs: nobody is told that the business is closed.
        tenant.pop("opening_hours", None)
        booking = {"booking": {"journal": str(tmp_path / "journal.jsonl")}}
        return {**tenant, "settle": SETTLE, "plugins": ["rehearsal_llm", booking]}

    return make


@pytest.fixture(params=["sqlite", pytest.param("wire", marks=pytest.mark.wire)])
def store(request: pytest.FixtureRequest) -> str:
    """The URL of each kind of store."""
    if request.param == "sqlite":
        return "sqlite:///data/frontdesk.db"
    wire: WireStore = request.getfixturevalue("wire")
    return wire.url("frontdesk")


@pytest.fixture
def deeds(tmp_path: Path) -> Deeds:
    """What the booking plugin did to the world, in order."""

    def read() -> list[str]:
        path = tmp_path / "journal.jsonl"
        return [json.loads(line)["did"] for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    return read


async def test_in_vietnamese_from_the_first_message_to_a_booked_visit(
    front: MakeFront, business: Business, deeds: Deeds, store: str
) -> None:
    async with front(business("lotus-school"), store=store) as desk:
        await desk.start()
        lan = desk.phone("+84901234567", "Nguyễn Thị Lan")

        assert "Em là Sen của Trung tâm Anh ngữ Hoa Sen" in await lan.asks("Chào em ạ")
        assert "7.900.000đ" in await lan.asks("khóa ielts giá bao nhiêu tiền vậy em")
        assert "88 phố Láng Hạ" in await lan.asks("trung tâm ở đâu nhỉ")

        offered = await lan.asks("cho chị đăng ký học thử ngày mai nhé")
        # What is too long for a title goes on in the second line of its choice.
        times = {no: time.replace(" (", ", ").rstrip(")") for no, time in OPTION.findall(offered)}
        assert [time[:5] for time in times.values()] == ["09:00", "10:30", "15:00"]
        assert deeds() == [], "asking for times books nothing"
        assert f"Em đã đặt lịch {times['2']} cho Nguyễn Thị Lan" in await lan.asks("cái thứ hai")
        assert deeds() == ["booked"]

        assert times["2"] in await lan.asks("em ơi chị có lịch hẹn hôm nào nhỉ?")
        assert "không có gì" in await lan.asks("cảm ơn em")
        assert deeds() == ["booked"], "a question and a thank-you do nothing"

        assert f"hủy lịch hẹn {times['2']}" in await lan.asks("chị bận mất rồi, hủy lịch hẹn giúp chị")
        assert deeds() == ["booked", "cancelled"]
        await all_is_well(desk, lan, said=8)


async def test_in_english_from_the_first_message_to_a_booked_visit_and_a_person(
    front: MakeFront, business: Business, deeds: Deeds, store: str
) -> None:
    async with front(business("riverside-dental"), store=store) as desk:
        await desk.start()
        tom = desk.phone("+447700900123", "Tom Baker")

        assert "this is Grace" in await tom.asks("Hi there")
        answer = await tom.asks("how much is a cleaning, and where can I park?")
        assert "£72" in answer and "Tooley Street" in answer

        times = dict(OPTION.findall(await tom.asks("Can I book a visit for tomorrow please?")))
        assert [time[-5:] for time in times.values()] == ["09:00", "10:30", "15:00"]
        assert f"You are booked for {times['3']}, Tom Baker" in await tom.asks("the afternoon one")
        assert deeds() == ["booked"]
        assert times["3"] in await tom.asks("Did I book an appointment?")

        assert "colleague" in await tom.asks("I'd rather talk to a person now")
        assert (await tom.conversation()).owner == NOBODY
        assert deeds() == ["booked"]
        await all_is_well(desk, tom, said=6)


async def all_is_well(desk: Front, phone: Phone, said: int) -> None:
    """Everything went through Twilio's REST protocol, and what became of it came back."""
    assert desk.twilio.violations == []
    assert [message.from_ for message in phone.received()] == [NUMBER] * said
    assert not [message.body for message in phone.received() if IDS.search(message.body)], "an id was shown"
    await desk.quiet()
    messages = await phone.messages()
    inbound = [message for message in messages if message.direction == "inbound"]
    assert [message.state for message in inbound] == ["answered"] * said
    outbound = sorted((m for m in messages if m.direction == "outbound"), key=lambda message: message.place)
    assert [m.provider_id for m in outbound] == [message.sid for message in phone.received()]
    assert [m.text for m in outbound] == [message.body for message in phone.received()]

    async def read() -> bool:
        return {m.state for m in await phone.messages() if m.direction == "outbound"} == {"read"}

    await until("the blue ticks are in the store", read)
